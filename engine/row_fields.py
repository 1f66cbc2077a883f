"""Field metadata, under the key `ROW`, that says where a field's value is in a row.

A field without it is the column of its name. A field with a resolver and without it is resolved for an object
that is made of the whole row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import SQLModel

from engine.conditions import BoundCondition
from engine.pagination import Order

ROW = "row"


@dataclass(frozen=True, slots=True)
class RenamedColumn:
    """A column whose name differs from the field's."""

    name: str


@dataclass(frozen=True, slots=True)
class ComputedFrom:
    """Computed by a function of some columns, or by the database where `expression` is given."""

    function: Callable[..., object]
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
    """The same row, shown as another type."""


@dataclass(frozen=True, slots=True)
class ToMany:
    """All rows that refer to this one. `referring` gives the condition for a row."""

    table: type[SQLModel]
    referring: Callable[[object], BoundCondition]
    order: Order
