"""Writes the SQL of the rows of one list: along an index, merged from branches, or found by a search."""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from itertools import groupby
from typing import Protocol, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    SelectBase,
    TextualSelect,
    and_,
    bindparam,
    case,
    false,
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

from engine.conditions import BoundCondition, OfNextRows
from engine.pagination import Branch, Search, ThroughRows, Window
from engine.query import RowQuery, Shape
from engine.statements import compiled
from engine.tables import AnySelect, table_of

Statement = AnySelect

_NEAR_ROWS = 200
"""Number of next rows in order that a search compares before it uses its index."""


Computed: TypeAlias = Callable[[OfNextRows], object]
"""Computes a value of a search."""


class StatementNames(Protocol):
    """Gives the names of a statement's parameters and tables."""

    def table(self) -> str: ...

    def limit(self, query: RowQuery) -> ColumnElement[int] | None: ...

    def cursor(self, query: RowQuery, argument: str, index: int) -> str: ...

    def parameter(self, bound: BoundCondition, index: int) -> str: ...

    def condition(
        self,
        bound: BoundCondition,
        table: FromClause,
        parent: str | None,
        computed: Computed | None = None,
    ) -> ColumnElement[bool]: ...

    def all_of(
        self, where: Sequence[BoundCondition], table: FromClause, parent: str | None
    ) -> ColumnElement[bool]: ...


class PageSql:
    """Writes the rows of a query's own table: selected columns, join columns, matched columns, and the
    order's keys as `key0`, `key1` …"""

    def __init__(self, writer: StatementNames, shape: Shape, query: RowQuery, parent: str | None) -> None:
        self._writer, self._query, self._parent = writer, query, parent
        self._limit = writer.limit(query)
        self._columns = sorted(shape.columns(query))

    def statement(self) -> Statement:
        search = self._query.listing.search
        return self._searched(search) if search else self._listed()

    def _listed(self) -> Statement:
        """Rows of the listing in order, whether they match its search or not."""
        branches = self._query.listing.branches
        if not branches:
            return self._walked(Branch(()))
        return self._merged([self._alike(list(each)) for _, each in groupby(branches, _shape_of)])

    def _walked(self, branch: Branch) -> Statement:
        """Rows in order, along one index."""
        return self._sorted(self._selected(branch.where), is_few=branch.is_few)

    def _sorted(self, statement: Statement, *, is_few: bool) -> Statement:
        """The first rows of a statement, in order. Few rows are fenced off, so that they are found by their
        own index, and sorted: PostgreSQL would rather compare all rows along an index that has the order."""
        if is_few:
            statement = select(statement.offset(literal_column("0")).subquery(self._writer.table()))
        return self._in_order(statement)

    def _alike(self, branches: Sequence[Branch]) -> SelectBase:
        """Branches that differ only in parameters: compiled once and repeated as text, since SQLAlchemy takes
        milliseconds for each."""
        statement = self._walked(branches[0])
        if len(branches) == 1:
            return statement
        written, names = compiled(statement)
        repeated = (_renamed(written, names, self._names_for(branches[0], each)) for each in branches)
        return text(" UNION ALL ".join(f"({each})" for each in repeated)).columns(*statement.selected_columns)

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
        # SQLAlchemy compiles no SELECT that follows a text.
        merged = union_all(*sorted(branches, key=_is_text)).subquery(self._writer.table())
        return self._in_order(select(merged))

    def count_found(self, search: Search, most: int) -> Statement:
        """Counts the matching rows up to one more than `most`, near the first row and then all."""
        next_rows = self._materialized(self._up_to(_NEAR_ROWS)._listed())
        prepared, computed = self._prepared(search, next_rows)

        def number(branch: Branch) -> ColumnElement[int]:
            rows = self._found(branch, search, computed)
            return _number(rows.limit(most + 1).subquery(self._writer.table()))

        (branch,) = search.otherwise
        total = number(branch)
        for window in reversed(search.windows):
            found = number(window.branch)
            has_all = self._has_all(window, next_rows, computed)
            total = case((or_(found > most, has_all), found), else_=total)
        return select(total).add_cte(next_rows, *prepared, nest_here=True)

    def _searched(self, search: Search) -> Statement:
        """Ways to find matching rows, each of which is begun only if those before it did not fill the page.
        Frequent matches are found among the next rows in order. Others are found by the index of the search
        and sorted: first those near the first row, then all."""
        next_rows = self._materialized(self._up_to(_NEAR_ROWS)._listed())
        match = self._writer.condition(search.match, next_rows, self._parent)
        found = [self._materialized(select(next_rows).where(match).limit(self._limit))]
        is_short = (_number(next_rows) == _NEAR_ROWS) & (_number(found[0]) < self._limit)
        branches = [select(found[0]).where(~is_short)]
        prepared, computed = self._prepared(search, next_rows)
        for window in search.windows:
            rows = self._found(window.branch, search, computed)
            found.append(self._materialized(self._in_order(rows.where(is_short))))
            is_last = (_number(found[-1]) == self._limit) | self._has_all(window, next_rows, computed)
            branches.append(select(found[-1]).where(is_short, is_last))
            is_short &= ~is_last
        for branch in search.otherwise:
            rows = (
                self._found_through(branch, branch.through)
                if branch.through
                else self._found(branch, search, computed)
            )
            branches.append(self._sorted(rows.where(is_short), is_few=branch.is_few))
        # Where the statement begins, it would not know the row of another that its list belongs to.
        return self._merged(branches).add_cte(next_rows, *prepared, *found, nest_here=True)

    def _up_to(self, number: int) -> "PageSql":
        """The page with another limit."""
        page = copy(self)
        page._limit = literal_column(str(number))
        return page

    def _materialized(self, statement: Statement) -> CTE:
        return statement.cte(self._writer.table()).prefix_with("MATERIALIZED")

    def _prepared(self, search: Search, next_rows: FromClause) -> tuple[list[CTE], Computed]:
        """The row of what the search has prepared, if it has, and what computes values of its conditions."""
        if search.prepared is None:
            return [], lambda value: value.expression(next_rows, None)
        expression = self._writer.condition(
            search.prepared, next_rows, self._parent, lambda value: value.expression(next_rows, None)
        )
        row = self._materialized(select(expression.label("value")))
        return [row], lambda value: value.expression(next_rows, select(row.c.value).scalar_subquery())

    def _has_all(self, window: Window, next_rows: FromClause, computed: Computed) -> ColumnElement[bool]:
        """Whether all rows of the listing that follow the first one are in the window, as far as that is
        known."""
        if self._query.listing.order.descending == self._query.backward:
            return false()
        return self._writer.condition(window.has_all_before, next_rows, self._parent, computed)

    def _found(self, branch: Branch, search: Search, computed: Computed) -> Statement:
        """Rows found by an index that has no order."""
        return self._selected((*branch.where, search.match), is_indexed=False, computed=computed)

    def _found_through(self, branch: Branch, through: ThroughRows) -> Statement:
        """For each row of the other table, the first rows in order along an index."""
        other = table_of(through.table).alias(self._writer.table())
        own = self._in_order(self._selected(branch.where, is_indexed=False, parent=other.name))
        found = own.subquery(self._writer.table()).lateral()
        matches = self._writer.condition(through.where, other, self._parent)
        return select(*found.columns).select_from(other.join(found, true())).where(matches)

    def _selected(
        self,
        where: Sequence[BoundCondition],
        *,
        is_indexed: bool = True,
        parent: str | None = None,
        computed: Computed | None = None,
    ) -> Statement:
        """Rows of the listing between the cursors. Unless `is_indexed`, conditions that all rows of the
        listing meet are not used for an index. `parent` and `computed` are what `where` refers to."""
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
            if listing.branches:
                common.append(
                    or_(*(writer.all_of(each.where, table, self._parent) for each in listing.branches))
                )
            common = [and_(*common).is_(True)]
        own = [writer.condition(bound, table, parent or self._parent, computed) for bound in where]
        labelled = [key.label(f"key{index}") for index, key in enumerate(keys)]
        columns = inspect(listing.table).columns
        read = [table.c[columns[name].name] for name in self._columns]
        return select(*read, *labelled).where(*common, *own)

    def _in_order(self, statement: Statement) -> Statement:
        columns = statement.selected_columns
        keys = [columns[f"key{index}"] for index in range(len(self._query.listing.order.keys))]
        return statement.order_by(*directed(keys, self._query)).limit(self._limit)


def _number(rows: FromClause) -> ColumnElement[int]:
    return select(func.count()).select_from(rows).scalar_subquery()


def _shape_of(branch: Branch) -> object:
    return branch.shape


def _is_text(statement: SelectBase) -> bool:
    return isinstance(statement, TextualSelect)


def _renamed(written: str, names: Sequence[str], renamed: Mapping[str, str]) -> str:
    """The statement as `text()`, with its parameters renamed."""

    def placeholder(match: re.Match[str]) -> str:
        name = names[int(match[1]) - 1]
        # `text()` does not find a name that a cast follows at once.
        return f":{renamed.get(name, name)} "

    return _PARAMETER.sub(placeholder, _COLON.sub(r"\\:", written))


_PARAMETER = re.compile(r"\$(\d+)")
_COLON = re.compile(r"(?<!:):(?!:)")


def directed(keys: Sequence[ColumnElement[object]], query: RowQuery) -> list[ColumnElement[object]]:
    return [key.desc() if query.listing.order.descending != query.backward else key.asc() for key in keys]
