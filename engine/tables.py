"""Types that SQLModel's and SQLAlchemy's own do not give: tables, columns and statements of any columns."""

from typing import Any, Protocol, TypeAlias, cast

from sqlalchemy import ColumnElement, CompoundSelect, Select, Table
from sqlalchemy.orm import InstrumentedAttribute, Mapped
from sqlmodel import SQLModel

AnySelect: TypeAlias = Select[*tuple[Any, ...]]
"""SELECT of any columns. The type of each value in a record is known to its reader alone."""

AnyUnion: TypeAlias = CompoundSelect[*tuple[Any, ...]]
"""UNION of SELECTs of any columns."""

AnyColumn: TypeAlias = InstrumentedAttribute[Any]

AnyExpression: TypeAlias = ColumnElement[Any] | Mapped[Any]
"""A column, a parameter or any other expression of SQL."""


class _Mapped(Protocol):
    __table__: Table


def table_of(model: type[SQLModel]) -> Table:
    return cast("_Mapped", model).__table__


def column_of(model: type[SQLModel], name: str) -> AnyColumn:
    """Column by its name in Python. Raises AttributeError if the model has none with this name."""
    return cast("AnyColumn", getattr(model, name))
