"""What fields say of themselves, in their metadata under `ROW`, so that they can be read of rows.

A field that says nothing is the column of its name; whatever has a resolver and says nothing is resolved, for
an object that is made of the whole row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import SQLModel

from engine.conditions import Bound
from engine.pagination import Order

ROW = "row"


@dataclass(frozen=True, slots=True)
class Column:
    """A column under another name than the field's."""

    name: str


@dataclass(frozen=True, slots=True)
class Derived:
    """Worked out by a function of some columns; or by the database, where `expression` says how."""

    function: Callable[..., Any]
    columns: tuple[str, ...]
    expression: Callable[[], Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GlobalId:
    """The row's id, as clients know it: the prefix of its table, `_` and the 32 hex digits of its UUID."""

    prefixes: Mapping[type[SQLModel], str]


@dataclass(frozen=True, slots=True)
class ToOne:
    """The row that a column refers to."""

    table: type[SQLModel]
    column: str


@dataclass(frozen=True, slots=True)
class Same:
    """The row itself, under another type."""


@dataclass(frozen=True, slots=True)
class ToMany:
    """All the rows that refer to this one: `referring` is told which."""

    table: type[SQLModel]
    referring: Callable[[Any], Bound]
    order: Order
