"""Inputs of billing: of mutations, and filters of lists."""

import strawberry

from engine import input_limits
from engine.input_limits import items, text
from models.billing import InvoiceStatus
from resolvers.input_fields import idempotency_key


@strawberry.input(description="Which invoices.")
class InvoiceFilter:
    statuses: list[InvoiceStatus] | None = items("In these states.", most=100, default=None)


@strawberry.input(description="So many licenses of a theme.")
class PurchaseItemInput:
    theme_id: strawberry.ID = strawberry.field(description="Of what. The same theme twice is one line.")
    quantity: int = strawberry.field(description="1 to 100,000 of a theme.")


@strawberry.input(description="What to buy.")
class PurchaseLicensesInput:
    account_id: strawberry.ID = strawberry.field(description="For which account.")
    items: list[PurchaseItemInput] = input_limits.items("On one invoice.", most=100)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="To whom the next invoice is made out. What is left out stays; null clears it.")
class UpdateBillingDetailsInput:
    account_id: strawberry.ID = strawberry.field(description="Which account.")
    company: str | None = text("Its name.", most=200, default=strawberry.UNSET)
    email: str | None = text("Where invoices go besides the owner.", most=320, default=strawberry.UNSET)
    address_lines: list[str] | None = items(
        "None of them empty.", most=6, most_characters=100, default=strawberry.UNSET
    )
    country: str | None = text("Two letters of ISO 3166: `DE`.", most=20, default=strawberry.UNSET)
    tax_id: str | None = text("A VAT id of the EU is looked at closely.", most=40, default=strawberry.UNSET)


@strawberry.input(description="Which invoice.")
class RequestInvoiceDownloadInput:
    invoice_id: strawberry.ID = strawberry.field(description="Which.")
