"""Job that collects payments through a payment provider."""

import asyncio
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import attributes, snapshot
from engine.statements import Statement
from engine.tables import AnySelect
from models.audit_actions import AuditAction
from models.billing import Invoice, InvoiceStatus
from models.database import Database
from resolvers.billing.invoices import close_invoice
from resolvers.billing.payments import CollectingProvider
from resolvers.due_rows import ACROSS_ACCOUNTS, account_by_account
from resolvers.events import PLATFORM
from resolvers.user_errors import UserErrors

log = structlog.get_logger()

MOST_COLLECTED = 10_000
"""Maximum number of invoices per run."""
COLLECT_TIMEOUT_SECONDS = 10


def _open() -> AnySelect:
    return (
        select(*(getattr(Invoice, name) for name in attributes(Invoice)))
        .where(col(Invoice.status) == InvoiceStatus.OPEN)
        .order_by(col(Invoice.issued_at), col(Invoice.id))
        .limit(MOST_COLLECTED)
    )


_OPEN = Statement(_open, across_accounts=ACROSS_ACCOUNTS)


async def collect_payments(database: Database, provider: CollectingProvider) -> None:
    """Collects payments of all accounts, oldest invoice first. A failed one is repeated at the next run."""
    invoices = (snapshot(Invoice, record) for record in await database.fetch(_OPEN.sql))
    due = ((invoice.account_id, invoice) for invoice in invoices)
    await account_by_account(due, partial(_collect, database, provider), {})


async def _collect(database: Database, provider: CollectingProvider, _: UUID, invoice: Invoice) -> bool:
    try:
        async with asyncio.timeout(COLLECT_TIMEOUT_SECONDS):
            paid = await provider.collect(invoice)
    except Exception as error:
        log.error("payment_not_collected", invoice_id=str(invoice.id), error=type(error).__name__)
        return False
    if paid:
        await _record(database, invoice)
    return paid


async def _record(database: Database, invoice: Invoice) -> None:
    try:
        await close_invoice(
            database, invoice.account_id, invoice.sequence, AuditAction.INVOICE_PAID, PLATFORM
        )
    except UserErrors as refused:
        # The operator has voided it in the meantime: the payment must be refunded.
        log.error("payment_of_closed_invoice", invoice_id=str(invoice.id), error=str(refused))
