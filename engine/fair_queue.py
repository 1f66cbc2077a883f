"""Queues for shared resources. Accounts are served in turn, and within an account its persons."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar
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

_Queue: TypeAlias = deque[asyncio.Future[Given]]


class FairQueue(Generic[Given]):
    """Tasks that wait for a resource. A free resource goes to the next person of the next account."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[Hashable, OrderedDict[Hashable, _Queue[Given]]] = OrderedDict()

    def join(self, waiter: Requester | None = None) -> "asyncio.Future[Given]":
        """Queues the current task for its requester, or for `waiter`. Cancelling the future leaves the
        queue."""
        account, person = waiter or requester.get()
        waiting: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._accounts.setdefault(account, OrderedDict()).setdefault(person, deque()).append(waiting)
        return waiting

    def give(self, what: Given) -> bool:
        """Returns whether a task was waiting for the resource."""
        found = self.next(lambda _: True)
        if found is None:
            return False
        found[1].set_result(what)
        return True

    def next(self, may_have: Callable[[Hashable], bool]) -> "tuple[Hashable, asyncio.Future[Given]] | None":
        """Removes the next task, and returns its account and its future. Accounts that `may_have` refuses
        keep their turns."""
        refused: list[tuple[Hashable, OrderedDict[Hashable, _Queue[Given]]]] = []
        found: tuple[Hashable, asyncio.Future[Given]] | None = None
        while self._accounts and found is None:
            account, persons = self._accounts.popitem(last=False)
            if not may_have(account):
                refused.append((account, persons))
                continue
            waiting = _first(persons)
            if persons:
                self._accounts[account] = persons
            if waiting is not None:
                found = account, waiting
        for account, persons in reversed(refused):
            self._accounts[account] = persons
            self._accounts.move_to_end(account, last=False)
        return found


def _first(persons: OrderedDict[Hashable, _Queue[Given]]) -> "asyncio.Future[Given] | None":
    while persons:
        person, queue = persons.popitem(last=False)
        while queue:
            waiting = queue.popleft()
            if waiting.done():  # It has left the queue.
                continue
            if queue:
                persons[person] = queue
            return waiting
    return None


class FairSemaphore:
    """A semaphore whose places are assigned in turn. A single account may have all of them."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._queue: FairQueue[None] = FairQueue()

    @asynccontextmanager
    async def place(self, waiter: Requester | None = None) -> AsyncIterator[None]:
        await self._take(waiter)
        try:
            yield
        finally:
            self._give_back()

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
