"""Payment of invoices."""

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from models.billing import Invoice


class PaymentProvider(Protocol):
    def due_at(self, issued_at: datetime) -> datetime:
        """Due date of an invoice. Called while the account is locked, so it must not use the network."""


@runtime_checkable
class CollectingProvider(PaymentProvider, Protocol):
    """Provider that charges customers by itself. The worker calls it outside of transactions."""

    async def collect(self, invoice: Invoice) -> bool:
        """Charges an open invoice, and returns whether it is paid.

        Called every minute from the invoice's commit until it is paid or void. The charge's idempotency key
        is the invoice's id.
        """


class BankTransfer:
    """Bank transfer within a number of days. The operator records payments."""

    def __init__(self, days: int) -> None:
        self._term = timedelta(days=days)

    def due_at(self, issued_at: datetime) -> datetime:
        return issued_at + self._term


PROVIDER: PaymentProvider = BankTransfer(days=14)
