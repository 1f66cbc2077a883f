"""Checks that a statement reads and changes rows of one account only, and refuses it otherwise.

Every table with an `account_id`, and `accounts` by its `id`, must be compared with a parameter, or with the
same column of another table that is; the conditions must be joined by AND. The parameter is one account, or
the list of a viewer's accounts (`= ANY`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Delete, FromClause, Insert, Join, Select, Table, Update
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BooleanClauseList,
    ClauseElement,
    CollectionAggregate,
    ColumnClause,
    Grouping,
    Label,
    True_,
)
from sqlalchemy.sql.selectable import CTE, AliasedReturnsRows, TextualSelect

from engine.tables import AnySelect

_KEY = "account_id"
_PARTS = (
    *("_order_by_clauses", "_group_by_clauses", "_having_criteria", "_distinct_on"),
    *("_limit_clause", "_offset_clause", "_fetch_clause"),
    *("_values", "_multi_values", "_ordered_values", "_post_values_clause", "_returning"),
)
"""Parts of a statement, by SQLAlchemy's names, that may contain a SELECT, besides the conditions."""


class UnboundStatement(Exception):
    """A statement over tables of accounts that does not name the account."""


def require_bound(statement: ClauseElement, across_accounts: str | None = None) -> None:
    """Raises UnboundStatement, which names the tables that are not bound to one account. `across_accounts`
    gives the reason for a statement without an account parameter; all tables of one record must be of the
    same account even then."""
    if across_accounts is not None and isinstance(statement, CompoundSelect):
        for each in statement.selects:  # Each record is of one of them.
            require_bound(each, across_accounts)
        return
    check = _Check()
    check.statement(statement, None)
    unbound = check.unbound()
    names = ", ".join(sorted({name for _, name in unbound}))
    if unbound and across_accounts is None:
        raise UnboundStatement(
            f"{names}: compare account_id with a parameter, or say in across_accounts why not"
        )
    if len({id(node) for node, _ in unbound}) > 1:
        raise UnboundStatement(f"{names}: compare account_id with that of the others")


@dataclass(eq=False)
class _Node:
    """The account of a table's rows. Tables that are compared with each other share the root node."""

    same: "_Node | None" = None


Columns = dict[str, _Node]
"""Columns of a table or subquery that contain an account's id."""


@dataclass
class _Scope:
    """The tables of a SELECT, by alias, with those of the SELECTs around it."""

    outer: "_Scope | None"
    tables: dict[str, Columns] = field(default_factory=dict)

    def columns(self, name: str) -> Columns | None:
        if name in self.tables:
            return self.tables[name]
        return self.outer.columns(name) if self.outer else None


class _Check:
    def __init__(self) -> None:
        self.tables: list[tuple[_Node, str]] = []
        self._bound = _Node()
        self._ctes: dict[str, Columns] = {}

    def unbound(self) -> list[tuple[_Node, str]]:
        """Tables that no parameter binds. Tables of the same account have the same root node."""
        roots = [(self._root(node), name) for node, name in self.tables]
        return [(root, name) for root, name in roots if root is not self._root(self._bound)]

    def statement(self, statement: object, outer: _Scope | None) -> Columns:
        """Columns of the statement's records that hold the id of an account."""
        if isinstance(statement, CompoundSelect):
            # Each is bound by itself, so the first one represents all of them.
            columns = [self.statement(each, outer) for each in statement.selects]
            return columns[0]
        if isinstance(statement, Select):
            return self._select(statement, outer)
        if isinstance(statement, TextualSelect):
            # Branches of a list, repeated as text: the one that they were written from was bound.
            return {_KEY: self._bound} if _KEY in statement.selected_columns else {}
        if isinstance(statement, Update | Delete):
            self._change(statement, outer)
        elif isinstance(statement, Insert):
            self._parts(statement, _Scope(outer))
            return {} if statement.select is None else self.statement(statement.select, outer)
        elif hasattr(statement, "element"):
            return self.statement(statement.element, outer)
        return {}

    def _select(self, statement: AnySelect, outer: _Scope | None) -> Columns:
        scope = _Scope(outer)
        for source in _sources(statement):
            self._source(source, scope)
        if statement.whereclause is not None:
            self._conditions(statement.whereclause, scope)
        for column in statement.selected_columns:
            self._nested(column, scope)
        self._parts(statement, scope)
        named = ((column.key, self._node(column, scope)) for column in statement.selected_columns)
        return {name: node for name, node in named if name and node is not None}

    def _change(self, statement: Any, outer: _Scope | None) -> None:
        scope = _Scope(outer)
        self._source(statement.table, scope)
        for condition in statement._where_criteria:
            for table in _tables_in(condition):
                self._source(table, scope)
            self._conditions(condition, scope)
        self._parts(statement, scope)

    def _parts(self, statement: object, scope: _Scope) -> None:
        """SELECTs in the parts other than conditions: ORDER BY, VALUES, RETURNING, WITH."""
        for name in _PARTS:
            for expression in _expressions_in(getattr(statement, name, None)):
                self._nested(expression, scope)
        for cte in getattr(statement, "_independent_ctes", ()):
            self._source(cte, scope)

    def _source(self, source: object, scope: _Scope) -> None:
        if isinstance(source, Join):
            self._join(source, scope)
        elif isinstance(source, CTE):
            if source.name not in self._ctes:
                self._ctes[source.name] = {}
                self._ctes[source.name] = self.statement(source.element, scope)
            scope.tables[source.name] = self._ctes[source.name]
        elif isinstance(source, Table) or isinstance(getattr(source, "element", None), Table):
            self._table(source, scope)
        elif isinstance(source, AliasedReturnsRows):
            scope.tables[source.name] = self.statement(source.element, scope)
        else:
            raise UnboundStatement(f"{source}: read from a table or a SELECT, whose account can be checked")

    def _join(self, source: Join, scope: _Scope) -> None:
        self._source(source.left, scope)
        before = set(scope.tables)
        self._source(source.right, scope)
        self._nested(source.onclause, scope)
        if not (source.isouter or source.full):
            self._conditions(source.onclause, scope)
            return
        # Conditions of an outer join apply to the joined rows only.
        columns = [scope.tables[name] for name in scope.tables if name not in before]
        joined = {} if source.full else {id(node): node for each in columns for node in each.values()}
        for one, other in self._equal(source.onclause, scope):
            for node, bound_by in ((one, other), (other, one)):
                root = self._root(node)
                if joined.pop(id(root), None) is not None and root is not self._root(bound_by):
                    root.same = self._root(bound_by)

    def _table(self, source: Any, scope: _Scope) -> None:
        """A table that an outer SELECT already has is the outer one's: SQLAlchemy correlates it."""
        if scope.columns(source.name) is not None:
            return
        table: Any = source if isinstance(source, Table) else source.element
        key = "id" if table.name == "accounts" else _KEY
        if key == "id" or _KEY in table.c:
            node = _Node()
            self.tables.append((node, table.name))
            scope.tables[source.name] = {key: node}
        else:
            scope.tables[source.name] = {}

    def _conditions(self, condition: Any, scope: _Scope) -> None:
        """Conditions that are joined by AND."""
        self._nested(condition, scope)
        for one, other in self._equal(condition, scope):
            if self._root(one) is not self._root(other):
                self._root(one).same = self._root(other)

    def _equal(self, condition: object, scope: _Scope) -> Iterator[tuple[_Node, _Node]]:
        for each in _conjuncts(condition):
            if isinstance(each, BinaryExpression) and each.operator is operators.eq:
                one, other = self._node(each.left, scope), self._node(each.right, scope)
                if one is not None and other is not None:
                    yield one, other

    def _nested(self, expression: Any, scope: _Scope) -> None:
        """SELECTs inside an expression."""
        if isinstance(expression, Select | CompoundSelect):
            self.statement(expression, scope)
            return
        for child in expression.get_children():
            if not isinstance(child, Table | AliasedReturnsRows):
                self._nested(child, scope)

    def _node(self, expression: Any, scope: _Scope) -> _Node | None:
        while isinstance(expression, Grouping | Label | CollectionAggregate):
            expression = expression.element
        if isinstance(expression, BindParameter):
            return None if expression.expanding else self._bound
        if not isinstance(expression, ColumnClause):
            return None
        table, _, name = (
            expression.name.rpartition(".") if expression.is_literal else ("", "", expression.name)
        )
        table = table or getattr(expression.table, "name", "")
        return (scope.columns(table) or {}).get(name)

    def _root(self, node: _Node) -> _Node:
        while node.same is not None:
            node = node.same
        return node


def _sources(statement: AnySelect) -> Sequence[FromClause]:
    """The same as `get_final_froms`, which would compile the whole statement first."""
    return statement._compile_state_factory(statement, _COMPILER)._get_display_froms()


_DIALECT: Any = dialect()  # type: ignore[no-untyped-call]
_COMPILER = _DIALECT.statement_compiler(_DIALECT, None)


def _conjuncts(condition: Any) -> Iterator[object]:
    while isinstance(condition, Grouping):
        condition = condition.element
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for clause in condition.clauses:
            yield from _conjuncts(clause)
    elif isinstance(condition, BinaryExpression) and isinstance(condition.right, True_):
        yield from _conjuncts(condition.left)
    else:
        yield condition


def _expressions_in(part: object) -> Iterator[ClauseElement]:
    """Expressions of a clause, or of a collection or mapping of clauses."""
    if isinstance(part, ClauseElement):
        yield part
    elif isinstance(part, Mapping):
        yield from _expressions_in([*part.keys(), *part.values()])
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _expressions_in(each)


def _tables_in(condition: Any) -> Iterator[Any]:
    """Tables of an UPDATE or DELETE other than its target."""
    if isinstance(condition, ColumnClause) and condition.table is not None:
        yield condition.table
    for child in condition.get_children():
        if not isinstance(child, Select | CompoundSelect | Table | AliasedReturnsRows):
            yield from _tables_in(child)
