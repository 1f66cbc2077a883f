"""Download of an invoice as PDF."""

from uuid import UUID

from models.audit_actions import AuditAction
from models.billing import Invoice
from models.database import Database
from models.downloads import DownloadKind
from models.storage import Storage
from permissions.context import Context
from permissions.roles import Permission
from resolvers.billing.inputs import RequestInvoiceDownloadInput
from resolvers.billing.invoice_documents import invoice_file_name, invoice_pdf, issued_invoice
from resolvers.change import change
from resolvers.downloads.links import (
    PDF_MEDIA_TYPE,
    Content,
    Download,
    Link,
    Subject,
    issue_link,
    pdf_content,
)
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.user_errors import not_found
from settings import Settings


@mutation_result
class RequestInvoiceDownloadResult:
    """Payload of `requestInvoiceDownload`: a link to the invoice."""

    download: Download = shown("Link to the invoice as a PDF, valid for a few minutes.")


async def request_invoice_download(
    context: Context, input: RequestInvoiceDownloadInput
) -> RequestInvoiceDownloadResult:
    found = await find(context, Invoice, input.invoice_id)
    if found is None:
        raise not_found("invoice", "invoiceId")
    async with change(context, found.account_id, AuditAction.INVOICE_DOWNLOADED, on=found) as tx:
        subject = {"invoiceId": str(found.id)}
        name = invoice_file_name(found)
        download = await issue_link(tx, context, DownloadKind.INVOICE, subject, name, PDF_MEDIA_TYPE, None)
    return RequestInvoiceDownloadResult(download=download)


async def open_invoice(_settings: Settings, database: Database, _storage: Storage, link: Link) -> Content:
    link.require(Permission.MANAGE_BILLING)
    invoice = await issued_invoice(database, link.member.account_id, UUID(link.row.subject["invoiceId"]))
    pdf = await invoice_pdf(database, invoice, link.member.user_id)
    number = invoice.number
    return pdf_content(
        Subject(Invoice, invoice.id, number, f"the invoice {number}"), invoice_file_name(invoice), pdf
    )
