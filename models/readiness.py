"""Readiness of the server: a probe of the database that reads and writes, at most once in three seconds."""

import asyncio
from time import monotonic

import asyncpg
from asyncpg import exceptions as postgresql

from engine.outages import log_failure
from models.database import Database

_TIMEOUT_SECONDS = 2.0
_REMEMBERED_SECONDS = 3.0
_UNREACHABLE = "The database cannot be reached."
_PROBE = """
    SET LOCAL work_mem = '64kB';
    SELECT count(*) FROM generate_series(1, 20000);
    DELETE FROM idempotency_keys WHERE false;
    SELECT pg_logical_emit_message(true, 'team-access', 'readiness')"""
"""One transaction that writes a temporary file of 300 kB, so that a full disk is reported before it stops
PostgreSQL; executes a DELETE without rows, which a read-only transaction refuses; and writes to the
write-ahead log."""


class Readiness:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()
        self._problem: str | None = None

    async def problem(self) -> str | None:
        """Returns why requests cannot be served, or None if they can. The result is at most three seconds
        old."""
        async with self._checking:
            if monotonic() - self._checked_at > _REMEMBERED_SECONDS:
                self._problem = await self._look()
                self._checked_at = monotonic()
            return self._problem

    async def _look(self) -> str | None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._database.fetch("SELECT 1")
                await self._write()
        except Exception as error:
            log_failure("readiness_probe_failed", error)
            return _why(error)
        return None

    async def _write(self) -> None:
        connection = await self._database.connect("team-access readiness")
        try:
            await connection.execute(_PROBE)
        finally:
            connection.terminate()


def _why(error: Exception) -> str:
    match error:
        case postgresql.ReadOnlySQLTransactionError() | postgresql.ObjectNotInPrerequisiteStateError():
            return "The database accepts no changes: it is read-only or a standby."
        case postgresql.DiskFullError():
            return "The database accepts no changes: its disk is full."
        case postgresql.TooManyConnectionsError():
            return "The database has no free connection."
        case asyncpg.PostgresError() if not isinstance(error, postgresql.PostgresConnectionError):
            return f"The database accepts no changes: it responds with SQLSTATE {error.sqlstate}."
        case _:
            return _UNREACHABLE
