"""Inputs of billing: of mutations, and filters of lists."""

import strawberry

from engine import input_limits
from engine.input_limits import items, text
from models.billing import InvoiceStatus
from resolvers.input_fields import idempotency_key


@strawberry.input(description="Conditions for a list of invoices. An invoice must meet all of them.")
class InvoiceFilter:
    statuses: list[InvoiceStatus] | None = items(
        "Only invoices with one of these statuses. If omitted, invoices of any status.",
        most=100,
        default=None,
    )


@strawberry.input(description="Number of licenses to purchase for one theme.")
class PurchaseItemInput:
    theme_id: strawberry.ID = strawberry.field(
        description="Id of the theme to purchase licenses of. Items for the same theme are added up to one"
        " line of the invoice."
    )
    quantity: int = strawberry.field(
        description="Number of licenses to purchase, at least 1. The items for"
        " one theme add up to at most 100,000."
    )


@strawberry.input(description="Input of `purchaseLicenses`: the themes and the number of licenses for each.")
class PurchaseLicensesInput:
    account_id: strawberry.ID = strawberry.field(
        description="Id of the account for which licenses are purchased."
    )
    items: list[PurchaseItemInput] = input_limits.items(
        "Themes to purchase licenses for, at least one, all on one invoice.", most=100
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(
    description="Input of `updateBillingDetails`. Values that are omitted do not change; null removes them."
)
class UpdateBillingDetailsInput:
    account_id: strawberry.ID = strawberry.field(
        description="Id of the account whose billing details change."
    )
    company: str | None = text(
        "Company name to print on invoices. If omitted, unchanged; null prints the account's name.",
        most=200,
        default=strawberry.UNSET,
    )
    email: str | None = text(
        "Email address that receives invoices in addition to the owner's. If omitted,"
        " unchanged; null for none.",
        most=320,
        default=strawberry.UNSET,
    )
    address_lines: list[str] | None = items(
        "Lines of the postal address, none of them empty. If omitted, unchanged; null for none.",
        most=6,
        most_characters=100,
        default=strawberry.UNSET,
    )
    country: str | None = text(
        "Country code of two letters (ISO 3166-1), such as `DE`. If omitted, unchanged; null for none.",
        most=20,
        default=strawberry.UNSET,
    )
    tax_id: str | None = text(
        "Tax identifier. For a country of the EU, the format and check digits of a VAT number"
        " are verified. If omitted, unchanged; null for none.",
        most=40,
        default=strawberry.UNSET,
    )


@strawberry.input(description="Input of `requestInvoiceDownload`: the invoice to download.")
class RequestInvoiceDownloadInput:
    invoice_id: strawberry.ID = strawberry.field(description="Id of the invoice to download.")
