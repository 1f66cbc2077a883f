"""Issue of invoices, and the amount that an account has spent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import col

from engine.pagination import Order
from engine.snapshots import attributes, new_row
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.audit_actions import AuditAction
from models.billing import BillingDetails, Invoice, InvoiceLine, InvoiceStatus
from models.catalog import Theme
from models.columns import now
from models.database import Database
from models.members import Member
from resolvers.billing.emails import email_invoice
from resolvers.billing.payments import PROVIDER
from resolvers.billing.taxes import CENT, Tax, tax_for
from resolvers.change import Change, system_change
from resolvers.events import PLATFORM, Actor
from resolvers.user_errors import UserErrorCode, invalid, not_found, user_error
from settings import Settings

BY_POSITION = Order("position", (col(InvoiceLine.position),))
MOST_INVOICED = 10**12
"""Amounts must be less than this, because the columns are Numeric(14, 2)."""


@dataclass(frozen=True, slots=True)
class Item:
    """Quantity of licenses of a theme, at its current price."""

    theme: Theme
    quantity: int

    @property
    def amount(self) -> Decimal:
        return self.theme.price_amount * self.quantity


class BilledDetails(NamedTuple):
    """Data for the next invoice. It cannot change until the commit, because the account is locked."""

    now: datetime
    """Time of PostgreSQL's clock after the lock was taken, so that invoices are dated in the order of their
    numbers."""
    sequence: int
    spent: Decimal
    owner_name: str
    owner_email: str
    company: str | None
    email: str | None
    address_lines: list[str] | None
    country: str | None
    tax_id: str | None


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts of an invoice."""

    subtotal: Decimal
    tax: Tax

    @property
    def tax_amount(self) -> Decimal:
        return self.tax.on(self.subtotal)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax_amount


def amounts_of(settings: Settings, items: Sequence[Item], billed: BilledDetails) -> Amounts:
    subtotal = sum((item.amount for item in items), Decimal("0.00"))
    return Amounts(subtotal, tax_for(settings, billed.country, billed.tax_id))


def next_invoice(tx: Change, settings: Settings, items: Sequence[Item], billed: BilledDetails) -> Invoice:
    """The invoice for the items, not stored yet. An invoice with the total 0 is paid. Raises `UserErrors` if
    it exceeds the account's monthly limit or the maximum of an invoice."""
    amounts = amounts_of(settings, items, billed)
    tax, total = amounts.tax, amounts.total
    check_total(tx.account, total, billed.spent)
    return new_row(
        Invoice,
        account_id=tx.account.id,
        sequence=billed.sequence,
        status=InvoiceStatus.OPEN if total else InvoiceStatus.PAID,
        issued_at=billed.now,
        due_at=PROVIDER.due_at(billed.now),
        paid_at=None if total else billed.now,
        currency=tx.account.currency,
        subtotal=amounts.subtotal,
        tax_rate=tax.rate,
        tax=amounts.tax_amount,
        total=total,
        purchased_by_id=tx.acting.id,
        billed_to={
            **_billed_to(tx.account, billed, reverse_charge=tax.reverse_charge),
            "purchasedBy": tx.acting.name,
            "seller": _seller(settings),
        },
    )


async def record_and_email_invoice(tx: Change, settings: Settings, invoice: Invoice) -> None:
    """Writes the event of the issue, and emails the invoice."""
    number = invoice.number
    tx.record(
        invoice,
        number,
        f"had {number} issued: {invoice.total} {invoice.currency}",
        action=AuditAction.INVOICE_ISSUED,
        subtotal=str(invoice.subtotal),
        tax=str(invoice.tax),
        total=str(invoice.total),
        currency=invoice.currency,
        due_at=invoice.due_at.isoformat(),
    )
    if invoice.status is InvoiceStatus.PAID:
        tx.record(
            invoice,
            number,
            f"counted {number} as paid: nothing is due",
            action=AuditAction.INVOICE_PAID,
            actor=PLATFORM,
            status=["OPEN", "PAID"],
            total=str(invoice.total),
            currency=invoice.currency,
        )
    await email_invoice(tx, settings, invoice)


_CLOSED = {
    AuditAction.INVOICE_PAID: (InvoiceStatus.PAID, "recorded the payment of"),
    AuditAction.INVOICE_VOIDED: (InvoiceStatus.VOID, "voided"),
}


async def close_invoice(
    database: Database, account_id: UUID, sequence: int, action: AuditAction, actor: Actor
) -> Invoice:
    """Marks an open invoice as paid or void. The entitlements remain."""
    status, did = _CLOSED[action]
    number = Invoice.number_of(sequence)
    async with system_change(database, account_id, action, actor) as tx:
        found = await tx.rows(Invoice, _NUMBERED, account_id=account_id, sequence=sequence)
        if not found:
            raise not_found(f"invoice of {tx.account.slug} as {number}", "number")
        (invoice,) = found
        if invoice.status is not InvoiceStatus.OPEN:
            raise user_error(
                UserErrorCode.NOT_ACTIVE,
                f"{number} is {invoice.status} already: only an open invoice can be paid or voided.",
                "number",
            )
        paid_at = now() if status is InvoiceStatus.PAID else invoice.paid_at
        invoice = await tx.update(invoice, status=status, paid_at=paid_at)
        tx.record(
            invoice,
            number,
            f"{did} {number}",
            status=["OPEN", status.value],
            total=str(invoice.total),
            currency=invoice.currency,
        )
    return invoice


def select_billed() -> AnySelect:
    """`BilledDetails`, of the account `account_id`."""
    account_id = parameter("account_id")
    last = select(func.max(col(Invoice.sequence))).where(col(Invoice.account_id) == account_id)
    details = [getattr(BillingDetails, name) for name in BilledDetails._fields[5:]]
    return (
        select(
            func.statement_timestamp(),
            (func.coalesce(last.scalar_subquery(), 0) + 1).label("sequence"),
            _total_of(_of_this_month()).scalar_subquery(),
            col(Member.name),
            col(Member.email),
            *details,
        )
        .select_from(Member)
        .join(BillingDetails, col(BillingDetails.account_id) == col(Member.account_id), isouter=True)
        .where(col(Member.account_id) == account_id, col(Member.is_owner))
    )


async def spent_this_month(database: Database, account: Account) -> Decimal:
    """Total including tax of the current month in UTC, without void invoices."""
    return await _sum(database, _SPENT, account)


async def outstanding(database: Database, account: Account) -> Decimal:
    """Total including tax of the open invoices."""
    return await _sum(database, _OUTSTANDING, account)


async def _sum(database: Database, statement: Statement, account: Account) -> Decimal:
    found = await database.fetch(statement.sql, account.id)
    return Decimal(found[0][0]).quantize(CENT)


def _total_of(condition: ColumnElement[bool]) -> AnySelect:
    return select(func.coalesce(func.sum(col(Invoice.total)), 0)).where(
        col(Invoice.account_id) == parameter("account_id"), condition
    )


def _of_this_month() -> ColumnElement[bool]:
    month = func.date_trunc("month", func.statement_timestamp(), "UTC")
    return and_(col(Invoice.issued_at) >= month, col(Invoice.status) != InvoiceStatus.VOID)


_NUMBERED = Statement(
    lambda: select(*(getattr(Invoice, name) for name in attributes(Invoice))).where(
        col(Invoice.account_id) == parameter("account_id"), col(Invoice.sequence) == parameter("sequence")
    )
)
_SPENT = Statement(lambda: _total_of(_of_this_month()))
_OUTSTANDING = Statement(lambda: _total_of(col(Invoice.status) == InvoiceStatus.OPEN))


def check_total(account: Account, total: Decimal, spent: Decimal) -> None:
    """Raises `UserErrors` if the total exceeds the account's monthly limit or the maximum of an invoice."""
    if total >= MOST_INVOICED:
        raise invalid(
            f"One invoice must be below {MOST_INVOICED:,} {account.currency}: purchase fewer at a time.",
            "items",
        )
    most = account.max_monthly_spend
    if most is not None and spent + total > most:
        raise user_error(
            UserErrorCode.SPEND_LIMIT_REACHED,
            f"The account's limit is {most} {account.currency} a month including tax. It has spent"
            f" {Decimal(spent).quantize(CENT)}, and this purchase would add {total}.",
            "items",
        )


def _seller(settings: Settings) -> dict[str, object]:
    address = [line.strip() for line in settings.seller_address.split(",")]
    return {
        "name": settings.seller_name,
        "addressLines": [line for line in address if line],
        "taxId": settings.seller_tax_id or None,
    }


def _billed_to(account: Account, billed: BilledDetails, *, reverse_charge: bool) -> dict[str, object]:
    return {
        "account": account.name,
        "owner": {"name": billed.owner_name, "email": billed.owner_email},
        "company": billed.company,
        "email": billed.email,
        "addressLines": billed.address_lines or [],
        "country": billed.country,
        "taxId": billed.tax_id,
        "reverseCharge": reverse_charge,
    }
