"""What becomes of invoices by itself: payments that a provider collects."""

import asyncio

import structlog
from sqlmodel import col

from models.audit import AuditAction
from models.billing import Invoice, InvoiceStatus
from models.database import Database
from resolvers.change import announcing
from resolvers.conditions import Condition
from resolvers.events import PLATFORM
from resolvers.invoices import close_invoice
from resolvers.pages import Listing, Order
from resolvers.payments import CollectingProvider
from resolvers.refusals import Refused
from resolvers.rows import listed

log = structlog.get_logger()

MOST_COLLECTED = 10_000
"""At a time."""
COLLECT_TIMEOUT_SECONDS = 10

_OLDEST = Order("oldest", (col(Invoice.issued_at), col(Invoice.id)))
_open = Condition(lambda: col(Invoice.status) == InvoiceStatus.OPEN)


async def collect_payments(database: Database, provider: CollectingProvider) -> None:
    """Of all accounts, the oldest invoice first. What fails is asked for again the next time."""
    invoices = await listed(database, Invoice, Listing(Invoice, (_open(),), _OLDEST), limit=MOST_COLLECTED)
    for invoice in invoices:
        try:
            async with asyncio.timeout(COLLECT_TIMEOUT_SECONDS):
                paid = await provider.collect(invoice)
        except Exception as error:
            log.error("payment_not_collected", invoice_id=str(invoice.id), error=type(error).__name__)
            continue
        if paid:
            await _record(database, invoice)


async def _record(database: Database, invoice: Invoice) -> None:
    try:
        async with announcing(database) as announcer:
            await close_invoice(
                database, announcer, invoice.account_id, invoice.sequence, AuditAction.INVOICE_PAID, PLATFORM
            )
    except Refused as refused:
        # The operator has voided it meanwhile: somebody must give the money back.
        log.error("payment_of_closed_invoice", invoice_id=str(invoice.id), error=str(refused))
