"""Values of columns as texts, as the API shows them, written by PostgreSQL."""

from sqlalchemy import ColumnElement, Text, cast, func, literal_column
from sqlmodel import SQLModel, col

from engine.sql import TIME_FORMAT
from engine.tables import AnyExpression
from models.billing import Invoice
from resolvers.global_ids import PREFIXES


def invoice_number() -> ColumnElement[str]:
    number = func.lpad(cast(col(Invoice.sequence), Text), 6, "0")
    prefix: ColumnElement[str] = literal_column("'INV-'")
    return prefix.concat(number)


def utc_time(column: AnyExpression) -> ColumnElement[str]:
    """Text of a time, as the API shows it."""
    return func.to_char(func.timezone("UTC", column), TIME_FORMAT)


def global_id_text(table: type[SQLModel], id: AnyExpression) -> ColumnElement[str]:
    """Id of a row, as the API shows it."""
    prefix: ColumnElement[str] = literal_column(f"'{PREFIXES[table]}_'")
    return prefix.concat(func.encode(func.uuid_send(id), "hex"))
