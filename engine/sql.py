"""Writes the SQL of a query, by SQLAlchemy, once for each form of query.

The cost of a page does not grow with the table. The rows of a list are read in the list's order along an
index that contains just these rows. Where one index does not (a filter by several values, a computed state),
the list is made of several `Branch`es, each with an index, and PostgreSQL merges them. `page_sql.py` writes
these rows and those of searches; here they are joined with others and nested.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Uuid,
    and_,
    func,
    inspect,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.sql.visitors import replacement_traverse

from engine.conditions import BoundCondition, OfNextRows, ParentColumn
from engine.page_sql import PageSql, directed
from engine.pagination import Listing
from engine.query import ColumnSlot, ExpressionSlot, NestedSlot, RowQuery, Shape, Slot
from engine.statements import compiled, parameter
from engine.tables import AnySelect, table_of

Statement = AnySelect
Text = tuple[str, list[int]]

TIME_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


class Template(NamedTuple):
    """The text of a statement without its limits. Limits are literals, since PostgreSQL plans by them."""

    parts: tuple[str, ...]
    limits: tuple[int, ...]
    """Indexes of the query's limits between the parts."""
    order: list[int]
    """Indexes of the query's values for `$1`, `$2` …"""

    def filled(self, limits: Sequence[int | None]) -> Text:
        between = [str(limits[index]) for index in self.limits]
        return "".join(chain(*zip(self.parts, between, strict=False), self.parts[-1:])), self.order

    @property
    def characters(self) -> int:
        return sum(map(len, self.parts))


def write_rows(shape: Shape, query: RowQuery) -> Template:
    return _template(_Writer(query).rows(shape, query))


def write_count(query: RowQuery) -> Template:
    """The statement that counts a listing. It stops at one more than `most_counted`."""
    return _template(_Writer(query).count(query.listing))


def _template(statement: Statement) -> Template:
    text, names = compiled(statement)
    parts = _LIMIT.split(text)
    order = [int(name.removeprefix("p")) for name in names]
    return Template(tuple(parts[::2]), tuple(map(int, parts[1::2])), order)


_LIMIT = re.compile(r"__limit_(\d+)__")


class _Writer:
    """Writes one statement. Its parameters are p0, p1 … and its tables t0, t1 …"""

    def __init__(self, query: RowQuery) -> None:
        self._tables = 0
        self._names = {owner: f"p{index}" for index, owner in enumerate(query.owners())}
        self._limits = {id(each): index for index, each in enumerate(query.all())}

    def rows(self, shape: Shape, query: RowQuery, parent: str | None = None) -> Statement:
        """The records of a shape. `parent` is the alias of the table that conditions refer to as parent."""
        found = PageSql(self, shape, query, parent).statement().subquery(self.table())
        names = {0: found.name}
        source: FromClause = found
        for place, join in enumerate(shape.joins, 1):
            joined = table_of(join.table).alias(self.table())
            names[place] = joined.name
            on = joined.c.id == _column(shape, names, join.place, join.column)
            if "account_id" in joined.c:
                on = on & (joined.c.account_id == _column(shape, names, join.place, "account_id"))
            source = source.join(joined, on, isouter=not join.required)
        for nested in shape.lists:
            if any(isinstance(slot, NestedSlot) and slot.is_column_of(nested) for slot in shape.slots):
                source = source.join(self._arrays(query, names, nested), true())
        columns = [self._slot(shape, query, names, slot) for slot in shape.slots]
        keys = [found.c[f"key{index}"] for index in range(len(query.listing.order.keys))]
        places = shape.key_places(query.listing.order)
        behind = [_key(key) for key, place in zip(keys, places, strict=True) if place >= len(columns)]
        selected = [*columns, *(behind if shape.cursors or not columns else ())]
        return select(*selected).select_from(source).order_by(*directed(keys, query))

    def count(self, listing: Listing, parent: str | None = None) -> Statement:
        search = listing.search
        if search and search.windows and listing.most_counted is not None:
            page = PageSql(self, Shape(listing.table), RowQuery(listing), parent)
            return page.count_found(search, listing.most_counted)
        table = table_of(listing.table).alias(self.table())
        most = listing.most_counted
        where = [self.condition(bound, table, parent) for bound in listing.where]
        if listing.branches:
            where.append(or_(*(self.all_of(branch.where, table, parent) for branch in listing.branches)))
        if listing.search:
            where.append(self.condition(listing.search.match, table, parent))
        matching: Statement = select(literal_column("1").label("one")).select_from(table).where(*where)
        return select(func.count()).select_from(matching.limit(most and most + 1).subquery(self.table()))

    def all_of(
        self, where: Sequence[BoundCondition], table: FromClause, parent: str | None
    ) -> ColumnElement[bool]:
        return and_(*(self.condition(bound, table, parent) for bound in where))

    def condition(
        self,
        bound: BoundCondition,
        table: FromClause,
        parent: str | None,
        computed: Callable[[OfNextRows], object] | None = None,
    ) -> ColumnElement[bool]:
        """Compiled with parameters first, so that each takes its type, and then with the parent's columns and
        the `computed` values of a search in their places."""
        names = [self.parameter(bound, index) for index in range(len(bound.values))]
        expression = ClauseAdapter(table).traverse(bound.condition.expression(*map(parameter, names)))
        columns: dict[str, object] = {
            name: literal_column(f"{parent}.{value.name}")
            for name, value in zip(names, bound.values, strict=True)
            if isinstance(value, ParentColumn)
        }
        for name, value in zip(names, bound.values, strict=True):
            if isinstance(value, OfNextRows) and computed is not None:
                columns[name] = computed(value)

        def in_its_place(each: object, **_: object) -> object:
            return columns.get(getattr(each, "key", ""))

        return cast("Any", replacement_traverse)(expression, {}, in_its_place)  # type: ignore[no-any-return]

    def parameter(self, bound: BoundCondition, index: int) -> str:
        return self._names[id(bound), index]

    def cursor(self, query: RowQuery, argument: str, index: int) -> str:
        return self._names[id(query), argument, index]

    def limit(self, query: RowQuery) -> ColumnElement[int] | None:
        return None if query.limit is None else literal_column(f"__limit_{self._limits[id(query)]}__")

    def table(self) -> str:
        self._tables += 1
        return f"t{self._tables - 1}"

    def _arrays(self, query: RowQuery, names: dict[int, str], nested: NestedSlot) -> FromClause:
        """One row that has an array for each column of the list."""
        records = self.rows(nested.shape, query.nested[nested.number], names[nested.place])
        labelled = [column.label(f"c{part}") for part, column in enumerate(records.selected_columns)]
        inner = records.with_only_columns(*labelled).subquery(self.table())
        arrays = [func.array_agg(column).label(column.name) for column in inner.columns]
        names[-1 - nested.number] = self.table()
        return select(*arrays).select_from(inner).lateral(names[-1 - nested.number])

    def _slot(self, shape: Shape, query: RowQuery, names: Mapping[int, str], slot: Slot) -> object:
        if isinstance(slot, ColumnSlot):
            column = _column(shape, names, slot.place, slot.name)
            return _as_text(column) if slot.as_text else column
        if isinstance(slot, ExpressionSlot):
            return _expression(shape, names, slot)
        if slot.part is not None and not slot.is_count:
            return literal_column(f"{names[-1 - slot.number]}.c{slot.part}")
        inner, parent = query.nested[slot.number], names[slot.place]
        if slot.is_count:
            return self.count(inner.listing, parent).scalar_subquery()
        records = self.rows(slot.shape, inner, parent)
        return func.array(records.with_only_columns(func.row(*records.selected_columns)).scalar_subquery())


def _column(shape: Shape, names: Mapping[int, str], place: int, name: str) -> ColumnElement[object]:
    """A column of one of the shape's tables, by its Python name."""
    table = shape.joins[place - 1].table if place else shape.table
    column = inspect(table).columns[name]
    return literal_column(f"{names[place]}.{column.name}", column.type)


def _as_text(column: ColumnElement[object]) -> ColumnElement[str]:
    if isinstance(column.type, DateTime):
        return func.to_char(func.timezone("UTC", column), TIME_FORMAT)
    return func.encode(func.uuid_send(column), "hex")


def _key(column: ColumnElement[object]) -> object:
    return _as_text(column) if isinstance(column.type, DateTime | Uuid) else column


def _expression(shape: Shape, names: Mapping[int, str], slot: ExpressionSlot) -> object:
    table = shape.joins[slot.place - 1].table if slot.place else shape.table
    columns = {inspect(table).columns[name]: _column(shape, names, slot.place, name) for name in slot.names}

    def in_its_place(each: object, **_: object) -> object:
        return columns.get(each)

    return cast("Any", replacement_traverse)(slot.make(), {}, in_its_place)
