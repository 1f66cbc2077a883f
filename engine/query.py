"""Descriptions of what is to be read, before any SQL is written.

A `Shape` says what is read of each row: columns, columns of rows that it refers to, and nested lists, each at
its place in the record. It is made once for an operation. A `RowQuery` has what changes between requests: the
listing, the slice, and those of the nested lists.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

from asyncpg import Record
from sqlalchemy import ARRAY, DateTime, Uuid, inspect
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import SQLModel

from engine.conditions import ParentColumn
from engine.pagination import Listing, Order, Slice, decode_cursor
from engine.snapshots import attributes
from engine.tables import AnyExpression


class ColumnSlot(NamedTuple):
    """A column of the table at a place of the shape. With `as_text`, a UUID's digits or a time as clients see
    it: PostgreSQL writes them faster than Python makes objects of them."""

    place: int
    name: str
    as_text: bool = False


class ExpressionSlot(NamedTuple):
    """An SQL expression of columns of the table at a place of the shape."""

    place: int
    names: tuple[str, ...]
    make: Callable[[], AnyExpression]


class Join(NamedTuple):
    """A table that is joined by `column` of the table at `place`."""

    table: type[SQLModel]
    place: int
    column: str
    required: bool


class NestedSlot(NamedTuple):
    """A value of a list that belongs to the row at `place`: all values of one column, all records, or the
    total count."""

    place: int
    shape: "Shape"
    number: int
    part: int | None = None

    @property
    def is_count(self) -> bool:
        return self.part == -1

    def is_column_of(self, nested: "NestedSlot") -> bool:
        return self.number == nested.number and self.part is not None and not self.is_count


Slot = ColumnSlot | ExpressionSlot | NestedSlot


@dataclass(eq=False)
class Shape:
    """Values that are read from each row of a table. With `cursors`, also the keys of the order."""

    table: type[SQLModel]
    cursors: bool = False
    joins: list[Join] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    lists: list[NestedSlot] = field(default_factory=list)
    texts: dict[object, tuple[str, list[int]]] = field(default_factory=dict)
    """The statements that were written for it, by `RowQuery.key`."""
    keys: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def key(self) -> Any:
        """Shapes with equal keys have the same statements. Defined once the shape is complete."""
        nested = [each._replace(shape=each.shape.key) for each in self.lists]
        slots = [
            (type(each), each._replace(shape=each.shape.key) if isinstance(each, NestedSlot) else each)
            for each in self.slots
        ]
        return self.table, self.cursors, tuple(self.joins), tuple(slots), tuple(nested)

    def column(self, place: int, name: str, *, as_text: bool = False) -> int:
        """Returns the column's place in the record."""
        return self._slot(ColumnSlot(place, name, as_text))

    def expression(self, place: int, names: tuple[str, ...], make: Callable[[], AnyExpression]) -> int:
        """Returns the expression's place in the record."""
        return self._slot(ExpressionSlot(place, names, make))

    def join(self, place: int, table: type[SQLModel], column: str, *, required: bool) -> int:
        """Returns the place of the joined table. Places count from 0, which is the shape's own table."""
        join = Join(table, place, column, required)
        if join not in self.joins:
            self.joins.append(join)
        return self.joins.index(join) + 1

    def list_of(self, place: int, shape: "Shape") -> int:
        """Returns the index in `RowQuery.nested` of the list that belongs to each row at the place."""
        self.lists.append(NestedSlot(place, shape, len(self.lists)))
        return len(self.lists) - 1

    @property
    def is_flat(self) -> bool:
        """Whether a list of such rows can be read as one array for each column, which takes half as long to
        decode as an array of records. Arrays of different lengths cannot be nested."""
        return not (self.lists or self.cursors or any(map(self._is_array, self.slots)))

    def records(self, number: int) -> int:
        """Returns the place in the record of a nested list's records."""
        return self._slot(self.lists[number])

    def values(self, number: int) -> list[int]:
        """Returns the places in the record of a nested list's columns, each an array over all rows, or None
        for no rows. The list's shape must be flat and complete."""
        nested = self.lists[number]
        return [self._slot(nested._replace(part=part)) for part in range(len(nested.shape.slots))]

    def length(self, number: int) -> int:
        """Returns the place in the record of a nested list's total count."""
        return self._slot(self.lists[number]._replace(part=-1))

    def key_places(self, order: Order) -> tuple[int, ...]:
        """Returns the places of the order's keys as text. The shape must be complete."""
        places = self.keys.get(order.name)
        if places is None:
            behind = count(len(self.slots))
            slots = [_slot_of(key) for key in order.keys]
            places = tuple(self.slots.index(slot) if slot in self.slots else next(behind) for slot in slots)
            self.keys[order.name] = places
        return places

    def columns(self, query: "RowQuery") -> set[str]:
        """Columns of the shape's own table, by their Python names."""
        read = {slot.name for slot in self.slots if isinstance(slot, ColumnSlot) and slot.place == 0}
        for slot in self.slots:
            if isinstance(slot, ExpressionSlot) and slot.place == 0:
                read |= set(slot.names)
        joined = {join.column for join in self.joins if join.place == 0}
        ids = {name for name in ("account_id", "id") if name in attributes(self.table)}
        lists = [query.nested[each.number] for each in self.lists if each.place == 0]
        referred = {value.name for each in lists for value in each.parent_columns()}
        searched = {name for bound in query.listing.conditions() for name in bound.condition.searches}
        return read | joined | ids | referred | searched

    def _is_array(self, slot: Slot) -> bool:
        if not isinstance(slot, ColumnSlot):
            return False
        table = self.joins[slot.place - 1].table if slot.place else self.table
        return isinstance(inspect(table).columns[slot.name].type, ARRAY)

    def _slot(self, slot: Slot) -> int:
        if slot not in self.slots:
            self.slots.append(slot)
        return self.slots.index(slot)


def _slot_of(key: object) -> ColumnSlot | None:
    """Slot of an order's key that is a column, not an expression."""
    if not isinstance(key, InstrumentedAttribute):
        return None
    return ColumnSlot(0, key.key, as_text=isinstance(key.type, DateTime | Uuid))


class RowQuery:
    """Query of one request. Raises `BadUserInput` if a cursor of the slice does not belong to the listing."""

    def __init__(
        self,
        listing: Listing,
        slice: Slice | None = None,
        nested: Sequence["RowQuery"] = (),
        limit: int | None = None,
        *,
        one_more: bool = False,
    ) -> None:
        self.listing = listing
        self.nested = nested
        self.backward = slice is not None and slice.backward
        self.limit = slice.size + one_more if slice else limit
        self.slice = slice
        self.cursors: dict[str, list[object]] = {}
        if slice is not None:
            for argument, cursor in (("after", slice.after), ("before", slice.before)):
                if cursor is not None:
                    self.cursors[argument] = decode_cursor(listing.order, argument, cursor)

    def in_order(self, records: Sequence[Record]) -> Sequence[Record]:
        """Records in the listing's order, from whichever end they were read."""
        return records[::-1] if self.backward else records

    @property
    def key(self) -> object:
        """The part of the query that is in the statement's text rather than in its parameters."""
        nested = tuple([each.key for each in self.nested])
        return self.listing.shape, self.limit, self.backward, *self.cursors, nested

    @property
    def form(self) -> object:
        """The part of the query that is in the statement's template: the key without the limits."""
        nested = tuple([each.form for each in self.nested])
        return self.listing.shape, self.limit is None, self.backward, *self.cursors, nested

    def all(self) -> Iterator["RowQuery"]:
        """This query and those of its nested lists."""
        yield self
        for each in self.nested:
            yield from each.all()

    def parent_columns(self) -> Iterator[ParentColumn]:
        for bound in self.listing.conditions():
            yield from (value for value in bound.values if isinstance(value, ParentColumn))

    def values(self) -> list[object]:
        """Values of all conditions and cursors; those of nested lists come last."""
        values: list[object] = []
        for bound in self.listing.conditions():
            values += bound.values
        for keys in self.cursors.values():
            values += keys
        for each in self.nested:
            values += each.values()
        return values

    def owners(self) -> Iterator[object]:
        """For each of the values, the condition or cursor that it belongs to."""
        for bound in self.listing.conditions():
            yield from ((id(bound), index) for index in range(len(bound.values)))
        for argument, keys in self.cursors.items():
            yield from ((id(self), argument, index) for index in range(len(keys)))
        for each in self.nested:
            yield from each.owners()
