"""Operator's commands for invoices. They are audited with the operator as actor."""

from collections.abc import Sequence

from engine.row_reader import listed
from models.audit_actions import AuditAction
from models.billing import Invoice, InvoiceStatus
from models.database import Database
from resolvers.accounts.operator import account_called
from resolvers.billing.invoices import close_invoice
from resolvers.billing.queries import invoices_of
from resolvers.events import OPERATOR
from resolvers.user_errors import invalid

MOST_LISTED = 10_000


async def list_invoices(
    database: Database, account_slug: str, statuses: Sequence[InvoiceStatus] | None = None
) -> list[Invoice]:
    """Newest invoices first, at most 10,000."""
    account = await account_called(database, account_slug)
    return await listed(database, Invoice, invoices_of(account.id, statuses), limit=MOST_LISTED)


async def pay_invoice(database: Database, account_slug: str, number: str) -> Invoice:
    """Records that the payment has arrived."""
    return await _close(database, account_slug, number, AuditAction.INVOICE_PAID)


async def void_invoice(database: Database, account_slug: str, number: str) -> Invoice:
    """Voids an open invoice, which then does not count as spent. The entitlements remain."""
    return await _close(database, account_slug, number, AuditAction.INVOICE_VOIDED)


async def _close(database: Database, account_slug: str, number: str, action: AuditAction) -> Invoice:
    account, sequence = await account_called(database, account_slug), Invoice.sequence_of(number)
    if sequence is None:
        raise invalid(f"An invoice number must look like {Invoice.number_of(1)}.", "number")
    return await close_invoice(database, account.id, sequence, action, OPERATOR)
