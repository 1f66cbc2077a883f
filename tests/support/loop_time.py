"""How long the event loop's callbacks take, in CPU time of the loop's thread: a busy machine adds nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import thread_time
from typing import Any


@dataclass
class LoopTime:
    callbacks: int = 0
    longest_seconds: float = 0.0
    longest: str = ""
    seconds: list[float] = field(default_factory=list)

    def add(self, seconds: float, handle: Any) -> None:
        self.callbacks += 1
        self.seconds.append(seconds)
        if seconds > self.longest_seconds:
            self.longest_seconds, self.longest = seconds, repr(handle)


@contextmanager
def measured_loop() -> Iterator[LoopTime]:
    """Of all that runs on the loop of this thread until the block ends."""
    handle_class: Any = asyncio.events.Handle
    times, run = LoopTime(), handle_class._run

    def measured(handle: Any) -> None:
        begun = thread_time()
        try:
            run(handle)
        finally:
            times.add(thread_time() - begun, handle)

    handle_class._run = measured
    try:
        yield times
    finally:
        handle_class._run = run


_UNHURRIED_SECONDS = 0.007
"""What `_work` takes where nothing else uses the core, its caches and its other thread."""


def slowness() -> float:
    """How many times as long as that it takes now: CPU time grows too where a core is shared. The best of
    three, since the first one may collect the garbage of all tests before it."""
    seconds = []
    for _ in range(3):
        begun = thread_time()
        _work()
        seconds.append(thread_time() - begun)
    return max(1.0, min(seconds) / _UNHURRIED_SECONDS)


def _work() -> None:
    objects = [{"name": str(number), "items": [number]} for number in range(20_000)]
    assert len({each["name"] for each in objects}) == 20_000
