"""Notifications between processes by NOTIFY: an account's log has grown, or somebody's access has changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from time import monotonic
from uuid import UUID

import asyncpg
from sqlalchemy import Integer, cast, select
from sqlmodel import col

from engine.fair_queue import SERVER, FairSemaphore, requester
from engine.outages import NoResponse, log_failure
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression
from models.api_keys import ApiKey
from models.audit import AuditHead
from models.columns import now
from models.database import Database
from models.postgresql import Connection
from models.sessions import Session

AUDIT = "team_access_audit"
ACCESS = "team_access_access"
_ANNOUNCE = "SELECT pg_notify($1, each) FROM unnest($2::text[]) AS each"
LOOK_SECONDS = 5.0
_HEARTBEAT_SECONDS = 1.5
_SILENCE_SECONDS = 5.0
_BATCH_SECONDS = 0.02
_RECONNECT_SECONDS = 1.0
_CLOSING_SECONDS = 1.0
_CANCELLING_SECONDS = 0.5
_QUERY_SLOTS = 4
_SLOT_SECONDS = 0.1
_QUERY_SECONDS = 10.0
_LEAST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 3_600.0


def _state_of(id: AnyExpression, state: Callable[[], AnyExpression]) -> Statement:
    """Statement that returns the `state` of each id. Tasks that wait for an id are woken when its state
    changes."""
    return Statement(
        lambda: select(id.label("id"), state().label("state")).where(any_of(id, parameter("ids"))),
        across_accounts="one statement for all waiting tasks; it reads whether a state changed, not the data",
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


async def notify_access(connection: asyncpg.Connection, *ids: UUID) -> None:
    """Notifies, when the caller's transaction commits, that the access of these users, sessions or API keys,
    or of all members of these accounts, has changed."""
    await connection.execute(_ANNOUNCE, ACCESS, [str(id) for id in ids])


async def woken_or_due(woken: asyncio.Event, at: datetime | None) -> None:
    """Waits until the event is set or the time has come; without a time, for the event alone. It may return
    early, and never returns at once: the clock of the database, which decides, may be behind."""
    seconds = None
    if at is not None:
        seconds = min(max((at - now()).total_seconds(), _LEAST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()


class AuditAnnouncer:
    """Announces that logs have grown: after the commit, and together for all accounts of the last 20 ms.

    A transaction that executes NOTIFY holds a database-wide lock while it commits, so changes do not execute
    it. If a crash prevents an announcement, the next one or the listeners' periodic query makes up for it.
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
        requester.set(SERVER)  # Not that of the request whose change began it.
        await asyncio.sleep(_BATCH_SECONDS)
        while self._accounts:
            ids = [str(id) for id in self._accounts]
            self._accounts.clear()
            try:
                await self._database.fetch(_ANNOUNCE, AUDIT, ids)
            except Exception as error:
                log_failure("audit_announcement_lost", error)


class Listener:
    """The process's LISTEN connection. It wakes the tasks that wait for the id of an account, a user, a
    session or an API key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._waiting_for_rules: dict[UUID, set[asyncio.Event]] = {}
        self._waiting_for_any_log: set[asyncio.Event] = set()
        self._seen: dict[UUID, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._query_slots = FairSemaphore(_QUERY_SLOTS)

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        # Repeated: a cancellation that coincides with a timeout may be mistaken for it and lost.
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_CANCELLING_SECONDS)

    @asynccontextmanager
    async def woken_by(self, *ids: UUID, rules_of: UUID | None = None) -> AsyncIterator[asyncio.Event]:
        """Event that is set whenever one of these ids is announced, or the access to the account `rules_of`
        has changed for all of its members, or an announcement may have been missed."""
        event = asyncio.Event()
        places = [(self._waiting, id) for id in ids]
        if rules_of is not None:
            places.append((self._waiting_for_rules, rules_of))
        for waiting, id in places:
            waiting.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            for waiting, id in places:
                waiting[id].discard(event)
                if not waiting[id]:
                    del waiting[id]

    @asynccontextmanager
    async def woken_by_any_log(self) -> AsyncIterator[asyncio.Event]:
        """Event that is set whenever any account's log is announced to have grown."""
        event = asyncio.Event()
        self._waiting_for_any_log.add(event)
        try:
            yield event
        finally:
            self._waiting_for_any_log.discard(event)

    @asynccontextmanager
    async def query_slot(self) -> AsyncIterator[None]:
        """Limits the woken tasks that query the database at once: there may be a thousand, and requests need
        connections too. Accounts get the slots in turn; one that waits for a connection for long does not
        keep its slot. Raises NoResponse after 10 seconds."""
        try:
            async with self._query_slots.place(seconds=_SLOT_SECONDS), asyncio.timeout(_QUERY_SECONDS):
                yield
        except TimeoutError:
            raise NoResponse("A subscription had no response in time.") from None

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception as error:
                log_failure("listener_reconnects", error)
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
                with self._giving_up(connection):
                    await self._look(connection)
                await self._wait(connection, lost)
        finally:
            await connection.close(timeout=_CLOSING_SECONDS)

    async def _wait(self, connection: Connection, lost: asyncio.Event) -> None:
        """Waits until the connection is lost or the next look is due."""
        next_look = monotonic() + LOOK_SECONDS
        while not lost.is_set() and monotonic() < next_look:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await lost.wait()
            with self._giving_up(connection):
                await connection.execute("SELECT", timeout=_SILENCE_SECONDS)

    @contextmanager
    def _giving_up(self, connection: Connection) -> Iterator[None]:
        """Gives all connections to the server up when the block has a timeout and no other statement was
        answered meanwhile."""
        begin = monotonic()
        try:
            yield
            self._database.note_answer()
        except TimeoutError:
            if self._database.reading.answered_at < begin:
                self._database.give_up(connection)
            raise

    async def _look(self, connection: asyncpg.Connection) -> None:
        """Wakes the tasks whose state has changed without an announcement: a session has expired, or a
        process has died after its commit.

        It is one statement for all tasks, on the LISTEN connection itself, so that a dead connection is
        noticed too.
        """
        ids = list(self._waiting)
        rows = await connection.fetch(
            " UNION ALL ".join(each.sql for each in _STATES), ids, timeout=LOOK_SECONDS
        )
        states = {row["id"]: row["state"] for row in rows}
        self._wake(id for id in ids if states.get(id) != self._seen.get(id))
        self._seen = states

    def _hear(self, _connection: object, _pid: int, channel: str, id: object) -> None:
        if channel == AUDIT:
            for event in self._waiting_for_any_log:
                event.set()
        with contextlib.suppress(ValueError):
            self._wake([UUID(str(id))], of_rules=channel == ACCESS)

    def _wake(self, ids: Iterable[UUID], *, of_rules: bool = False) -> None:
        for id in ids:
            for event in self._waiting.get(id, ()):
                event.set()
            for event in self._waiting_for_rules.get(id, ()) if of_rules else ():
                event.set()
