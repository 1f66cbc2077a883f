"""A semaphore whose places are shared fairly between accounts."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from engine.deadlines import Deadline
from telemetry.families import POOL_WAIT_SECONDS

WAITING_SECONDS = 10
_WAIT = POOL_WAIT_SECONDS.labels("changes")
_MOST_OF_AN_ACCOUNT = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim of a place for an account. Claims without an account, such as signing in, together have the
    places of one person."""

    account_id: UUID | None = None
    person_id: UUID | None = None
    is_long: bool = False
    """Whether it takes much longer than usual."""

    @property
    def queue(self) -> Hashable:
        return self.account_id


@dataclass(eq=False, slots=True)
class _WaitingClaim:
    claim: Claim
    place: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class FairShare:
    """A semaphore of `places`. Each account has a queue, and the queues are served in turn. A claim that may
    not have a place yet does not block those behind it in its queue.

    Changes of one account wait for each other's lock. So an account gets more than one place, up to
    `most_of_an_account`, only while more than half of the places are free. One person has at most half of the
    places, over all accounts, and long changes together have a fifth.
    """

    def __init__(
        self,
        places: int,
        most_of_an_account: int = _MOST_OF_AN_ACCOUNT,
        waiting_seconds: float = WAITING_SECONDS,
    ) -> None:
        self._free = self._places = places
        self._most_of_an_account, self._waiting_seconds = most_of_an_account, waiting_seconds
        self._half = max(1, places // 2)
        self._most_long = max(1, places // 5)
        self._long = 0
        self._held: Counter[Hashable] = Counter()
        self._queues: OrderedDict[Hashable, deque[_WaitingClaim]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Number of claims that wait for a place."""
        return sum(map(len, self._queues.values()))

    @property
    def held(self) -> int:
        """Number of places that are taken."""
        return self._places - self._free

    async def take(self, claim: Claim) -> None:
        """Waits for a place. Raises TimeoutError where none is free in time."""
        # No waiting claim may have a place: the free ones were assigned.
        if self._has_place(claim):
            self._count(claim, 1)
            return
        waiting = _WaitingClaim(claim)
        self._queues.setdefault(claim.queue, deque()).append(waiting)
        try:
            start = monotonic()
            with Deadline(self._waiting_seconds):
                await waiting.place
            _WAIT.observe(monotonic() - start)
        except BaseException:
            # The place may have been assigned at the moment of the cancellation.
            if waiting.place.done() and not waiting.place.cancelled():
                self.give_back(claim)
            else:
                self._leave(waiting)
                self._give_to_waiting()
            raise

    def give_back(self, claim: Claim) -> None:
        self._count(claim, -1)
        self._give_to_waiting()

    def _has_place(self, claim: Claim) -> bool:
        if claim.is_long and self._long >= self._most_long:
            return False
        if any(self._held[owner] >= self._half for owner in _with_half(claim)):
            return False
        return self._queue_has_place(claim.queue)

    def _queue_has_place(self, queue: Hashable) -> bool:
        if not self._free:
            return False
        held = self._held[queue] if queue else 0
        return not held or (held < self._most_of_an_account and self._free > self._half)

    def _count(self, claim: Claim, change: int) -> None:
        self._free -= change
        self._long += change * claim.is_long
        for owner in {claim.queue, *_with_half(claim)}:
            self._held[owner] += change
            if not self._held[owner]:
                del self._held[owner]

    def _give_to_waiting(self) -> None:
        """Gives free places to the queues in turn, each to the first claim that may have one."""
        gave = True
        while self._free and gave:
            gave = False
            for queue in list(self._queues):
                waiting = self._first(queue)
                if waiting is not None:
                    self._leave(waiting)
                    if queue in self._queues:
                        self._queues.move_to_end(queue)
                    self._count(waiting.claim, 1)
                    waiting.place.set_result(None)
                    gave = True

    def _first(self, queue: Hashable) -> _WaitingClaim | None:
        """The first claim of a queue that may have a place."""
        if not self._queue_has_place(queue):
            return None
        refused: set[Claim] = set()
        for waiting in self._queues[queue]:
            # One that is done gives up, and leaves as soon as it runs.
            if waiting.claim in refused or waiting.place.done():
                continue
            if self._has_place(waiting.claim):
                return waiting
            refused.add(waiting.claim)
        return None

    def _leave(self, waiting: _WaitingClaim) -> None:
        queue = self._queues[waiting.claim.queue]
        queue.remove(waiting)
        if not queue:
            del self._queues[waiting.claim.queue]


def _with_half(claim: Claim) -> Iterator[Hashable]:
    """The claims that may have half of the places."""
    if claim.person_id is not None:
        yield ("person", claim.person_id)
    elif claim.account_id is None:
        yield None
