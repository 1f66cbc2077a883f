from datetime import datetime
from decimal import Decimal

import strawberry

import models
from models.billing import InvoiceStatus
from permissions.roles import Permission
from resolvers.billing import invoices
from resolvers.billing import queries as billing_queries
from resolvers.billing.inputs import InvoiceFilter
from resolvers.billing.invoices import BY_POSITION
from schema.catalog import Theme
from schema.connections import Connection
from schema.fields import Info, Node, computed, connection, derived, object_type, to_many, to_one
from schema.lazy_types import Member
from schema.money import Money


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
    """Without the zeros that the column adds."""
    return tax_rate.normalize()


@object_type(
    allow=Permission.MANAGE_BILLING, of=models.InvoiceLine, description="So many licenses of one theme."
)
class InvoiceLine:
    description: str = strawberry.field(description="The theme's name of then.")
    quantity: int = strawberry.field(description="How many licenses.")
    unit_price: Money = derived(_unit_price, "What one cost then, without tax.")
    amount: Money = derived(_amount, "What they cost together, without tax.")
    theme: Theme | None = to_one(models.Theme, "theme_id", "The theme as it is now.")


@object_type(
    allow=Permission.MANAGE_BILLING,
    of=models.Invoice,
    description="What a purchase is paid by. It never changes, but for its status.",
)
class Invoice(Node):
    number: str = derived(models.Invoice.number_of, "Gapless within the account: `INV-000001`.")
    status: InvoiceStatus = strawberry.field(description="Whether it is paid.")
    issued_at: datetime = strawberry.field(description="When it was issued.")
    due_at: datetime = strawberry.field(description="Until when it is to be paid.")
    paid_at: datetime | None = strawberry.field(description="When it was paid.")
    subtotal: Money = derived(_subtotal, "Without tax.")
    tax_rate: Decimal = derived(_tax_rate, "A fraction: 0.19.")
    tax: Money = derived(_tax, "Of the subtotal, rounded half up to cents.")
    total: Money = derived(_total, "With tax.")
    lines: list[InvoiceLine] = to_many(
        models.InvoiceLine, "invoice_id", order=BY_POSITION, description="One for each theme."
    )
    purchased_by: Member = to_one(models.Member, "purchased_by_id", "Who bought.")


@object_type(allow=Permission.MANAGE_BILLING, description="To whom the next invoice is made out.")
class BillingDetails:
    company: str | None = strawberry.field(description="Its name; the account's where null.")
    email: str | None = strawberry.field(description="Where invoices go besides the owner.")
    address_lines: list[str] = strawberry.field(description="6 at most.")
    country: str | None = strawberry.field(description="Two letters of ISO 3166: `DE`.")
    tax_id: str | None = strawberry.field(description="A VAT id of the EU as the EU writes it.")
    currency: str = strawberry.field(description="In which the account buys: three letters of ISO 4217.")


@object_type(
    allow=Permission.MANAGE_BILLING, of=models.Account, description="What an account is billed, and how."
)
class Billing:
    @computed(BillingDetails, "To whom the next invoice is made out.")
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
        filter=InvoiceFilter,
        description="The newest first.",
    )

    @computed(Money, "What is still to be paid: the open invoices, with tax.")
    async def outstanding(root: strawberry.Parent[models.Account], info: Info) -> Money:
        amount = await invoices.outstanding(info.context.database, root)
        return Money(amount=amount, currency=root.currency)
