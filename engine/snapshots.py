"""Rows as values: instances of their tables' classes without an ORM session."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar, cast

import orjson
from asyncpg import Record
from sqlalchemy import Enum, inspect
from sqlalchemy.dialects.postgresql import JSON
from sqlmodel import SQLModel

from engine.derived_columns import is_derived
from engine.tables import AnyColumn, column_of

Row = TypeVar("Row", bound=SQLModel)
_Convert: TypeAlias = Callable[[str], object]
_Layout: TypeAlias = tuple[tuple[str, ...], tuple[tuple[str, _Convert], ...]]


def attributes(table: type[SQLModel]) -> tuple[str, ...]:
    """Python names of the columns that are read, in the order of `snapshot`'s values: all but the derived
    ones."""
    return _layout(table)[0]


def snapshot(table: type[Row], values: Iterable[object]) -> Row:
    """Returns a row from its values as asyncpg returns them, in a fiftieth of the time of an ORM entity.

    It is for reading alone: assigning to it, or adding it to a session, raises.
    """
    names, conversions = _layout(table)
    row = object.__new__(table)
    row.__dict__.update(zip(names, values, strict=True))
    for name, convert in conversions:
        value = row.__dict__[name]
        if value is not None:
            row.__dict__[name] = convert(value)
    return row


def columns(*tables: type[SQLModel]) -> list[AnyColumn]:
    """Columns that a statement selects for `snapshot`, or for `snapshots` of several tables."""
    return [column_of(table, name) for table in tables for name in attributes(table)]


def snapshots(values: Record | Sequence[object], *tables: type[SQLModel]) -> tuple[Any, ...]:
    """A row of each table, from the values of `columns`. None for what an outer join has not found."""
    rows: list[object] = []
    start = 0
    for table in tables:
        end = start + len(attributes(table))
        is_there = any(value is not None for value in values[start:end])
        rows.append(snapshot(table, values[start:end]) if is_there else None)
        start = end
    return tuple(rows)


def with_values(row: Row, **values: object) -> Row:
    """The same row with other values."""
    new = object.__new__(type(row))
    new.__dict__.update(row.__dict__, **values)
    new.__dict__.pop("_sa_instance_state", None)
    return new


def new_row(table: type[Row], **values: object) -> Row:
    """A row that is not stored yet, with its defaults and derived columns: a tenth of the time of the
    table's own class."""
    row = object.__new__(table)
    row.__dict__.update(
        {name: default() for name, default in _defaults(table) if name not in values},
        **values,
    )
    return row


@cache
def _defaults(table: type[SQLModel]) -> tuple[tuple[str, Callable[[], object]], ...]:
    fields = table.model_fields.items()
    return tuple(
        (name, cast("Callable[[], object] | None", field.default_factory) or partial(_same, field.default))
        for name, field in fields
        if not field.is_required()
    )


def _same(value: object) -> object:
    return value


@cache
def _layout(table: type[SQLModel]) -> _Layout:
    columns = [each for each in inspect(table).column_attrs if not is_derived(each.columns[0])]
    names = tuple(each.key for each in columns)
    conversions = [(each.key, _conversion(each.columns[0].type)) for each in columns]
    return names, tuple((name, convert) for name, convert in conversions if convert is not None)


def _conversion(sa_type: object) -> _Convert | None:
    if isinstance(sa_type, Enum):
        return cast("type[StrEnum]", sa_type.enum_class)
    return orjson.loads if isinstance(sa_type, JSON) else None
