"""Fails each test in which one callback of the event loop took long, in CPU time of the loop's thread.

The app is served in the tests' own loop. What runs in its tasks and callbacks counts; what a test or fixture
computes itself does not, nor do collections of the tests' garbage. The limit is 150 ms: three times the 50 ms
that `test_event_loop.py` allows hostile requests, since CPU time grows so much on a core that is shared.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import thread_time
from typing import Any

import pytest
import pytest_asyncio

MOST_SECONDS = 0.15
_OF_TESTS = (str(Path(__file__).parent), str(Path(pytest_asyncio.__file__).parent))


@dataclass
class Watchdog:
    blocked: list[str] = field(default_factory=list)
    """What took too long since the last test."""
    _collected_seconds: float = 0.0
    _collection_begun: float = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        handle_class: Any = asyncio.events.Handle
        run = handle_class._run

        def watched(handle: Any) -> None:
            begun = thread_time() - self._collected_seconds
            try:
                run(handle)
            finally:
                seconds = thread_time() - self._collected_seconds - begun
                if seconds > MOST_SECONDS:
                    self._add(seconds, handle)

        handle_class._run = watched
        gc.callbacks.append(self._collect)
        try:
            yield
        finally:
            gc.callbacks.remove(self._collect)
            handle_class._run = run

    def _add(self, seconds: float, handle: Any) -> None:
        task = getattr(handle._callback, "__self__", None)
        if not isinstance(task, asyncio.Task):
            self.blocked.append(f"{seconds * 1000:.0f} ms: {handle!r}")
        elif not _is_of_tests(task):
            self.blocked.append(f"{seconds * 1000:.0f} ms: {task!r}")

    def _collect(self, phase: str, _info: dict[str, int]) -> None:
        """By whichever thread, which all others wait for; most of them are the loop's."""
        if phase == "start":
            self._collection_begun = thread_time()
        else:
            self._collected_seconds += thread_time() - self._collection_begun


def _is_of_tests(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(_OF_TESTS)


_watchdog = Watchdog()


@pytest.fixture(scope="session", autouse=True)
def _watching() -> Iterator[None]:
    with _watchdog.watching():
        yield


@pytest.fixture(autouse=True)
def watchdog(_watching: None) -> Iterator[Watchdog]:
    _watchdog.blocked.clear()
    yield _watchdog
    assert not _watchdog.blocked, f"The event loop was blocked: {_watchdog.blocked}"
