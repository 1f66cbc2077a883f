"""Reads and writes rows within a transaction, by statements that are written and prepared once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar, cast

import asyncpg
from asyncpg import Record
from sqlalchemy import Column, UpdateBase, inspect, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.dialects.postgresql import insert as insert_into
from sqlmodel import SQLModel

from engine.canonical_json import canonical_json
from engine.derived_columns import derived_values, derives_from
from engine.snapshots import columns, snapshot, with_values
from engine.statements import Statement, any_of, given_rows, parameter
from engine.tables import AnySelect, column_of, table_of
from telemetry import tracing
from telemetry.families import CHANGE_STATEMENTS

Row = TypeVar("Row", bound=SQLModel)
_STATEMENTS = CHANGE_STATEMENTS.labels()


class RowNotFound(LookupError):
    """No row of the account has this primary key."""


class Writer(Protocol):
    """Whatever writes rows within a transaction: a RowWriter, or a change with its events."""

    async def insert(self, *rows: SQLModel) -> None: ...

    async def fetch(self, statement: Statement, **values: object) -> list[Record]: ...


class RowWriter:
    """An open transaction on asyncpg's connection. Rows are immutable values: `update` returns the new one.

    `tables` are those it may write, where it may not write all. Tables with an `account_id` in their key are
    read and written within the account of `account_id` alone.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        account_id: object = None,
        tables: Collection[type[SQLModel]] | None = None,
    ) -> None:
        self.connection = connection
        self._account_id = account_id
        self._tables = None if tables is None else {_name(each) for each in tables}

    async def find(self, table: type[Row], *key: object, lock: bool = False) -> Row | None:
        """The row with this primary key, given without `account_id`. `lock` locks it until the commit."""
        statement = _selection(table, lock)
        records = await self._for_a_statement().fetch(statement.sql, *self._key(table, key))
        return snapshot(table, tuple(records[0])) if records else None

    async def insert(self, *rows: SQLModel) -> None:
        """All of a table by one statement, which computes derived columns too."""
        by_table: defaultdict[type[SQLModel], list[SQLModel]] = defaultdict(list)
        for row in rows:
            by_table[type(row)].append(row)
        for table, group in by_table.items():
            self._require_writable([_name(table)])
            values = [_stored(row) for row in group]
            if len(values) == 1:
                await self._for_a_statement().execute(_insertion(table), *values[0])
            else:
                columns = map(list, zip(*values, strict=True))
                await self._for_a_statement().execute(_insertion_of_many(table), *columns)

    async def update(self, row: Row, **values: object) -> Row:
        """Writes the values that differ, and returns the new row. Raises `RowNotFound` if the row does not
        exist or belongs to another account."""
        table = type(row)
        self._require_writable([_name(table)])
        changed = {name: value for name, value in values.items() if value != getattr(row, name)}
        if not changed:
            return row
        new = with_values(row, **changed)
        written = {**changed, **derived_values(table, new.__dict__, changed)}
        statement = _updating(table, tuple(sorted(written)))
        key = {name: getattr(row, name) for name in _key_names(table)}
        arguments = statement.arguments(**_sent(table, written), **key)
        if await self._for_a_statement().execute(statement.sql, *arguments) != "UPDATE 1":
            raise RowNotFound(f"{table.__name__}: there is no such row to update")
        return new

    async def update_all(self, rows: Sequence[Row], **values: object) -> list[Row]:
        """Writes the same values to several rows of a table with an `id`, with one statement. Raises
        `RowNotFound` if one of them does not exist or belongs to another account."""
        if not rows:
            return []
        table = type(rows[0])
        self._require_writable([_name(table)])
        statement = _updating_many(table, tuple(sorted(values)))
        key = {name: getattr(rows[0], name) for name in _key_names(table) if name != "id"}
        ids = [getattr(row, "id") for row in rows]  # noqa: B009 - not all tables have it
        arguments = statement.arguments(**_sent(table, values), **key, ids=ids)
        if await self._for_a_statement().execute(statement.sql, *arguments) != f"UPDATE {len(rows)}":
            raise RowNotFound(f"{table.__name__}: not all of the rows to update are there")
        return [with_values(row, **values) for row in rows]

    async def fetch(self, statement: Statement, **values: object) -> list[Record]:
        """Executes a statement and returns its records. Raises `RuntimeError` if it writes a table that is
        not admitted."""
        if self._tables is not None:
            self._require_writable(statement.written_tables)
        return await self._for_a_statement().fetch(statement.sql, *statement.arguments(**values))

    def _for_a_statement(self) -> asyncpg.Connection:
        """Counts a statement, and traces it where the process traces."""
        _STATEMENTS.value += 1
        if tracing.tracer is None:
            return self.connection
        return cast("asyncpg.Connection", tracing.TracedConnection(self.connection))

    def _key(self, table: type[SQLModel], key: Iterable[object]) -> list[object]:
        return [self._account_id, *key] if "account_id" in _key_names(table) else list(key)

    def _require_writable(self, names: Iterable[str]) -> None:
        if self._tables is None:
            return
        for name in names:
            if name not in self._tables:
                allowed = ", ".join(sorted(self._tables))
                raise RuntimeError(f"{name} may not be written here ({allowed} may): only change() writes it")


def _name(table: type[SQLModel]) -> str:
    return cast("str", table.__tablename__)


def _stored(row: SQLModel) -> list[object]:
    """Values of a row for asyncpg, in the order of the table's columns."""
    table = type(row)
    values = {**row.__dict__, **derived_values(table, row.__dict__)}
    return list(_sent(table, {name: values[name] for name in _stored_names(table)}).values())


def _sent(table: type[SQLModel], values: Mapping[str, object]) -> dict[str, object]:
    json = _json_names(table)
    return {name: canonical_json(value) if name in json else value for name, value in values.items()}


def _columns(table: type[SQLModel]) -> dict[str, Column[object]]:
    """Columns by their Python names, in the table's order."""
    return {each.key: cast("Column[Any]", each.columns[0]) for each in inspect(table).column_attrs}


@cache
def _stored_names(table: type[SQLModel]) -> tuple[str, ...]:
    return tuple(_columns(table))


@cache
def _key_names(table: type[SQLModel]) -> tuple[str, ...]:
    """Names of the primary key's columns. `account_id` is first in tables of accounts."""
    return tuple(name for name, column in _columns(table).items() if column.primary_key)


@cache
def _json_names(table: type[SQLModel]) -> frozenset[str]:
    return frozenset(name for name, column in _columns(table).items() if isinstance(column.type, JSON))


@cache
def _selection(table: type[SQLModel], lock: bool) -> Statement:
    def build() -> AnySelect:
        found = select(*columns(table)).where(
            *(column_of(table, name) == parameter(name) for name in _key_names(table))
        )
        return found.with_for_update() if lock else found

    return Statement(build)


@cache
def _updating(table: type[SQLModel], names: tuple[str, ...]) -> Statement:
    def build() -> UpdateBase:
        stored = _columns(table)
        key = (column_of(table, name) == parameter(name) for name in _key_names(table))
        return update(table).where(*key).values({stored[name]: parameter(name) for name in names})

    return Statement(build)


@cache
def _updating_many(table: type[SQLModel], names: tuple[str, ...]) -> Statement:
    """Raises TypeError where a derived column would have to be computed for each row."""
    if derives_from(table, names):
        raise TypeError(f"{table.__name__}: columns derive from {', '.join(names)}; update one row at a time")

    def build() -> UpdateBase:
        stored = _columns(table)
        key = (column_of(table, name) == parameter(name) for name in _key_names(table) if name != "id")
        of_rows = any_of(column_of(table, "id"), parameter("ids"))
        return update(table).where(*key, of_rows).values({stored[name]: parameter(name) for name in names})

    return Statement(build)


@cache
def _insertion(table: type[SQLModel]) -> str:
    names = [column.name for column in _columns(table).values()]
    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    return f"INSERT INTO {table.__tablename__} ({', '.join(names)}) VALUES ({places})"  # noqa: S608


@cache
def _insertion_of_many(table: type[SQLModel]) -> str:
    """Inserts rows from one array for each column. Raises `TypeError` for tables with array columns, because
    PostgreSQL has no arrays of arrays."""
    names = [column.name for column in _columns(table).values()]
    if any(isinstance(column.type, ARRAY) for column in _columns(table).values()):
        raise TypeError(f"{table.__name__} has an array: insert one row at a time")
    rows = given_rows(table, *names)
    return Statement(lambda: insert_into(table_of(table)).from_select(names, select(*rows.c))).sql
