"""How invoices are paid."""

from datetime import datetime, timedelta
from typing import Protocol


class PaymentProvider(Protocol):
    """Asked within the purchase, whose account is locked: it answers from what it knows, without a network.

    What it has to say to the world (a charge, a payment link) it says after the commit: it finds the invoice
    by its INVOICE_ISSUED event, which is committed with it, and tells `record_payment` of the money.
    """

    def due_at(self, issued_at: datetime) -> datetime:
        """Until when an invoice is to be paid."""


class OnAccount:
    """By bank transfer, within so many days; the operator records what has arrived."""

    def __init__(self, days: int) -> None:
        self._term = timedelta(days=days)

    def due_at(self, issued_at: datetime) -> datetime:
        return issued_at + self._term


PROVIDER: PaymentProvider = OnAccount(days=14)
