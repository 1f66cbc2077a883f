"""Initial states of the database for tests: each is arranged once per process, then restored from a copy."""

import copy
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg

from tests.support.world import World

T = TypeVar("T")

_COLUMNS = """SELECT relname AS table, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
  FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    AND attnum > 0 AND NOT attisdropped AND attgenerated = '' GROUP BY relname"""


_LARGE = """ARRAY(SELECT relname::text FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 262144)"""
"""Tables whose file has more bytes than initial states need."""


class Tables:
    """All tables of the schema except `alembic_version`.

    They are emptied by DELETE, since TRUNCATE takes twenty times as long, and filled from temporary tables of
    the superuser's connection, by functions, because PostgreSQL keeps the plans of their statements. Each
    DELETE reads the whole file of its table, so a file that a test has filled is shrunk by VACUUM.
    """

    def __init__(self, superuser: asyncpg.Connection, columns: dict[str, str]) -> None:
        self._superuser = superuser
        self._columns = columns
        self._deletes = "".join(f"DELETE FROM {table};" for table in columns)

    @classmethod
    async def of(cls, superuser: asyncpg.Connection) -> "Tables":
        columns = {row["table"]: row["columns"] for row in await superuser.fetch(_COLUMNS)}
        tables = cls(superuser, columns)
        await tables._define("wipe", "")
        return tables

    async def wipe(self) -> None:
        await self._call("wipe")

    async def keep(self, name: str) -> None:
        """Copies the current content."""
        inserts = []
        for table, columns in self._columns.items():
            if await self._superuser.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):
                kept = f"pg_temp.kept_{name}_{table}"
                await self._superuser.execute(f"CREATE TABLE {kept} AS SELECT {columns} FROM {table}")
                overriding = f"({columns}) OVERRIDING SYSTEM VALUE SELECT {columns}"
                inserts.append(f"INSERT INTO {table} {overriding} FROM {kept};")
        # Sets the time of last use to now, so that the next request does not update it.
        inserts.append("UPDATE sessions SET last_used_at = now();")
        await self._define(f"begin_with_{name}", "".join(inserts))

    async def begin_with(self, name: str) -> None:
        """Restores the copied content."""
        await self._call(f"begin_with_{name}")

    async def _define(self, function: str, statements: str) -> None:
        """Defines the functions. They bypass the triggers that protect, number and hash events."""
        await self._superuser.execute(
            f"CREATE FUNCTION pg_temp.{function}() RETURNS text[] LANGUAGE plpgsql"
            " SET session_replication_role = replica"
            f" AS $$ BEGIN {self._deletes} {statements} RETURN {_LARGE}; END $$"
        )

    async def _call(self, function: str) -> None:
        if self._superuser.is_in_transaction():
            await self._superuser.execute("ROLLBACK")
        large = await self._large_after(function)
        if large:
            for table in large:
                await self._superuser.execute(f"DELETE FROM {table}")
                await self._superuser.execute(f"VACUUM {table}")
            await self._large_after(function)

    async def _large_after(self, function: str) -> list[str]:
        """Calls the function. Returns the tables whose files it left large."""
        statement = f"SELECT pg_temp.{function}()"
        large: list[str]
        with suppress(asyncpg.DeadlockDetectedError):  # A write of the app for the previous test.
            large = await self._superuser.fetchval(statement)
            return large
        large = await self._superuser.fetchval(statement)
        return large


_FIXTURES = {"team": "world", "themes": "themes", "stage": "stage", "busy_stage": "busy_stage"}
"""States that contain the one before, and the fixtures that begin with them."""


@dataclass
class Beginnings:
    tables: Tables
    _arranged: dict[str, tuple[World, Any]] = field(default_factory=dict)
    _due: str = ""
    """The largest state that the test's fixtures begin with, of those that were arranged before."""
    _present: set[str] = field(default_factory=set)
    """States that were restored for the test."""

    def choose(self, fixtures: Collection[str]) -> bool:
        """For a test with these fixtures. Returns False where it needs empty tables."""
        due = [name for name, fixture in _FIXTURES.items() if fixture in fixtures and name in self._arranged]
        self._due, self._present = (due or [""])[-1], set()
        return bool(due)

    async def begin(self, name: str, world: World, arrange: Callable[[], Awaitable[T]]) -> T:
        """Restores the state that `arrange` creates, and returns a copy of its result: people and ids."""
        if name in self._arranged:
            await self._restore(name)
            arranged_in, value = self._arranged[name]
            copied: T = _copied(value, arranged_in, world)
            return copied
        made = await arrange()
        await self.tables.keep(name)
        self._arranged[name] = world, _copied(made, world, world)
        return made

    async def _restore(self, name: str) -> None:
        """At once with what other fixtures of the test would restore after it."""
        if name in self._present:
            return
        due = _up_to(self._due)
        state = self._due if name in due else name
        await self.tables.begin_with(state)
        self._present |= {*due} if name in due else {name}


def _up_to(name: str) -> list[str]:
    names = list(_FIXTURES)
    return names[: names.index(name) + 1] if name else []


def _copied(value: T, arranged_in: World, world: World) -> T:
    """A copy with this test's HTTP client and the objects that all tests of a process share."""
    shared = ("http", "settings", "database", "superuser")
    copies: dict[int, Any] = {id(getattr(arranged_in, name)): getattr(world, name) for name in shared}
    return copy.deepcopy(value, {id(arranged_in): world, **copies})
