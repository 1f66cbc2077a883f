"""What one process tells the others, by NOTIFY: that a log has grown, that somebody's access has changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import Integer, cast, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from engine.outages import logged_as_outage
from engine.statements import Statement, any_of, parameter
from models.api_keys import ApiKey
from models.audit import AuditHead
from models.database import Database
from models.sessions import Session

AUDIT = "team_access_audit"
ACCESS = "team_access_access"
_NOTIFY = text("SELECT pg_notify(:channel, each) FROM unnest(CAST(:ids AS text[])) AS each")
_ANNOUNCE = "SELECT pg_notify($1, each) FROM unnest($2::text[]) AS each"
LOOK_SECONDS = 5.0
_BATCH_SECONDS = 0.02
_RECONNECT_SECONDS = 1.0
_CLOSING_SECONDS = 1.0
_CANCELLING_SECONDS = 0.5
_TURNS = 4
_TURN_SECONDS = 10.0
log = structlog.get_logger()


def _state_of(id: Any, state: Any) -> Statement:
    """What changes when whoever waits for the id has to look again."""
    return Statement(
        lambda: select(id.label("id"), state().label("state")).where(any_of(id, parameter("ids"))),
        across_accounts="one statement for all who wait; it reads whether there is news, and none of it",
    )


_STATES = (
    _state_of(col(AuditHead.account_id), lambda: col(AuditHead.sequence)),
    _state_of(col(Session.id), lambda: cast(Session.is_live(), Integer)),
    _state_of(
        col(ApiKey.id),
        lambda: (
            cast(ApiKey.works_or_may_yet(), Integer) + 2 * cast(ApiKey.accepts_previous().is_(True), Integer)
        ),
    ),
)


async def notify_access(session: AsyncSession | AsyncConnection, *ids: UUID) -> None:
    """In the caller's transaction: the access of these users, or of these sessions, is not what it was."""
    await session.execute(_NOTIFY, {"channel": ACCESS, "ids": [str(id) for id in ids]})


class AuditAnnouncer:
    """Announces that accounts' logs have grown: after the commit, and once for all of a moment.

    A transaction that notifies holds a database-wide lock while it commits, so changes do not. An
    announcement that a crash swallows is made good by the next one, or by the listeners' look.
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
                await self._database.fetch(_ANNOUNCE, AUDIT, ids)
            except Exception as error:
                if not logged_as_outage(error):
                    log.warning("audit_announcement_lost", error=str(error))


class Listener:
    """One LISTEN connection a process; wakes whoever waits for an id of an account, a user or a session."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._waiting_for_any_log: set[asyncio.Event] = set()
        self._seen: dict[UUID, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._turns = asyncio.Semaphore(_TURNS)

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        # Again and again: a cancellation that meets a timeout may be taken for it, and be lost.
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_CANCELLING_SECONDS)

    @asynccontextmanager
    async def woken_by(self, *ids: UUID) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever one of these ids is announced, or may have been in vain."""
        event = asyncio.Event()
        for id in ids:
            self._waiting.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            for id in ids:
                self._waiting[id].discard(event)
                if not self._waiting[id]:
                    del self._waiting[id]

    @asynccontextmanager
    async def woken_by_any_log(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever some account's log is announced to have grown."""
        event = asyncio.Event()
        self._waiting_for_any_log.add(event)
        try:
            yield event
        finally:
            self._waiting_for_any_log.discard(event)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """To ask the database once woken: a thousand may be, and requests need connections meanwhile."""
        async with self._turns, asyncio.timeout(_TURN_SECONDS):
            yield

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception as error:
                if not logged_as_outage(error):
                    log.warning("listener_reconnects", error=str(error))
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        connection = await self._database.connect("team-access listener")
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            for channel in (AUDIT, ACCESS):
                await connection.add_listener(channel, self._hear)
            self._wake(list(self._waiting))
            while not lost.is_set():
                await self._look(connection)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await lost.wait()
        finally:
            await connection.close(timeout=_CLOSING_SECONDS)

    async def _look(self, connection: asyncpg.Connection) -> None:
        """For what is not announced: a session's time that is over, a commit whose process died at once.

        One statement for all who wait, on this very connection: so a silent one is noticed too.
        """
        ids = list(self._waiting)
        rows = await connection.fetch(
            " UNION ALL ".join(each.sql for each in _STATES), ids, timeout=LOOK_SECONDS
        )
        found = {row["id"]: row["state"] for row in rows}
        self._wake(id for id in ids if found.get(id) != self._seen.get(id))
        self._seen = found

    def _hear(self, _connection: object, _pid: int, channel: str, id: object) -> None:
        if channel == AUDIT:
            for event in self._waiting_for_any_log:
                event.set()
        with contextlib.suppress(ValueError):
            self._wake([UUID(str(id))])

    def _wake(self, ids: Iterable[UUID]) -> None:
        for id in ids:
            for event in self._waiting.get(id, ()):
                event.set()
