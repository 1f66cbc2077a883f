from datetime import datetime
from decimal import Decimal
from typing import cast

import strawberry

import models
from engine.list_sizes import LIST_SIZE, usually
from models.billing import InvoiceStatus
from permissions.roles import Permission
from resolvers.billing import invoices
from resolvers.billing import queries as billing_queries
from resolvers.billing.inputs import InvoiceFilter
from resolvers.billing.invoices import BY_POSITION
from resolvers.billing.purchase_items import MOST_ITEMS
from resolvers.billing.quotes import Quote
from resolvers.user_errors import MOST_USER_ERRORS
from schema.catalog import Theme
from schema.connections import Connection
from schema.fields import (
    Info,
    Node,
    computed,
    computed_from_columns,
    connection,
    object_type,
    to_many,
    to_one,
)
from schema.lazy_types import Member
from schema.money import Money
from schema.user_errors import UserError


def _unit_price(unit_price: Decimal, currency: str) -> Money:
    return Money(amount=unit_price, currency=currency)


def _amount(amount: Decimal, currency: str) -> Money:
    return Money(amount=amount, currency=currency)


def _subtotal(subtotal: Decimal, currency: str) -> Money:
    return Money(amount=subtotal, currency=currency)


def _tax(tax: Decimal, currency: str) -> Money:
    return Money(amount=tax, currency=currency)


def _total(total: Decimal, currency: str) -> Money:
    return Money(amount=total, currency=currency)


def _tax_rate(tax_rate: Decimal) -> Decimal:
    """Removes trailing zeros."""
    return tax_rate.normalize()


@object_type(
    allow=Permission.MANAGE_BILLING,
    of=models.InvoiceLine,
    description="Line of an invoice: a number of licenses of one theme.",
)
class InvoiceLine:
    description: str = strawberry.field(description="Name of the theme when the invoice was issued.")
    quantity: int = strawberry.field(description="Number of licenses that were purchased.")
    unit_price: Money = computed_from_columns(
        _unit_price, "Price of one license when the invoice was issued, without tax."
    )
    amount: Money = computed_from_columns(
        _amount, "Price of all licenses on this line, without tax: `quantity` times `unitPrice`."
    )
    theme: Theme | None = to_one(
        models.Theme,
        "theme_id",
        "Theme that was purchased, with its present data. Null when it no longer exists.",
    )


@object_type(
    allow=Permission.MANAGE_BILLING,
    of=models.Invoice,
    description="Invoice for one purchase of licenses. Only its status changes after it is issued.",
)
class Invoice(Node):
    number: str = computed_from_columns(
        models.Invoice.number_of, "Invoice number, consecutive within the account, such as `INV-000001`."
    )
    status: InvoiceStatus = strawberry.field(description="Payment status of the invoice.")
    issued_at: datetime = strawberry.field(description="Time at which the invoice was issued.")
    due_at: datetime = strawberry.field(description="Time until which the invoice is to be paid.")
    paid_at: datetime | None = strawberry.field(
        description="Time at which the invoice was recorded as paid. Null when the invoice is not paid."
    )
    subtotal: Money = computed_from_columns(_subtotal, "Sum of the lines, without tax.")
    tax_rate: Decimal = computed_from_columns(_tax_rate, 'Tax rate as a fraction: `"0.19"` means 19 percent.')
    tax: Money = computed_from_columns(_tax, "Tax on the subtotal, rounded half up to two decimals.")
    total: Money = computed_from_columns(_total, "Amount to pay, including tax.")
    lines: list[InvoiceLine] = to_many(
        models.InvoiceLine,
        "invoice_id",
        order=BY_POSITION,
        # Read by the statement of the invoices: 90,000 lines take 0.1 s.
        size=usually(10, most=MOST_ITEMS),
        description="Lines of the invoice, one for each theme.",
    )
    purchased_by: Member = to_one(models.Member, "purchased_by_id", "Member who made the purchase.")


@object_type(
    allow=Permission.PURCHASE_LICENSES,
    description="Amounts of the invoice that a purchase would have now. They are not reserved.",
)
class PurchaseQuote:
    subtotal: Money | None = strawberry.field(
        description="Sum of the items, without tax. Null when an item is invalid."
    )
    tax_rate: Decimal | None = strawberry.field(
        description='Tax rate as a fraction: `"0.19"` means 19 percent. Null when an item is invalid.'
    )
    reverse_charge: bool | None = strawberry.field(
        description="Whether the buyer accounts for the tax, as a business in another country of the EU."
        " Null when an item is invalid."
    )
    tax: Money | None = strawberry.field(
        description="Tax on the subtotal, rounded half up to two decimals. Null when an item is invalid."
    )
    total: Money | None = strawberry.field(
        description="Amount to pay, including tax. Null when an item is invalid."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Problems for which `purchaseLicenses` would refuse the same items now. Empty when it"
        " would accept them.",
        metadata={LIST_SIZE: usually(1, most=MOST_USER_ERRORS)},
    )


def shown_quote(quote: Quote) -> PurchaseQuote:
    amounts = quote.amounts
    if amounts is None:
        return PurchaseQuote(
            subtotal=None,
            tax_rate=None,
            reverse_charge=None,
            tax=None,
            total=None,
            user_errors=cast("list[UserError]", quote.user_errors),
        )
    return PurchaseQuote(
        subtotal=Money(amount=amounts.subtotal, currency=quote.currency),
        tax_rate=_tax_rate(amounts.tax.rate),
        reverse_charge=amounts.tax.reverse_charge,
        tax=Money(amount=amounts.tax_amount, currency=quote.currency),
        total=Money(amount=amounts.total, currency=quote.currency),
        user_errors=cast("list[UserError]", quote.user_errors),
    )


@object_type(
    allow=Permission.MANAGE_BILLING,
    description="Recipient details for future invoices. Issued invoices keep the details that they were"
    " issued with.",
)
class BillingDetails:
    company: str | None = strawberry.field(
        description="Company name printed on invoices. Null when none is set; the account's name is printed"
        " then."
    )
    email: str | None = strawberry.field(
        description="Email address that receives invoices in addition to the owner's. Null when none is set."
    )
    address_lines: list[str] = strawberry.field(
        description="Lines of the postal address, at most 6. Empty when none is set."
    )
    country: str | None = strawberry.field(
        description="Country code of two letters (ISO 3166-1), such as `DE`. Null when none is set."
    )
    tax_id: str | None = strawberry.field(
        description="Tax identifier printed on invoices, with EU VAT numbers in the EU's standard form."
        " Null when none is set."
    )
    currency: str = strawberry.field(
        description="Currency in which the account is billed, as three letters of ISO 4217, such as `EUR`."
    )


@object_type(
    allow=Permission.MANAGE_BILLING,
    of=models.Account,
    description="Billing details, invoices and outstanding amount of an account.",
)
class Billing:
    @computed(BillingDetails, "Recipient details for future invoices.")
    async def details(root: strawberry.Parent[models.Account], info: Info) -> BillingDetails:
        found = await billing_queries.billing_details(info.context.database, root)
        return BillingDetails(
            company=found.company,
            email=found.email,
            address_lines=found.address_lines,
            country=found.country,
            tax_id=found.tax_id,
            currency=root.currency,
        )

    invoices: Connection[Invoice] = connection(
        billing_queries.account_invoices,
        allow=Permission.MANAGE_BILLING,
        nullable=False,
        filter=InvoiceFilter,
        description="Invoices of the account, newest first.",
    )

    @computed(Money, "Sum of the open invoices, including tax.")
    async def outstanding(root: strawberry.Parent[models.Account], info: Info) -> Money:
        amount = await invoices.outstanding(info.context.database, root)
        return Money(amount=amount, currency=root.currency)
