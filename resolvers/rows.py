"""From what is selected of a table's rows to one SQL statement.

A `Shape` is what is read of each row: columns, those of rows that it refers to, and lists that belong to it,
each at a place of its own in the record. It is made once for an operation. What changes from request to
request is which `Asked` list the rows are of: where, in which order, which slice. The statement's text is
made once for each kind of these, and PostgreSQL keeps it prepared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

import asyncpg
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    func,
    inspect,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.sql.visitors import replacement_traverse
from sqlmodel import SQLModel, col

from models.database import Database
from models.snapshots import attributes, snapshot
from models.statements import compiled, parameter
from resolvers.conditions import Bound, ParentColumn
from resolvers.pages import Listing, Order, Page, Slice, decode_cursor

Row = TypeVar("Row", bound=SQLModel)

_MOST_TEXTS = 200


class Column(NamedTuple):
    """Of the table at this place of the shape."""

    place: int
    name: str


class Join(NamedTuple):
    """A table whose row is referred to by `column` of the one at `place`."""

    table: type[SQLModel]
    place: int
    column: str
    required: bool


class Nested(NamedTuple):
    """A list that belongs to the row at `place`; or how long it is on all its pages."""

    place: int
    shape: "Shape"
    index: int
    is_count: bool


class Asked:
    """Which rows: of a listing, from where on, how many; and of each of them, which lists."""

    def __init__(
        self,
        listing: Listing,
        slice: Slice | None = None,
        nested: Sequence["Asked"] = (),
        limit: int | None = None,
    ) -> None:
        self.listing = listing
        self.slice = slice
        self.limit = slice.size + 1 if slice else limit
        self.nested = nested
        order = listing.order
        self.bounds: dict[str, list[Any]] = {}
        if slice is not None:
            for argument, cursor in (("after", slice.after), ("before", slice.before)):
                if cursor is not None:
                    self.bounds[argument] = decode_cursor(order, argument, cursor)

    @property
    def key(self) -> Any:
        """What of it is in the statement's text."""
        backward = self.slice is not None and self.slice.backward
        where = tuple([bound.shape for bound in self.listing.where])
        nested = tuple([each.key for each in self.nested])
        return where, self.listing.order.name, self.limit, backward, *self.bounds, nested

    def arguments(self) -> Iterator[Any]:
        """In the order in which `_Writer` names them."""
        for bound in self.listing.where:
            yield from bound.arguments
        for values in self.bounds.values():
            yield from values
        for each in self.nested:
            yield from each.arguments()


@dataclass(eq=False)
class Shape:
    """What is read of each row of a table. `cursors`: the order's keys too, last in each record."""

    table: type[SQLModel]
    cursors: bool = False
    joins: list[Join] = field(default_factory=list)
    slots: list[Column | Nested] = field(default_factory=list)
    lists: list[Nested] = field(default_factory=list)
    _texts: dict[Any, tuple[str, list[int]]] = field(default_factory=dict)

    def column(self, place: int, name: str) -> int:
        """Where in the record it is."""
        return self._slot(Column(place, name))

    def join(self, place: int, table: type[SQLModel], column: str, *, required: bool) -> int:
        """The place of the row that is referred to. Places count from 0, the shape's own table."""
        join = Join(table, place, column, required)
        if join not in self.joins:
            self.joins.append(join)
        return self.joins.index(join) + 1

    def list_of(self, place: int, shape: "Shape") -> int:
        """Which of `Asked.nested` is the list that belongs to each row at the place."""
        self.lists.append(Nested(place, shape, len(self.lists), False))
        return len(self.lists) - 1

    def records(self, index: int) -> int:
        """Where in the record the list's are."""
        return self._slot(self.lists[index])

    def length(self, index: int) -> int:
        """Where in the record it is told how long the list is on all its pages."""
        return self._slot(self.lists[index]._replace(is_count=True))

    def _slot(self, slot: Column | Nested) -> int:
        if slot not in self.slots:
            self.slots.append(slot)
        return self.slots.index(slot)

    async def fetch(self, database: Database, asked: Asked) -> list[asyncpg.Record]:
        text, order = self._text(asked)
        arguments = list(asked.arguments())
        return await database.fetch(text, *[arguments[index] for index in order])

    def _text(self, asked: Asked) -> tuple[str, list[int]]:
        key = asked.key
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            found = self._texts[key] = _numbered(_Writer().rows(self, asked))
        return found


async def page(database: Database, listing: Listing, slice: Slice) -> "SnapshotPage":
    """Its rows as snapshots."""
    asked = Asked(listing, slice)
    records = await _whole(listing.table, cursors=True).fetch(database, asked)
    return SnapshotPage(listing, slice, records)


class SnapshotPage(Page):
    @property
    def nodes(self) -> Sequence[Any]:
        table, length = self.listing.table, -len(self.listing.order.keys)
        return [snapshot(table, record[:length]) for record in self.records]


async def rows(
    database: Database,
    table: type[Row],
    *where: Bound,
    order: Order | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Whole rows, by their ids where no order is given."""
    asked = Asked(Listing(table, where, order or _by_id(table)), limit=limit)
    return [snapshot(table, record) for record in await _whole(table).fetch(database, asked)]


async def row(database: Database, table: type[Row], *where: Bound, order: Order | None = None) -> Row | None:
    """The first of them."""
    return next(iter(await rows(database, table, *where, order=order, limit=1)), None)


async def count(database: Database, listing: Listing) -> int | None:
    """How many there are on all pages; None where there are more than are counted."""
    if listing.count is not None:
        statement, arguments = listing.count
        found = await database.fetch(statement.sql, *statement.arguments(**arguments))
        return int(found[0][0]) if found else 0
    asked = Asked(listing)
    text, order = _count_text(listing, asked.key[0])
    values = list(asked.arguments())
    found = await database.fetch(text, *[values[index] for index in order])
    return counted(listing, found[0][0])


def counted(listing: Listing, number: int) -> int | None:
    most = listing.most_counted
    return None if most is not None and number > most else number


@cache
def _whole(table: type[SQLModel], *, cursors: bool = False) -> Shape:
    shape = Shape(table, cursors)
    for name in attributes(table):
        shape.column(0, name)
    return shape


@cache
def _by_id(table: type[SQLModel]) -> Order:
    return Order("id", (col(cast("Any", table).id),))


class _Writer:
    """Writes one statement: names its parameters p0, p1 …, and its tables t0, t1 …"""

    def __init__(self) -> None:
        self._parameters = 0
        self._tables = 0
        self._names: dict[int, list[str]] = {}

    def rows(self, shape: Shape, asked: Asked, parent: str | None = None) -> Select[Any]:
        """The records of a shape. `parent` is what the table is called whose columns conditions refer to."""
        found = self._page(shape, asked, parent).subquery(self._table())
        names = {0: found.name}
        source: FromClause = found
        for place, join in enumerate(shape.joins, 1):
            joined = cast("Any", join.table).__table__.alias(self._table())
            names[place] = joined.name
            on = joined.c.id == _column(shape, names, join.place, join.column)
            if "account_id" in joined.c:
                on = on & (joined.c.account_id == _column(shape, names, join.place, "account_id"))
            source = source.join(joined, on, isouter=not join.required)
        columns = {slot: self._slot(shape, asked, names, slot) for slot in sorted(shape.slots, key=_index)}
        keys = [found.c[f"key{index}"] for index in range(len(asked.listing.order.keys))]
        return (
            select(*(columns[slot] for slot in shape.slots), *(keys if shape.cursors or not columns else ()))
            .select_from(source)
            .order_by(*_directed(keys, asked))
        )

    def count(self, listing: Listing, parent: str | None = None) -> Select[Any]:
        """At most one more than is counted."""
        table = cast("Any", listing.table).__table__.alias(self._table())
        most = listing.most_counted
        statement = select(literal_column("1").label("one")).select_from(table)
        statement = statement.where(*self._where(listing, table, parent))
        return select(func.count()).select_from(statement.limit(most and most + 1).subquery(self._table()))

    def _page(self, shape: Shape, asked: Asked, parent: str | None) -> Select[Any]:
        """The rows of the shape's own table: no more than are asked for are joined."""
        order = asked.listing.order
        table = cast("Any", shape.table).__table__.alias(self._table())
        keys = list(ClauseAdapter(table).traverse(tuple_(*order.keys)).clauses)
        labelled = [key.label(f"key{index}") for index, key in enumerate(keys)]
        statement = select(table, *labelled).where(*self._where(asked.listing, table, parent))
        for argument in asked.bounds:
            bound = tuple_(*(bindparam(self._parameter(), None, key.type) for key in keys))
            upwards = (argument == "after") != order.descending
            statement = statement.where(tuple_(*keys) > bound if upwards else tuple_(*keys) < bound)
        return statement.order_by(*_directed(keys, asked)).limit(asked.limit)

    def _where(self, listing: Listing, table: FromClause, parent: str | None) -> list[ColumnElement[bool]]:
        return [self._condition(bound, table, parent) for bound in listing.where]

    def _condition(self, bound: Bound, table: FromClause, parent: str | None) -> ColumnElement[bool]:
        """Of parameters first, so that each takes its type; then with a parent's columns in their places."""
        names = self._names.get(id(bound))
        if names is None:
            # Once, though it may be written twice: for a list, and for how long it is.
            names = self._names[id(bound)] = [
                f"parent {index}" if isinstance(value, ParentColumn) else self._parameter()
                for index, value in enumerate(bound.values)
            ]
        expression = bound.condition.expression(*map(parameter, names))
        expression = ClauseAdapter(table).traverse(expression)
        columns = {
            name: literal_column(f"{parent}.{value.name}")
            for name, value in zip(names, bound.values, strict=True)
            if parent is not None and isinstance(value, ParentColumn)
        }
        return cast(
            "ColumnElement[bool]",
            replacement_traverse(expression, {}, lambda each, **_: columns.get(getattr(each, "key", ""))),
        )

    def _slot(self, shape: Shape, asked: Asked, names: Mapping[int, str], slot: Column | Nested) -> Any:
        if isinstance(slot, Column):
            return _column(shape, names, slot.place, slot.name)
        inner, parent = asked.nested[slot.index], names[slot.place]
        if slot.is_count:
            return self.count(inner.listing, parent).scalar_subquery()
        records = self.rows(slot.shape, inner, parent)
        return func.array(records.with_only_columns(func.row(*records.selected_columns)).scalar_subquery())

    def _parameter(self) -> str:
        self._parameters += 1
        return f"p{self._parameters - 1}"

    def _table(self) -> str:
        self._tables += 1
        return f"t{self._tables - 1}"


def _column(shape: Shape, names: Mapping[int, str], place: int, name: str) -> ColumnElement[Any]:
    """Of one of the shape's tables, by its name in Python."""
    table: Any = shape.joins[place - 1].table if place else shape.table
    column = inspect(table).columns[name]
    return literal_column(f"{names[place]}.{column.name}", column.type)


def _directed(keys: Sequence[ColumnElement[Any]], asked: Asked) -> list[ColumnElement[Any]]:
    backward = asked.slice is not None and asked.slice.backward
    return [key.desc() if asked.listing.order.descending != backward else key.asc() for key in keys]


def _index(slot: Column | Nested) -> tuple[int, bool]:
    """Lists in the order of `Asked.nested`, each before its count."""
    return (-1, False) if isinstance(slot, Column) else (slot.index, slot.is_count)


_COUNTS: dict[Any, tuple[str, list[int]]] = {}


def _count_text(listing: Listing, shape: Any) -> tuple[str, list[int]]:
    key = (listing.table, listing.most_counted, shape)
    if key not in _COUNTS:
        if len(_COUNTS) >= _MOST_TEXTS:
            _COUNTS.clear()
        _COUNTS[key] = _numbered(_Writer().count(listing))
    return _COUNTS[key]


def _numbered(statement: Select[Any]) -> tuple[str, list[int]]:
    """Its text, and which of the arguments is `$1`, `$2` …"""
    text, names = compiled(statement)
    return text, [int(name.removeprefix("p")) for name in names]
