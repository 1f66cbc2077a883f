"""Column types that the tables share."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Enum, ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Identified(Protocol):
    """A row that has an id."""

    @property
    def id(self) -> UUID: ...


def new_id() -> UUID:
    """Returns a UUIDv7: ids sort by the time at which they were created."""
    return uuid7()


def now() -> datetime:
    """Returns the current time in UTC, in microseconds, the precision of PostgreSQL."""
    return datetime.now(UTC)


Clock = Callable[[], ColumnElement[datetime]]
"""A time of the database: `func.now`, the start of the transaction, or `func.clock_timestamp`, the current
time."""


def id_column() -> Any:
    return Field(default_factory=new_id, primary_key=True, sa_type=POSTGRESQL_UUID)


def account_column() -> Any:
    """The `account_id`: first column of the primary key and of each index of an account's table."""
    return Field(primary_key=True, sa_type=POSTGRESQL_UUID, foreign_key="accounts.id")


def time_column(*, default_now: bool = False, nullable: bool = False) -> Any:
    if default_now:
        return Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=nullable)
    default = {"default": None} if nullable else {}
    return Field(sa_type=DateTime(timezone=True), nullable=nullable, **default)  # type: ignore[call-overload]


def enum_column(enum: type[StrEnum], **options: Any) -> Any:
    """Text column with a CHECK. A migration that lacks a new value fails with it; with a native enum it would
    not."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in enum.__name__)[1:]
    sa_type = Enum(enum, native_enum=False, create_constraint=True, length=40, name=name)
    return Field(sa_type=sa_type, **options)


def member_key(column: str) -> ForeignKeyConstraint:
    """Foreign key to a member of the same account: a row cannot refer to a member of another account."""
    return ForeignKeyConstraint(["account_id", column], ["members.account_id", "members.id"])


def account_index(table: str, *columns: Any, suffix: str, **options: Any) -> Index:
    return Index(f"ix_{table}_{suffix}", "account_id", *columns, **options)
