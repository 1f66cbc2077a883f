"""SQL that is written once, by SQLAlchemy from the tables, and run many times, by asyncpg alone."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    TableValuedAlias,
    UpdateBase,
    any_,
    bindparam,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlmodel import SQLModel

from engine.account_binding import require_bound

_DIALECT: Any = dialect()  # type: ignore[no-untyped-call]


class Statement:
    """A SELECT, or an UPDATE, whose parameters are `parameter(name)`. Whatever else is compared with is part
    of its text, so that PostgreSQL knows it when it plans: it takes a partial index for what is sure.

    It is bound to one account, or `across_accounts` says why it is of several."""

    def __init__(
        self,
        build: Callable[[], Select[*tuple[Any, ...]] | UpdateBase],
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

    def arguments(self, **values: Any) -> list[Any]:
        """In the order of `$1`, `$2` …"""
        return [values[name] for name in self._compiled[1]]


def parameter(name: str) -> BindParameter[Any]:
    """It takes its type from what it is compared with."""
    return bindparam(name, None)


def given_rows(table: type[SQLModel], *names: str) -> TableValuedAlias:
    """Rows of these columns of a table: each is a parameter of that name, with the values of all rows."""
    columns = cast("Any", table).__table__.c
    values = (bindparam(name, None, ARRAY(columns[name].type)) for name in names)
    return func.unnest(*values).table_valued(*names).render_derived()


def any_of(column: Any, values: Any) -> ColumnElement[bool]:
    """IN, with one parameter for however many values."""
    if isinstance(values, BindParameter):
        values = values._with_binary_element_type(ARRAY(column.type))
    return cast("ColumnElement[bool]", column == any_(values))


def column_type(table: type[SQLModel], name: str) -> str:
    """As SQL has it."""
    return str(cast("Any", table).__table__.c[name].type.compile(_DIALECT))


def compiled(
    statement: Select[*tuple[Any, ...]] | UpdateBase, *, across_accounts: str | None = None
) -> tuple[str, list[str]]:
    """Its text, and the names of its parameters in the order of `$1`, `$2` … Raises UnboundStatement where it
    is not bound to one account, and `across_accounts` does not say why."""
    require_bound(statement, across_accounts)

    made: Any = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(made), list(made.positiontup or ())


class _Compiler(_DIALECT.statement_compiler):  # type: ignore[misc]
    """Values that have no name are part of the text; parameters have a name, and no value."""

    def visit_bindparam(self, bindparam: BindParameter[Any], **options: Any) -> str:
        literal = {"literal_execute": True} if bindparam.unique else {}
        return cast("str", super().visit_bindparam(bindparam, **{**options, **literal}))

    def construct_params(self, *arguments: Any, **options: Any) -> Any:
        return super().construct_params(*arguments, **{**options, "_check": False})


_DIALECT.statement_compiler = _Compiler
