"""What one process tells the others, by NOTIFY: that a log has grown, that somebody's access has changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from models.database import Database

AUDIT = "team_access_audit"
ACCESS = "team_access_access"
_NOTIFY = text("SELECT pg_notify(:channel, each) FROM unnest(CAST(:ids AS text[])) AS each")
_BATCH_SECONDS = 0.02
_RECONNECT_SECONDS = 1.0
log = structlog.get_logger()


async def notify_access(session: AsyncSession | AsyncConnection, *ids: UUID) -> None:
    """In the caller's transaction: the access of these users, or of these sessions, is not what it was."""
    await session.execute(_NOTIFY, {"channel": ACCESS, "ids": [str(id) for id in ids]})


class AuditAnnouncer:
    """Announces that accounts' logs have grown: after the commit, and once for all of a moment.

    A transaction that notifies holds a database-wide lock while it commits, so changes do not. An
    announcement that a crash swallows is made good by the next one, or by the listeners' own look.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._accounts: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None

    def grown(self, account_id: UUID) -> None:
        self._accounts.add(account_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._announce())

    async def close(self) -> None:
        if self._task is not None:
            await self._task

    async def _announce(self) -> None:
        await asyncio.sleep(_BATCH_SECONDS)
        while self._accounts:
            ids = [str(id) for id in self._accounts]
            self._accounts.clear()
            try:
                async with self._database.reading.connect() as connection:
                    await connection.execute(_NOTIFY, {"channel": AUDIT, "ids": ids})
            except Exception as error:
                log.warning("audit_announcement_lost", error=str(error))


class Listener:
    """One LISTEN connection a process; wakes whoever waits for an id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @asynccontextmanager
    async def woken_by(self, *ids: UUID) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever one of these ids is announced, and after a lost connection."""
        event = asyncio.Event()
        for id in ids:
            self._waiting.setdefault(str(id), set()).add(event)
        try:
            yield event
        finally:
            for id in ids:
                waiting = self._waiting[str(id)]
                waiting.discard(event)
                if not waiting:
                    del self._waiting[str(id)]

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("listener_reconnects", error=str(error))
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        connection = await self._database.connect()
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            for channel in (AUDIT, ACCESS):
                await connection.add_listener(channel, self._wake)
            for events in self._waiting.values():
                for event in events:
                    event.set()
            await lost.wait()
        finally:
            await connection.close(timeout=5)

    def _wake(self, _connection: object, _pid: int, _channel: str, id: object) -> None:
        for event in self._waiting.get(str(id), ()):
            event.set()
