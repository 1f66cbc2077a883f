"""Events of refused changes: one per refusal, or one with a count for refusals that repeat often."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from time import monotonic

from engine.fair_share import Claim
from engine.outages import log_failure
from models.accounts import Account
from models.audit import AuditOutcome
from models.audit_actions import AuditAction
from models.columns import Identified
from models.database import Database
from models.new_event import NewEvent
from models.notifications import AuditAnnouncer
from permissions.context import Context
from permissions.errors import Forbidden
from resolvers.audit_append import append, encode_event
from resolvers.events import Actor, new_event, repeated_event, shortened, target_of

MOST_ALIKE = 10
WINDOW_SECONDS = 60
MOST_KEPT = 5_000
_TICK_SECONDS = 1
_CLOSING_SECONDS = 3


@dataclass(slots=True)
class _Tally:
    since: float
    count: int = 0
    last: NewEvent | None = None
    """Newest event that is counted only."""


class Denials:
    """Refusals in one process. Up to ten per minute with the same actor, credential, action, permission and
    target are events. The others are counted, and the count is one more event at the end of the minute or of
    the process."""

    def __init__(self, append: Callable[[NewEvent], Awaitable[None]]) -> None:
        """`append` commits one event."""
        self._append = append
        self._tallies: OrderedDict[Hashable, _Tally] = OrderedDict()
        """Ordered by age, oldest first."""
        self._to_write: list[NewEvent] = []
        self._task: asyncio.Task[None] | None = None
        self._appending: set[asyncio.Future[None]] = set()

    async def record(self, event: NewEvent) -> None:
        """Returns once the event is committed or counted. If the caller is cancelled, because its client has
        gone or its time is over, the event is committed all the same."""
        if not self._count(event):
            appending = asyncio.ensure_future(self._append(event))
            self._appending.add(appending)
            appending.add_done_callback(self._appending.discard)
            try:
                await asyncio.shield(appending)
            except asyncio.CancelledError:
                appending.add_done_callback(_log_if_failed)
                raise

    async def close(self) -> None:
        """Waits for the events that are being written, and writes those of the counts."""
        if self._appending:
            await asyncio.wait(self._appending, timeout=_CLOSING_SECONDS)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._end(list(self._tallies))
        await self._write()

    def _count(self, event: NewEvent) -> bool:
        """Whether the event is one of too many that are alike."""
        key = _alike(event)
        self._end(self._ended())
        tally = self._tallies.setdefault(key, _Tally(monotonic()))
        tally.count += 1
        if len(self._tallies) > MOST_KEPT:
            self._end([next(iter(self._tallies))])
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_each_second())
        if tally.count <= MOST_ALIKE:
            return False
        tally.last = event
        return True

    def _ended(self) -> list[Hashable]:
        ended, until = [], monotonic() - WINDOW_SECONDS
        for key, tally in self._tallies.items():
            if tally.since > until:
                break
            ended.append(key)
        return ended

    def _end(self, keys: list[Hashable]) -> None:
        for key in keys:
            tally = self._tallies.pop(key)
            if tally.last is not None:
                self._to_write.append(repeated_event(tally.last, tally.count - MOST_ALIKE))

    async def _write_each_second(self) -> None:
        while self._tallies or self._to_write:
            await asyncio.sleep(_TICK_SECONDS)
            self._end(self._ended())
            await self._write()

    async def _write(self) -> None:
        """A count that cannot be written is kept for the next attempt."""
        while self._to_write:
            try:
                await self._append(self._to_write[0])
            except Exception as error:
                log_failure("repeated_denials_not_audited", error)
                return
            del self._to_write[0]


def _log_if_failed(appending: asyncio.Future[None]) -> None:
    error = None if appending.cancelled() else appending.exception()
    if isinstance(error, Exception):
        log_failure("denial_not_audited", error)


async def record_denied(
    context: Context,
    actor: Actor,
    action: AuditAction,
    account: Account,
    on: Identified | None,
    refusal: Forbidden,
) -> None:
    """Commits the event of a change that was rolled back, or counts it. Its target is `on`, or else the
    account."""
    event = new_event(
        account.id,
        actor,
        context.client,
        action,
        AuditOutcome.DENIED,
        f"{actor.name} tried to {action.attempt}, {refusal.which}",
        target_of(on or account),
        {"permission": refusal.permission.value, "input": shortened(context.mutation_call.input)},
    )
    await (context.denials or denials_of(context.database, context.announcer)).record(event)


def denials_of(database: Database, announcer: AuditAnnouncer) -> Denials:
    """Counter of refused changes for the requests of a process."""

    async def append_one(event: NewEvent) -> None:
        async with database.transaction(Claim(event["account_id"])) as connection:
            await append(connection, [encode_event(event)])
        announcer.grown(event["account_id"])

    return Denials(append_one)


def _alike(event: NewEvent) -> Hashable:
    return (
        event["account_id"],
        event["actor_member_id"],
        event["credential_id"],
        event["action"],
        event["target_type"],
        event["target_id"],
        event["details"]["permission"],
    )
