"""Readiness of the server: a probe of the database that reads and writes, at most once in three seconds."""

import asyncio
from dataclasses import dataclass
from time import monotonic

import asyncpg
from asyncpg import exceptions as postgresql

from engine.outages import NoResponse, log_failure
from models import migrate
from models.database import Database

_TIMEOUT_SECONDS = 2.0
_REMEMBERED_SECONDS = 3.0
_UNREACHABLE = "The database cannot be reached."
_UNKNOWN = "The version of the tables is not known while the database cannot be used."
_OTHER_TABLES = "The database has the tables of another version: run `team-access migrate` of this version."
_PROBE = """
    SET LOCAL work_mem = '64kB';
    SELECT count(*) FROM generate_series(1, 20000);
    DELETE FROM idempotency_keys WHERE false;
    SELECT pg_logical_emit_message(true, 'team-access', 'readiness')"""
"""One transaction that writes a temporary file of 300 kB, so that a full disk is reported before it stops
PostgreSQL; executes a DELETE without rows, which a read-only transaction refuses; and writes to the
write-ahead log."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Why requests cannot be served, by part; None where they can."""

    database: str | None = None
    tables: str | None = None


class ReadinessProbe:
    def __init__(self, database: Database) -> None:
        self._database, self._revision = database, migrate.head()
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()
        self._readiness = Readiness()

    async def readiness(self) -> Readiness:
        """The result is at most three seconds old."""
        async with self._checking:
            if monotonic() - self._checked_at > _REMEMBERED_SECONDS:
                self._readiness = await self._look()
                self._checked_at = monotonic()
            return self._readiness

    async def is_available(self) -> bool:
        """Whether the database can be read and written to."""
        return (await self.readiness()).database is None

    async def _look(self) -> Readiness:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                found = await self._database.fetch(migrate.STATE)
                await self._write()
        except postgresql.UndefinedTableError:
            return Readiness(tables=_OTHER_TABLES)
        except TimeoutError:
            log_failure("readiness_probe_failed", NoResponse("The readiness probe had no response in time."))
            return Readiness(database=_UNREACHABLE, tables=_UNKNOWN)
        except Exception as error:
            log_failure("readiness_probe_failed", error)
            return Readiness(database=_why(error), tables=_UNKNOWN)
        comment = found[0][1] if found else None
        is_served = migrate.serves([each[0] for each in found], comment, self._revision)
        return Readiness(tables=None if is_served else _OTHER_TABLES)

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
        case postgresql.InvalidAuthorizationSpecificationError():
            return "The database refuses the role or the password in DATABASE_URL."
        case (
            postgresql.CannotConnectNowError()
            | postgresql.AdminShutdownError()
            | postgresql.CrashShutdownError()
        ):
            return "The database is starting or shutting down."
        case asyncpg.PostgresError() if not isinstance(error, postgresql.PostgresConnectionError):
            return f"The database accepts no changes: it responds with SQLSTATE {error.sqlstate}."
        case _:
            return _UNREACHABLE
