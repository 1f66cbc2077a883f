"""Measures the CPU time of the event loop's callbacks, in the loop's thread.

Garbage collections do not count. CPU time also grows when other processes share the core:
`slowness` measures by how much. It includes pauses of a virtual machine and work that a process does only
once, so `loop_watchdog` repeats a test that fails with `LoopBlocked`.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import thread_time
from typing import Any


class LoopBlocked(AssertionError):
    """A callback of the event loop took longer than allowed."""


@dataclass
class LoopTime:
    callbacks: int = 0
    longest_seconds: float = 0.0
    longest: str = ""
    seconds: list[float] = field(default_factory=list)
    collected_seconds: float = 0.0
    _collection_begun: float = 0.0

    def add(self, seconds: float, handle: Any) -> None:
        self.callbacks += 1
        self.seconds.append(seconds)
        if seconds > self.longest_seconds:
            self.longest_seconds, self.longest = seconds, repr(handle)

    @cached_property
    def slowness(self) -> float:
        """Measured on first use, because most blocks are fast enough for an unused core."""
        return slowness()

    def assert_longest_below(self, seconds: float) -> None:
        """`seconds` is the limit on an unused core."""
        if self.longest_seconds < seconds:
            return
        limit = seconds * self.slowness
        if self.longest_seconds >= limit:
            took = f"{self.longest_seconds * 1000:.0f} ms of at most {limit * 1000:.0f}"
            raise LoopBlocked(f"{took}: {self.longest}")

    def collect(self, phase: str, _info: dict[str, int]) -> None:
        """Callback for the garbage collector."""
        if phase == "start":
            self._collection_begun = thread_time()
        else:
            self.collected_seconds += thread_time() - self._collection_begun


@contextmanager
def measured_loop() -> Iterator[LoopTime]:
    """Measures everything that runs on this thread's loop during the block."""
    handle_class: Any = asyncio.events.Handle
    times, run = LoopTime(), handle_class._run

    def measured(handle: Any) -> None:
        begun = thread_time() - times.collected_seconds
        try:
            run(handle)
        finally:
            times.add(thread_time() - times.collected_seconds - begun, handle)

    handle_class._run = measured
    gc.callbacks.append(times.collect)
    try:
        yield times
    finally:
        gc.callbacks.remove(times.collect)
        handle_class._run = run


_UNHURRIED_SECONDS = 0.007
"""Time of `_work` on a core that nothing else uses."""


def slowness() -> float:
    """Current time of `_work` divided by the time on an unused core. The best of three attempts counts,
    because the first one may collect garbage of earlier tests."""
    seconds = []
    for _ in range(3):
        begun = thread_time()
        _work()
        seconds.append(thread_time() - begun)
    return max(1.0, min(seconds) / _UNHURRIED_SECONDS)


def _work() -> None:
    objects = [{"name": str(number), "items": [number]} for number in range(20_000)]
    assert len({each["name"] for each in objects}) == 20_000
