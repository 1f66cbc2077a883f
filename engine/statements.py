"""SQL that is compiled once, from SQLAlchemy expressions, and run by asyncpg."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    TableValuedAlias,
    UpdateBase,
    any_,
    bindparam,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql import visitors
from sqlmodel import SQLModel

from engine.account_binding import require_bound
from engine.tables import AnyExpression, AnySelect, AnyUnion, table_of

AnyStatement: TypeAlias = AnySelect | AnyUnion | UpdateBase
_DIALECT: Any = dialect()  # type: ignore[no-untyped-call]


class Statement:
    """A statement whose parameters are `parameter(name)`. All other values are literals in its text, so that
    PostgreSQL can use partial indexes.

    It must be bound to one account, unless `across_accounts` gives the reason why it is not.
    """

    def __init__(
        self,
        build: Callable[[], AnyStatement],
        *,
        across_accounts: str | None = None,
    ) -> None:
        self._build = build
        self.across_accounts = across_accounts

    @cached_property
    def _compiled(self) -> tuple[str, list[str]]:
        return compiled(self._build(), across_accounts=self.across_accounts)

    @property
    def sql(self) -> str:
        return self._compiled[0]

    @cached_property
    def written_tables(self) -> frozenset[str]:
        """Names of the tables that it inserts into, updates or deletes from, in parts of it too."""
        parts = visitors.iterate(self._build())
        return frozenset(cast("Any", each).table.name for each in parts if isinstance(each, UpdateBase))

    def arguments(self, **values: object) -> list[object]:
        """Values in the order of `$1`, `$2` …"""
        return [values[name] for name in self._compiled[1]]


def parameter(name: str) -> BindParameter[object]:
    """A named parameter. Its type is that of the column that it is compared with."""
    return bindparam(name, None)


def given_rows(table: type[SQLModel], *names: str) -> TableValuedAlias:
    """Rows that are given as parameters: one array for each named column of a table."""
    columns = table_of(table).c
    values = (bindparam(name, None, ARRAY(columns[name].type)) for name in names)
    return func.unnest(*values).table_valued(*names).render_derived()


def any_of(column: AnyExpression, values: BindParameter[Any]) -> ColumnElement[bool]:
    """Like IN, with one array parameter for any number of values."""
    of_type = cast("ColumnElement[Any]", column).type
    return column == any_(values._with_binary_element_type(ARRAY(of_type)))


def column_type(table: type[SQLModel], name: str) -> str:
    """The column's type as SQL."""
    return str(table_of(table).c[name].type.compile(_DIALECT))


def compiled(statement: AnyStatement, *, across_accounts: str | None = None) -> tuple[str, list[str]]:
    """Returns the SQL and the names of its parameters in the order of `$1`, `$2` … Raises UnboundStatement
    where it is not bound to one account and `across_accounts` is not given."""
    require_bound(statement, across_accounts)

    made: Any = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(made), list(made.positiontup or ())


class _Compiler(_DIALECT.statement_compiler):  # type: ignore[misc]
    """Renders unnamed values as literals. Named parameters have no value."""

    def visit_bindparam(self, bindparam: BindParameter[object], **options: object) -> str:
        literal = {"literal_execute": True} if bindparam.unique else {}
        return cast("str", super().visit_bindparam(bindparam, **{**options, **literal}))

    def construct_params(self, *arguments: object, **options: object) -> object:
        return super().construct_params(*arguments, **{**options, "_check": False})


_DIALECT.statement_compiler = _Compiler
