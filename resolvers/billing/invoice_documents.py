"""Invoices as PDFs. The bytes are the same each time, except for the status."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from sqlmodel import col

from engine.canonical_json import JSONObject
from engine.conditions import Condition
from engine.fair_share import Claim
from engine.row_loader import of_accounts, with_id
from engine.row_reader import rows
from mailer.messages import Attachment, InvoiceAttachment
from mailer.wording import day
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from models.database import Database
from resolvers.billing.amounts import grouped, percentage
from resolvers.billing.invoices import BY_POSITION
from resolvers.downloads.links import PDF_MEDIA_TYPE
from resolvers.typesetting import typeset

_of_invoice = Condition(
    lambda account_id, invoice_id: (
        (col(InvoiceLine.account_id) == account_id) & (col(InvoiceLine.invoice_id) == invoice_id)
    )
)
_REVERSE_CHARGE = "Reverse charge: the recipient owes the tax (Article 196 of Directive 2006/112/EC)."


def invoice_file_name(invoice: Invoice) -> str:
    return f"{invoice.number}.pdf"


async def invoice_pdf(database: Database, invoice: Invoice, person_id: UUID | None = None) -> bytes:
    """`person_id` is the id of the user who requested it, if any."""

    async def read() -> Mapping[str, object]:
        of_invoice = _of_invoice(invoice.account_id, invoice.id)
        lines = await rows(database, InvoiceLine, of_invoice, order=BY_POSITION)
        return {
            "number": invoice.number,
            "status": invoice.status,
            "seller": invoice.billed_to["seller"],
            "billedTo": list(_billed_to(invoice.billed_to)),
            "facts": list(_facts(invoice)),
            "lines": [_line(line) for line in lines],
            "sums": [("Subtotal", grouped(invoice.subtotal)), (_tax_name(invoice), grouped(invoice.tax))],
            "total": f"{invoice.currency} {grouped(invoice.total)}",
            "notes": list(_notes(invoice)),
        }

    return await typeset("invoice.typ", read, invoice.issued_at, Claim(invoice.account_id, person_id))


async def attached_invoice(database: Database, asked: InvoiceAttachment) -> Attachment:
    invoice = await issued_invoice(database, asked.account_id, asked.invoice_id)
    pdf = await invoice_pdf(database, invoice)
    return Attachment(invoice_file_name(invoice), PDF_MEDIA_TYPE, pdf)


async def issued_invoice(database: Database, account_id: UUID, invoice_id: UUID) -> Invoice:
    """An invoice that was issued exists: none is ever deleted."""
    of_account = of_accounts(Invoice)([account_id])
    (invoice,) = await rows(database, Invoice, of_account, with_id(Invoice)(invoice_id))
    return invoice


def _billed_to(billed_to: JSONObject) -> Iterator[str]:
    yield billed_to["company"] or billed_to["account"]
    yield billed_to["owner"]["name"]
    yield from billed_to["addressLines"]
    if billed_to["country"]:
        yield billed_to["country"]
    if billed_to["taxId"]:
        yield f"VAT id {billed_to['taxId']}"


def _facts(invoice: Invoice) -> Iterator[tuple[str, str]]:
    yield "Number", invoice.number
    yield "Issued", day(invoice.issued_at)
    if invoice.total:
        yield "Due", day(invoice.due_at)
    yield "Purchased by", invoice.billed_to["purchasedBy"]
    yield "Currency", invoice.currency


def _line(line: InvoiceLine) -> dict[str, str]:
    return {
        "description": line.description,
        "quantity": f"{line.quantity:,}",
        "unitPrice": grouped(line.unit_price),
        "amount": grouped(line.amount),
    }


def _tax_name(invoice: Invoice) -> str:
    return (
        "Tax, reverse charge"
        if invoice.billed_to["reverseCharge"]
        else f"Tax, {percentage(invoice.tax_rate)}"
    )


def _notes(invoice: Invoice) -> Iterator[str]:
    number = invoice.number
    if invoice.billed_to["reverseCharge"]:
        yield _REVERSE_CHARGE
    if invoice.status is InvoiceStatus.VOID:
        yield "This invoice is void: nothing is owed."
    elif not invoice.total:
        yield "Nothing is due."
    elif invoice.paid_at is not None:
        yield f"Paid on {day(invoice.paid_at)}. Thank you."
    else:
        yield f"Please pay by {day(invoice.due_at)}, and give the number {number}."
