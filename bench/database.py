"""PostgreSQL for benchmarks: durable as in production, and deleted afterwards."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench import data
from embedded import server as embedded
from embedded.folder import socket_folder
from models import migrate

_CONNECTIONS = 200
_LOG_PREFIX = "%a|"  # The application's name.
_RELOAD_SECONDS = 0.3


@contextmanager
def database() -> Iterator["Database"]:
    """Yields a database that is migrated and filled."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with embedded.running(folder / "postgresql", connections=_CONNECTIONS) as server:
            asyncio.run(server.create_database(embedded.DATABASE))
            migrate.upgrade(server.url(embedded.OWNER_ROLE), embedded.APP_ROLE)
            found = Database(folder, server)
            asyncio.run(found.fill())
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Database:
    name = embedded.DATABASE
    role = embedded.APP_ROLE

    def __init__(self, folder: Path, server: embedded.Server) -> None:
        self.folder = folder
        self._server = server
        self._log = folder / "postgresql" / "log"
        self.host = str(socket_folder((folder / "postgresql").resolve()))
        self.url = server.url(self.role)

    async def fill(self) -> None:
        connection = await self._server.connect(self.name)
        try:
            await data.fill(connection)
        finally:
            await connection.close()

    async def superuser(self) -> asyncpg.Connection:
        return await self._server.connect(self.name)

    @contextmanager
    def logging_statements(self) -> Iterator["StatementLog"]:
        """Logs the statements of all connections during the block. Do not measure time in it."""
        asyncio.run(self._configure(f"log_line_prefix = '{_LOG_PREFIX}'", "log_statement = 'all'"))
        try:
            yield StatementLog(self._log)
        finally:
            asyncio.run(self._configure("log_statement = 'none'"))

    async def types_of(self, statements: list[str]) -> list[list[str]]:
        """Types of each statement's parameters."""
        connection = await asyncpg.connect(self.url)
        try:
            prepared = [await connection.prepare(statement) for statement in statements]
            return [[kind.name for kind in each.get_parameters()] for each in prepared]
        finally:
            await connection.close()

    async def version(self) -> str:
        return str(await self._value("SHOW server_version"))

    async def count_events(self, action: str) -> int:
        return int(str(await self._value("SELECT count(*) FROM audit_events WHERE action = $1", action)))

    async def forget_invoices(self) -> None:
        """Deletes invoices. A purchase sums the account's invoices of the month, so it takes longer the more
        there are."""
        connection = await self._server.connect(self.name)
        try:
            await connection.execute(
                "SET session_replication_role = replica; TRUNCATE invoices, invoice_lines"
            )
        finally:
            await connection.close()

    async def _value(self, statement: str, *arguments: object) -> object:
        connection = await self._server.connect(self.name)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close()

    async def _configure(self, *settings: str) -> None:
        connection = await self._server.connect(self.name)
        try:
            for setting in settings:
                await connection.execute(f"ALTER SYSTEM SET {setting}")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        time.sleep(_RELOAD_SECONDS)  # noqa: ASYNC251 - nothing else runs


class StatementLog:
    """PostgreSQL's log from a given position. A backend logs its statement before it executes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size

    def forget(self) -> None:
        self._offset = self._path.stat().st_size

    def read(self) -> str:
        with self._path.open("rb") as log:
            log.seek(self._offset)
            return log.read().decode()
