"""Writes the SQL of a query, by SQLAlchemy, once for each form of query.

The cost of a page does not grow with the table. The rows of a list are read in the list's order along an
index that contains just these rows. Where one index does not (a filter by several values, a computed state),
the list is made of several `Branch`es, each with an index, and PostgreSQL merges them. For searches see
`_searched`.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    SelectBase,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    inspect,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.sql.visitors import replacement_traverse

from engine.conditions import BoundCondition, ParentColumn
from engine.pagination import Branch, Listing, Search, ThroughRows
from engine.query import ColumnSlot, ExpressionSlot, NestedSlot, RowQuery, Shape, Slot
from engine.statements import compiled, parameter
from engine.tables import AnySelect, table_of

Statement = AnySelect
Text = tuple[str, list[int]]

TIME_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
_NEAR_ROWS = 200
"""Number of next rows in order that a search compares before it uses its index."""


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
        found = _Page(self, shape, query, parent).statement().subquery(self.table())
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
        return select(*selected).select_from(source).order_by(*_directed(keys, query))

    def count(self, listing: Listing, parent: str | None = None) -> Statement:
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

    def condition(self, bound: BoundCondition, table: FromClause, parent: str | None) -> ColumnElement[bool]:
        """Compiled with parameters first, so that each takes its type, and then with the parent's columns in
        their places."""
        names = [self.parameter(bound, index) for index in range(len(bound.values))]
        expression = ClauseAdapter(table).traverse(bound.condition.expression(*map(parameter, names)))
        columns: dict[str, ColumnElement[object]] = {
            name: literal_column(f"{parent}.{value.name}")
            for name, value in zip(names, bound.values, strict=True)
            if isinstance(value, ParentColumn)
        }

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


class _Page:
    """Writes the rows of a query's own table: selected columns, join columns, matched columns, and the
    order's keys as `key0`, `key1` …"""

    def __init__(self, writer: _Writer, shape: Shape, query: RowQuery, parent: str | None) -> None:
        self._writer, self._query, self._parent = writer, query, parent
        self._limit = writer.limit(query)
        self._columns = sorted(shape.columns(query))

    def statement(self) -> Statement:
        listing = self._query.listing
        if listing.search:
            return self._searched(listing.search)
        if not listing.branches:
            return self._walked(Branch(()))
        return self._merged([self._alike(list(each)) for _, each in groupby(listing.branches, _shape_of)])

    def _walked(self, branch: Branch) -> Statement:
        """Rows in order, along one index."""
        statement = self._selected(branch.where)
        if not branch.is_few:
            return self._in_order(statement)
        # Fenced off: they are found by an index of their own, and sorted.
        fenced = statement.offset(literal_column("0")).subquery(self._writer.table())
        return self._in_order(select(fenced))

    def _alike(self, branches: Sequence[Branch]) -> SelectBase:
        """Branches that differ only in parameters: compiled once and repeated as text, since SQLAlchemy takes
        milliseconds for each."""
        statement = self._walked(branches[0])
        if len(branches) == 1:
            return statement
        written, names = compiled(statement)
        columns = [column(each.name, each.type) for each in statement.selected_columns]
        repeated = (_renamed(written, names, self._names_for(branches[0], each)) for each in branches)
        return text(" UNION ALL ".join(f"({each})" for each in repeated)).columns(*columns)

    def _names_for(self, written: Branch, branch: Branch) -> dict[str, str]:
        """Parameters of a branch, by those of the branch that was compiled."""
        return {
            self._writer.parameter(bound, index): self._writer.parameter(other, index)
            for bound, other in zip(written.conditions, branch.conditions, strict=True)
            for index in range(len(bound.values))
        }

    def _merged(self, branches: Sequence[SelectBase]) -> Statement:
        if len(branches) == 1:
            return self._in_order(select(branches[0].subquery(self._writer.table())))
        merged = union_all(*branches).subquery(self._writer.table())
        return self._in_order(select(merged))

    def _searched(self, search: Search) -> Statement:
        """Two ways to find matching rows. Frequent matches are found among the next rows in order. Rare
        matches are found by the index of the search and sorted. The one that is not needed is not begun."""
        next_rows = self._in_order(self._selected(())).limit(_NEAR_ROWS).subquery(self._writer.table())
        match = self._writer.condition(search.match, next_rows, self._parent)
        matching = select(next_rows).where(match).limit(self._limit)
        near = matching.cte(self._writer.table()).prefix_with("MATERIALIZED")
        number = select(func.count()).select_from(near).scalar_subquery()
        branches = [select(near).where(number == self._limit)]
        for branch in search.otherwise:
            found = (
                self._found_through(branch, branch.through) if branch.through else self._found(branch, search)
            )
            branches.append(self._in_order(found.where(number < self._limit)))
        # Where the statement begins, it would not know the row of another that its list belongs to.
        return self._merged(branches).add_cte(near, nest_here=True)

    def _found(self, branch: Branch, search: Search) -> Statement:
        """Rows found by an index that has no order."""
        return self._selected((*branch.where, search.match), is_indexed=False)

    def _found_through(self, branch: Branch, through: ThroughRows) -> Statement:
        """For each row of the other table, the first rows in order along an index."""
        other = table_of(through.table).alias(self._writer.table())
        own = self._in_order(self._selected(branch.where, is_indexed=False, parent=other.name))
        found = own.subquery(self._writer.table()).lateral()
        matches = self._writer.condition(through.where, other, self._parent)
        return select(*found.columns).select_from(other.join(found, true())).where(matches)

    def _selected(
        self, where: Sequence[BoundCondition], *, is_indexed: bool = True, parent: str | None = None
    ) -> Statement:
        """Rows of the listing between the cursors. Unless `is_indexed`, conditions that all rows of the
        listing meet are not used for an index. `parent` is what `where` refers to."""
        writer, query = self._writer, self._query
        listing = query.listing
        table = table_of(listing.table).alias(writer.table())
        keys = list(ClauseAdapter(table).traverse(tuple_(*listing.order.keys)).clauses)
        common = [writer.condition(bound, table, self._parent) for bound in listing.where]
        for argument in query.cursors:
            names = [writer.cursor(query, argument, index) for index in range(len(keys))]
            bound = tuple_(*(bindparam(name, None, key.type) for name, key in zip(names, keys, strict=True)))
            upwards = (argument == "after") != listing.order.descending
            common.append(tuple_(*keys) > bound if upwards else tuple_(*keys) < bound)
        if not is_indexed:
            common = [and_(*common).is_(True)]
        own = [writer.condition(bound, table, parent or self._parent) for bound in where]
        labelled = [key.label(f"key{index}") for index, key in enumerate(keys)]
        columns = inspect(listing.table).columns
        read = [table.c[columns[name].name] for name in self._columns]
        return select(*read, *labelled).where(*common, *own)

    def _in_order(self, statement: Statement) -> Statement:
        columns = statement.selected_columns
        keys = [columns[f"key{index}"] for index in range(len(self._query.listing.order.keys))]
        return statement.order_by(*_directed(keys, self._query)).limit(self._limit)


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


def _shape_of(branch: Branch) -> object:
    return branch.shape


def _renamed(written: str, names: Sequence[str], renamed: Mapping[str, str]) -> str:
    """The statement as `text()`, with its parameters renamed."""

    def placeholder(match: re.Match[str]) -> str:
        name = names[int(match[1]) - 1]
        # `text()` does not find a name that a cast follows at once.
        return f":{renamed.get(name, name)} "

    return _PARAMETER.sub(placeholder, _COLON.sub(r"\\:", written))


_PARAMETER = re.compile(r"\$(\d+)")
_COLON = re.compile(r"(?<!:):(?!:)")


def _directed(keys: Sequence[ColumnElement[object]], query: RowQuery) -> list[ColumnElement[object]]:
    return [key.desc() if query.listing.order.descending != query.backward else key.asc() for key in keys]
