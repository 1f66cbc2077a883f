"""Events of refused changes: one per refusal, or one with a count for refusals that repeat often."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog
from sqlmodel import SQLModel

from engine.fair_share import Claim
from engine.outages import logged_as_outage
from models.accounts import Account
from models.audit import AuditAction, AuditOutcome
from models.database import Database
from models.notifications import AuditAnnouncer
from permissions.context import Context
from permissions.errors import Forbidden
from permissions.viewer import Client
from resolvers.audit_append import append, written
from resolvers.events import Actor, new_event, repeated, shortened, target

MOST_ALIKE = 10
WINDOW_SECONDS = 60
MOST_KEPT = 5_000
_TICK_SECONDS = 1
log = structlog.get_logger()


@dataclass(slots=True)
class _Tally:
    since: float
    count: int = 0
    last: Mapping[str, Any] | None = None
    """Of those that are counted only."""


class Denials:
    """Refusals in one process. Up to ten per minute with the same actor, credential, action, permission and
    target are events. The others are counted, and the count is one more event at the end of the minute or of
    the process."""

    def __init__(self, append: Callable[[Mapping[str, Any]], Awaitable[None]]) -> None:
        """`append` commits one event."""
        self._append = append
        self._tallies: OrderedDict[Hashable, _Tally] = OrderedDict()
        """The oldest first."""
        self._to_write: list[Mapping[str, Any]] = []
        self._task: asyncio.Task[None] | None = None

    async def record(self, event: Mapping[str, Any]) -> None:
        """Returns once the event is committed or counted."""
        if not self._count(event):
            await self._append(event)

    async def close(self) -> None:
        """Writes the events of the counts."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._end(list(self._tallies))
        await self._write()

    def _count(self, event: Mapping[str, Any]) -> bool:
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
                self._to_write.append(repeated(tally.last, tally.count - MOST_ALIKE))

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
                if not logged_as_outage(error):
                    log.error("repeated_denials_not_audited", error=type(error).__name__)
                return
            del self._to_write[0]


def denied_event(
    actor: Actor, client: Client, action: AuditAction, attempt: str, account: Account, on: SQLModel | None
) -> dict[str, Any]:
    """Of a change on `on`, or else on the account, as far as it is known before it is tried. `attempt`
    completes the sentence that begins with `Ada tried to`."""
    event = {**new_event(account.id, actor, client, action), **target(on or account)}
    return {**event, "summary": f"{actor.name} tried to {attempt}", "outcome": AuditOutcome.DENIED}


async def record_denied(context: Context, event: dict[str, Any], refusal: Forbidden) -> None:
    """Commits the event of a change that was rolled back, or counts it."""
    event["summary"] += f", {refusal.which}"
    input = shortened(context.mutation_call.input)
    event["details"] = {"permission": refusal.permission.value, "input": input}
    await (context.denials or denials_of(context.database, context.announcer)).record(event)


def denials_of(database: Database, announcer: AuditAnnouncer) -> Denials:
    """Where the requests of a process count refused changes."""

    async def append_one(event: Mapping[str, Any]) -> None:
        async with database.transaction(Claim(event["account_id"])) as connection:
            await append(connection, [written(event)])
        announcer.grown(event["account_id"])

    return Denials(append_one)


def _alike(event: Mapping[str, Any]) -> Hashable:
    names = ("account_id", "actor_member_id", "credential_id", "action", "target_type", "target_id")
    return (*(event[name] for name in names), event["details"]["permission"])
