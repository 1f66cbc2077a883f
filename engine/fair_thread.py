"""A thread for computations that would block the event loop for too long."""

import asyncio
import os
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from engine.fair_queue import FairSemaphore, Requester

Result = TypeVar("Result")


class FairThread:
    """Runs one function at a time; accounts, or other clients, are served in turn. The
    interpreter switches to the event loop's thread after at most 5 ms."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turns = FairSemaphore(1)
        self.forget()
        _threads.add(self)

    async def run(self, compute: Callable[[], Result], waiter: Requester | None = None) -> Result:
        """Runs the function for the task's requester, or for `waiter`, and returns its result."""
        async with self._turns.place(waiter):
            return await asyncio.get_running_loop().run_in_executor(self._executor, compute)

    def forget(self) -> None:
        """Drops the thread, which a forked process does not have."""
        self._executor = ThreadPoolExecutor(1, self._name)


_threads: "weakref.WeakSet[FairThread]" = weakref.WeakSet()


def _forget_threads() -> None:
    for thread in _threads:
        thread.forget()


os.register_at_fork(after_in_child=_forget_threads)
