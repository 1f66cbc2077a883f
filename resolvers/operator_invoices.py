"""What whoever runs the platform does with invoices, from the command line. Audited as the operator's."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from models.audit import AuditAction
from models.billing import Invoice, InvoiceStatus
from models.columns import now
from models.database import Database
from resolvers.billing import invoices_of
from resolvers.change import announcing, system_change
from resolvers.events import OPERATOR
from resolvers.operator import account_called
from resolvers.refusals import UserErrorCode, not_found, refused
from resolvers.rows import listed

MOST_LISTED = 10_000


async def list_invoices(
    database: Database, account_slug: str, statuses: Sequence[InvoiceStatus] | None = None
) -> list[Invoice]:
    """The newest first, 10,000 at most."""
    account = await account_called(database, account_slug)
    return await listed(database, Invoice, invoices_of(account.id, statuses), limit=MOST_LISTED)


async def pay_invoice(database: Database, account_slug: str, number: str) -> Invoice:
    """Its money has arrived."""
    return await _close(database, account_slug, number, AuditAction.INVOICE_PAID)


async def void_invoice(database: Database, account_slug: str, number: str) -> Invoice:
    """It is not to be paid, and does not count as spent any more. What was bought by it stays."""
    return await _close(database, account_slug, number, AuditAction.INVOICE_VOIDED)


_CLOSED = {
    AuditAction.INVOICE_PAID: (InvoiceStatus.PAID, "recorded the payment of"),
    AuditAction.INVOICE_VOIDED: (InvoiceStatus.VOID, "voided"),
}


async def _close(database: Database, account_slug: str, number: str, action: AuditAction) -> Invoice:
    account = await account_called(database, account_slug)
    sequence, (status, did) = Invoice.sequence_of(number), _CLOSED[action]
    statement = select(Invoice).where(
        col(Invoice.account_id) == account.id, col(Invoice.sequence) == sequence
    )
    async with (
        announcing(database) as announcer,
        system_change(database, announcer, account.id, action, OPERATOR) as tx,
    ):
        invoice = (await tx.session.scalars(statement)).one_or_none()
        if invoice is None:
            raise not_found(f"invoice of {account_slug} as {number}", "number")
        number = Invoice.number_of(invoice.sequence)
        if invoice.status is not InvoiceStatus.OPEN:
            raise refused(
                UserErrorCode.NOT_ACTIVE,
                f"{number} is {invoice.status} already: only an open invoice can be paid or voided.",
                "number",
            )
        invoice.status = status
        if status is InvoiceStatus.PAID:
            invoice.paid_at = now()
        tx.about(
            invoice,
            number,
            f"{did} {number}",
            status=["OPEN", status.value],
            total=str(invoice.total),
            currency=invoice.currency,
        )
    return invoice
