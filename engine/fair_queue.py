"""Queues for shared resources. Accounts are served in turn, and within an account its persons."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Generic, NamedTuple, TypeAlias, TypeVar

Given = TypeVar("Given")


class Requester(NamedTuple):
    """Account and person for whom a task runs."""

    account: Hashable = None
    """The person itself if it is in several accounts or in none; the credential or the client's address until
    the person is known; None for tasks of the server."""
    person: Hashable = None


SERVER = Requester()
requester: ContextVar[Requester] = ContextVar("requester", default=SERVER)
"""Requester of the current task and of the tasks that it starts."""

_COMPARED = 64
"""Number of waiting accounts that are compared, so that the time is bounded."""
_NONE: Hashable = object()
_Queue: TypeAlias = deque[asyncio.Future[Given]]


class FairQueue(Generic[Given]):
    """Tasks that wait for a resource. A free resource goes to the next person of the next account."""

    def __init__(self) -> None:
        self.accounts: OrderedDict[Hashable, OrderedDict[Hashable, _Queue[Given]]] = OrderedDict()
        """Waiting tasks by account and person. Some may have given up."""

    def join(self, waiter: Requester | None = None) -> "asyncio.Future[Given]":
        """Queues the current task for its requester, or for `waiter`. Cancelling the future leaves the
        queue."""
        account, person = waiter or requester.get()
        waiting: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        persons = self.accounts.get(account)
        if persons is None:
            persons = self.accounts[account] = OrderedDict()
        queue = persons.get(person)
        if queue is None:
            queue = persons[person] = deque()
        queue.append(waiting)
        return waiting

    def give(self, what: Given) -> bool:
        """Returns whether a task was waiting for the resource."""
        found = self.next()
        if found is None:
            return False
        found[1].set_result(what)
        return True

    def next(
        self,
        may_have: Callable[[Hashable], bool] | None = None,
        used: Callable[[Hashable], float] | None = None,
    ) -> "tuple[Requester, asyncio.Future[Given]] | None":
        """Removes the next task, and returns its requester and its future. Accounts that `may_have` refuses
        keep their turns. With `used`, the account that has used the least goes first."""
        while True:
            accounts = iter(self.accounts) if may_have is None else filter(may_have, self.accounts)
            if used is None:
                account = next(accounts, _NONE)
            else:
                account = min(islice(accounts, _COMPARED), key=used, default=_NONE)
            if account is _NONE:
                return None
            found = self.next_of(account)
            if found is not None:
                return found

    def next_of(self, account: Hashable) -> "tuple[Requester, asyncio.Future[Given]] | None":
        """Like `next`, for one account, which must have joined. It is the last one in turn then."""
        persons = self.accounts.pop(account)
        first = _first(persons)
        if persons:
            self.accounts[account] = persons
        return None if first is None else (Requester(account, first[0]), first[1])

    def others(self, than: Requester, may_have: Callable[[Hashable], bool]) -> Iterator[Requester]:
        """Yields the other persons who wait, of accounts that `may_have` accepts."""
        for account, persons in self.accounts.items():
            if may_have(account):
                for person, queue in persons.items():
                    if (account, person) != than and any(not waiting.done() for waiting in queue):
                        yield Requester(account, person)


def _first(
    persons: OrderedDict[Hashable, _Queue[Given]],
) -> "tuple[Hashable, asyncio.Future[Given]] | None":
    while persons:
        person, queue = persons.popitem(last=False)
        while queue:
            waiting = queue.popleft()
            if waiting.done():  # It has left the queue.
                continue
            if queue:
                persons[person] = queue
            return person, waiting
    return None


class FairSemaphore:
    """A semaphore whose places are assigned in turn. A single account may have all of them."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._queue: FairQueue[None] = FairQueue()

    @asynccontextmanager
    async def place(
        self, waiter: Requester | None = None, seconds: float | None = None
    ) -> AsyncIterator[None]:
        """The place goes to another task after the `seconds`, even if the block goes on."""
        await self._take(waiter)
        place = _HeldPlace(self._give_back)
        late = None if seconds is None else asyncio.get_running_loop().call_later(seconds, place.give_back)
        try:
            yield
        finally:
            if late is not None:
                late.cancel()
            place.give_back()

    async def _take(self, waiter: Requester | None) -> None:
        if self._free:
            self._free -= 1
            return
        waiting = self._queue.join(waiter)
        try:
            await waiting
        except BaseException:
            # The place may have been assigned at the moment of the cancellation.
            if waiting.done() and not waiting.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        if not self._queue.give(None):
            self._free += 1


class _HeldPlace:
    """A place of a semaphore, which is given back once."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def give_back(self) -> None:
        if self._give_back is not None:
            give_back, self._give_back = self._give_back, None
            give_back()
