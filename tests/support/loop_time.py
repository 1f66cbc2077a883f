"""How long the event loop's callbacks take, in CPU time of the loop's thread.

Collections of the tests' garbage do not count. CPU time grows too where a core is shared: `slowness` says how
much. It also counts what a virtual machine takes for a moment and what a process does only once, so
`loop_watchdog` runs a test that fails with LoopBlocked once more.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import thread_time
from typing import Any


class LoopBlocked(AssertionError):
    """A callback of the event loop took longer than it may."""


@dataclass
class LoopTime:
    callbacks: int = 0
    longest_seconds: float = 0.0
    longest: str = ""
    seconds: list[float] = field(default_factory=list)
    slowness: float = 1.0
    """The larger of the values before and after the block."""
    collected_seconds: float = 0.0
    _collection_begun: float = 0.0

    def add(self, seconds: float, handle: Any) -> None:
        self.callbacks += 1
        self.seconds.append(seconds)
        if seconds > self.longest_seconds:
            self.longest_seconds, self.longest = seconds, repr(handle)

    def assert_longest_below(self, seconds: float) -> None:
        """`seconds` are those of a core that is not shared."""
        limit = seconds * self.slowness
        if self.longest_seconds >= limit:
            took = f"{self.longest_seconds * 1000:.0f} ms of at most {limit * 1000:.0f}"
            raise LoopBlocked(f"{took}: {self.longest}")

    def collect(self, phase: str, _info: dict[str, int]) -> None:
        """A callback of the garbage collector."""
        if phase == "start":
            self._collection_begun = thread_time()
        else:
            self.collected_seconds += thread_time() - self._collection_begun


@contextmanager
def measured_loop() -> Iterator[LoopTime]:
    """Measures all that runs on the loop of this thread until the block ends."""
    handle_class: Any = asyncio.events.Handle
    times, run = LoopTime(slowness=slowness()), handle_class._run

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
        times.slowness = max(times.slowness, slowness())


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
