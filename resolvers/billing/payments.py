"""How invoices are paid."""

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from models.billing import Invoice


class PaymentProvider(Protocol):
    def due_at(self, issued_at: datetime) -> datetime:
        """Until when an invoice is to be paid. Asked while its account is locked: it takes no network."""


@runtime_checkable
class CollectingProvider(PaymentProvider, Protocol):
    """One that knows by itself what is paid. The worker asks it, outside of any transaction."""

    async def collect(self, invoice: Invoice) -> bool:
        """Charges what is open, and tells whether it is paid by now.

        Asked every minute, from the invoice's commit on until it is paid or void: the charge's idempotency
        key is the invoice's id."""


class OnAccount:
    """By bank transfer, within so many days; the operator records what has arrived."""

    def __init__(self, days: int) -> None:
        self._term = timedelta(days=days)

    def due_at(self, issued_at: datetime) -> datetime:
        return issued_at + self._term


PROVIDER: PaymentProvider = OnAccount(days=14)
