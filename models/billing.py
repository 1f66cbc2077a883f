"""Billing details of accounts, and their invoices."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from engine.canonical_json import JSONObject
from engine.enums import described_enum
from models.columns import account_column, account_index, enum_column, id_column, member_key, time_column

_MONEY = Numeric(14, 2)


@described_enum(
    "Payment status of an invoice.",
    """
    OPEN The invoice has not been paid.
    PAID The invoice has been paid.
    VOID The invoice was cancelled. It need not be paid and does not count toward the spending limit.
    """,
)
class InvoiceStatus(StrEnum):
    OPEN = "OPEN"
    PAID = "PAID"
    VOID = "VOID"


class BillingDetails(SQLModel, table=True):
    """Recipient of the account's next invoice. An account that has not entered its details has no row."""

    __tablename__ = "billing_details"
    __table_args__ = (Index("ix_billing_details_email", "email", postgresql_where=text("email IS NOT NULL")),)

    account_id: UUID = account_column()
    company: str | None = None
    email: str | None = None
    address_lines: list[str] = Field(sa_type=ARRAY(Text))
    country: str | None = Field(default=None, max_length=2)
    """Country code of ISO 3166-1, two letters."""
    tax_id: str | None = None


class Invoice(SQLModel, table=True):
    """Invoice of an account. After it is issued only its status and the time of payment can change; a trigger
    refuses other changes.

    Invoices are numbered per account from 1 without gaps, under the lock of the account's row.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        member_key("purchased_by_id"),
        Index("uq_invoices_sequence", "account_id", "sequence", unique=True),
        CheckConstraint("sequence > 0", name="sequence"),
        CheckConstraint("total = subtotal + tax", name="total"),
        account_index("invoices", "issued_at", "id", suffix="issued"),
        account_index("invoices", "status", "issued_at", "id", suffix="status"),
        Index("ix_invoices_open", "issued_at", "id", postgresql_where=text("status = 'OPEN'")),
        Index("ix_invoices_billed_to", text("(billed_to ->> 'email')")),
    )

    account_id: UUID = account_column()
    id: UUID = id_column()
    sequence: int
    status: InvoiceStatus = enum_column(InvoiceStatus, default=InvoiceStatus.OPEN)
    issued_at: datetime = time_column()
    due_at: datetime = time_column()
    paid_at: datetime | None = time_column(nullable=True)
    currency: str = Field(max_length=3)
    subtotal: Decimal = Field(sa_type=_MONEY)
    tax_rate: Decimal = Field(sa_type=Numeric(5, 4))
    """A fraction, such as 0.19."""
    tax: Decimal = Field(sa_type=_MONEY)
    total: Decimal = Field(sa_type=_MONEY)
    purchased_by_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    billed_to: JSONObject = Field(sa_type=JSON)
    """Copy of the data at the time of issue: account, owner, company, email, addressLines, country, taxId,
    reverseCharge, purchasedBy and seller."""

    @property
    def number(self) -> str:
        return self.number_of(self.sequence)

    @staticmethod
    def number_of(sequence: int) -> str:
        return f"INV-{sequence:06d}"

    @staticmethod
    def sequence_of(number: str) -> int | None:
        """Returns the sequence of an invoice number, or None if the text is not an invoice number."""
        digits = number.strip().upper().removeprefix("INV-")
        return int(digits) if re.fullmatch("[0-9]{1,9}", digits) else None


class InvoiceLine(SQLModel, table=True):
    """Line of an invoice. It never changes. `description` and `unit_price` are those of the theme at the time
    of purchase."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "invoice_id"], ["invoices.account_id", "invoices.id"]),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("amount = quantity * unit_price", name="amount"),
    )

    account_id: UUID = account_column()
    invoice_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    position: int = Field(primary_key=True)
    """Position on the invoice, from 1."""
    theme_id: UUID = Field(foreign_key="themes.id", sa_type=POSTGRESQL_UUID)
    description: str
    quantity: int
    currency: str = Field(max_length=3)
    unit_price: Decimal = Field(sa_type=_MONEY)
    amount: Decimal = Field(sa_type=_MONEY)
