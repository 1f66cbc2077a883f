"""Fails each test in which one callback of the event loop takes over 100 ms of CPU time, twice in a row.

The app is served in the tests' own loop. What runs in its tasks and callbacks counts; what a test or fixture
computes itself does not, nor do collections of the tests' garbage. The limit is twice the 50 ms that
`test_event_loop.py` allows hostile requests, and grows with the slowness of a shared core.

The clock also counts what a virtual machine or a neighbour on the core takes for a moment, and what a
process does only once (imports, the first connection). So a test in which a callback exceeded this limit, or
the test's own, is run a second time, and fails if one does so again.
"""

import asyncio
import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, thread_time
from typing import Any

import pytest
import pytest_asyncio
from _pytest.runner import runtestprotocol

from tests.support.loop_time import LoopBlocked, slowness

MOST_SECONDS = 0.1
READ_EVERY_SECONDS = 0.005
"""How often CPU time is read: a callback may be charged with that much of those before it."""
_OF_TESTS = (str(Path(__file__).parents[1]), str(Path(pytest_asyncio.__file__).parent))


@dataclass
class Watchdog:
    blocked: dict[str, float] = field(default_factory=dict)
    """Callbacks of this test that took over the limit of an unshared core, with their seconds."""
    _cpu_seconds: float = 0.0
    """CPU time of the thread when it was last read, before a callback, without collections."""
    _read_again_at: float = 0.0
    _collected_seconds: float = 0.0
    _collection_begun: float = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        handle_class: Any = asyncio.events.Handle
        run = handle_class._run

        def watched(handle: Any) -> None:
            begun = monotonic()
            if begun > self._read_again_at:
                self._read_again_at = begun + READ_EVERY_SECONDS
                self._cpu_seconds = thread_time() - self._collected_seconds
            try:
                run(handle)
            finally:
                # The thread's CPU time takes a system call.
                if monotonic() - begun > MOST_SECONDS:
                    seconds = thread_time() - self._collected_seconds - self._cpu_seconds
                    if seconds > MOST_SECONDS:
                        self._add(seconds, handle)

        handle_class._run = watched
        gc.callbacks.append(self._collect)
        try:
            yield
        finally:
            gc.callbacks.remove(self._collect)
            handle_class._run = run

    def verdict(self) -> list[str]:
        """Callbacks that took too long, considering the current slowness of the core."""
        limit = MOST_SECONDS * slowness() if self.blocked else 0.0
        return [
            f"{seconds * 1000:.0f} ms: {what}" for what, seconds in self.blocked.items() if seconds > limit
        ]

    def _add(self, seconds: float, handle: Any) -> None:
        task = getattr(handle._callback, "__self__", None)
        if not isinstance(task, asyncio.Task):
            self.blocked[repr(handle)] = seconds
        elif not _is_of_tests(task):
            self.blocked[repr(task)] = seconds

    def _collect(self, phase: str, _info: dict[str, int]) -> None:
        """A garbage collection in any thread pauses all threads, so its time is subtracted."""
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
    verdict = _watchdog.verdict()
    if verdict:
        raise LoopBlocked(f"The event loop was blocked: {verdict}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    report.is_of_blocked_loop = call.excinfo is not None and call.excinfo.errisinstance(LoopBlocked)
    return report


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """pytest's own protocol, with a second run."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    failed: list[Any] = [report for report in reports if report.failed]
    if failed and all(report.is_of_blocked_loop for report in failed):
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
