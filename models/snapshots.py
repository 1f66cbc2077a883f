"""Rows as they were read: instances of their tables' classes that no session knows of."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast

import orjson
from sqlalchemy import Enum, inspect
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Session, class_mapper, make_transient_to_detached
from sqlmodel import SQLModel

Row = TypeVar("Row", bound=SQLModel)


def attributes(table: type[SQLModel]) -> tuple[str, ...]:
    """The names of a table's columns in Python, in the order of `snapshot`'s values."""
    return _layout(table)[0]


def snapshot(table: type[Row], values: Sequence[Any]) -> Row:
    """From a row's values as asyncpg gives them, which takes a fiftieth of what an entity of a session does.

    It is for reading alone: assigning to it, or adding it to a session, raises."""
    names, conversions = _layout(table)
    row = object.__new__(table)
    row.__dict__.update(zip(names, values, strict=True))
    for name, convert in conversions:
        value = row.__dict__[name]
        if value is not None:
            row.__dict__[name] = convert(value)
    return row


def entity(session: Session, table: type[Row], values: Sequence[Any]) -> Row:
    """The same, known to the session as a row that it has loaded: what is assigned to it is saved."""
    row: Row = class_mapper(table).class_manager.new_instance()
    row.__dict__.update(snapshot(table, values).__dict__)
    make_transient_to_detached(row)
    session.add(row)
    return row


@cache
def _layout(table: type[SQLModel]) -> tuple[tuple[str, ...], tuple[tuple[str, Callable[[Any], Any]], ...]]:
    columns = inspect(table).column_attrs
    names = tuple(each.key for each in columns)
    conversions = [(each.key, _conversion(each.columns[0].type)) for each in columns]
    return names, tuple((name, convert) for name, convert in conversions if convert is not None)


def _conversion(sa_type: Any) -> Callable[[Any], Any] | None:
    if isinstance(sa_type, Enum):
        return cast("type[StrEnum]", sa_type.enum_class)
    return orjson.loads if isinstance(sa_type, JSON) else None
