"""Events of API calls. Each call with an API key is an event, which is committed before the response is
sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from time import monotonic
from typing import NamedTuple
from uuid import UUID

import asyncpg

from models.audit import ActorKind, AuditOutcome
from models.audit_actions import AuditAction
from models.database import Database
from models.new_event import NewEvent
from models.notifications import AuditAnnouncer
from permissions.viewer import Client, Viewer
from resolvers.audit_append import append, encode_event
from resolvers.events import Actor, new_event
from telemetry.families import API_CALL_BATCH

MOST_AT_ONCE = 500
_LONGEST_NAME = 200
_REFUSED = {"UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"}
_CLOSING_SECONDS = 1
_ASIDE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Call:
    """GraphQL operation whose response is ready; or a request without a readable operation, whose `document`,
    the SHA-256 of the text, is None."""

    document: str | None
    operation: str | None
    kind: str | None
    """QUERY, MUTATION or SUBSCRIPTION. None if the document could not be parsed."""
    cost: int | None
    status: int
    """HTTP status, as for the media type application/graphql-response+json."""
    codes: Sequence[str]
    """Distinct codes of the errors."""
    duration_seconds: float


def call_event(viewer: Viewer, client: Client, call: Call) -> NewEvent:
    """Event of a call. The key of `viewer` may no longer work."""
    key, member = viewer.api_key, viewer.key_member
    actor = Actor(ActorKind.MEMBER, member.name, member.id, viewer.credential)
    name = "".join(filter(str.isprintable, call.operation or ""))[:_LONGEST_NAME] or None
    summary = f"{member.name} called {name or 'the API'} with the API key {key.name}"
    if call.codes:
        summary += f": {', '.join(call.codes)}"
    outcome = AuditOutcome.ALLOWED if _REFUSED.isdisjoint(call.codes) else AuditOutcome.DENIED
    target = "ApiKey", key.id, key.name
    details = {
        "operation": name,
        "kind": call.kind,
        "document": call.document,
        "status": call.status,
        "errorCodes": list(call.codes),
        "durationMs": round(call.duration_seconds * 1000, 3),
        "cost": call.cost,
    }
    return new_event(
        member.account_id, actor, client, AuditAction.API_CALLED, outcome, summary, target, details
    )


class _WaitingEvent(NamedTuple):
    account_id: UUID
    event: bytes
    committed: asyncio.Future[None]


_account_id = attrgetter("account_id")
_BATCH = API_CALL_BATCH.labels()


class ApiCalls:
    """Writer of call events. It commits all events that arrive together by one statement, on a connection of
    its own, so that a call costs little more than its row and no change waits for a connection.

    Events are ordered by account, so the heads of logs are locked in the same order by all processes, without
    deadlocks. The calls of an account whose head stays locked are handled separately for a while, so that
    only they wait or fail.
    """

    def __init__(self, database: Database, announcer: AuditAnnouncer) -> None:
        self._together = _Lane(database, announcer)
        self._aside = _Lane(database, announcer)
        self._stuck_until: dict[UUID, float] = {}

    async def record(self, event: NewEvent) -> None:
        """Returns once the event is committed. Raises the error that prevented it."""
        account_id = event["account_id"]
        if self._stuck_until.get(account_id, 0) > monotonic():
            await self._aside.record(account_id, encode_event(event))
            return
        self._stuck_until.pop(account_id, None)
        try:
            await self._together.record(account_id, encode_event(event))
        except asyncpg.LockNotAvailableError:
            self._stuck_until[account_id] = monotonic() + _ASIDE_SECONDS
            raise

    async def close(self) -> None:
        await self._together.close()
        await self._aside.close()


class _Lane:
    def __init__(self, database: Database, announcer: AuditAnnouncer) -> None:
        self._database, self._announcer = database, announcer
        self._waiting: list[_WaitingEvent] = []
        self._driver: asyncpg.Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def record(self, account_id: UUID, event: bytes) -> None:
        committed = asyncio.get_running_loop().create_future()
        self._waiting.append(_WaitingEvent(account_id, event, committed))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._commit_all())
        await committed

    async def close(self) -> None:
        if self._task is not None:
            await self._task
        if self._driver is not None:
            await self._driver.close(timeout=_CLOSING_SECONDS)

    async def _commit_all(self) -> None:
        while self._waiting:
            together = self._waiting[:MOST_AT_ONCE]
            del self._waiting[:MOST_AT_ONCE]
            together.sort(key=_account_id)
            _BATCH.observe(len(together))
            await self._commit(together)

    async def _commit(self, together: Sequence[_WaitingEvent]) -> None:
        try:
            await self._append([each.event for each in together])
        except asyncpg.LockNotAvailableError as error:
            await self._commit_apart([[*group] for _, group in groupby(together, _account_id)], error)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            # An event that cannot be stored must not prevent the others.
            await self._commit_apart([[each] for each in together], error)
        except Exception as error:
            _fail(together, error)
        else:
            for each in together:
                self._announcer.grown(each.account_id)
                if not each.committed.done():
                    each.committed.set_result(None)

    async def _commit_apart(self, parts: Sequence[Sequence[_WaitingEvent]], error: Exception) -> None:
        if len(parts) == 1:
            _fail(parts[0], error)
            return
        for part in parts:
            await self._commit(part)

    async def _append(self, events: Sequence[bytes]) -> None:
        if self._driver is None or self._driver.is_closed():
            self._driver = await self._database.connect_appending()
        try:
            await append(self._driver, events)
        except (TimeoutError, asyncio.CancelledError):
            self._driver.terminate()  # The connection may still be executing: the next batch uses a new one.
            raise


def _fail(together: Sequence[_WaitingEvent], error: Exception) -> None:
    for each in together:
        if not each.committed.done():
            each.committed.set_exception(error)
