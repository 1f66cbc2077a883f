"""Code that blocks the event loop is logged with its calls."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog

from web import event_loop_monitor
from web.event_loop_monitor import LoopWatch


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """Of all levels, whichever the app of other tests logs."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with structlog.testing.capture_logs() as logs:
        yield logs
    structlog.configure(wrapper_class=before)


def _watched(scenario: Callable[[], Awaitable[None]]) -> None:
    """Runs the scenario in an event loop in a thread of its own, which only its own watch looks at, until
    that watch has ended."""

    async def run() -> None:
        watch = LoopWatch()
        watch.start()
        await scenario()
        watch.stop()
        await asyncio.to_thread(watch._thread.join)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, run()).result()


def test_a_callback_that_computes_is_told(logs: list[Any]) -> None:
    async def compute() -> None:
        _compute(0.5)
        await _logged(logs)

    _watched(compute)

    log = next(log for log in logs if log["event"] == "event_loop_blocked")
    assert log["cpu_ms"] >= 50
    assert any(call.endswith("_compute") for call in log["calls"])


def test_a_stack_that_changes_while_it_is_read_does_not_end_the_watch(
    logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_frame: object) -> None:
        raise AttributeError("'function' object has no attribute 'f_lineno'")

    async def compute_twice() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(event_loop_monitor, "_running", fail)
            _compute(0.5)
            await _logged(logs)
        first.extend(logs)
        logs.clear()
        _compute(0.5)
        await _logged(logs)

    first: list[Any] = []
    _watched(compute_twice)

    assert first[0]["cpu_ms"] >= 50
    assert "calls" not in first[0]
    assert any(call.endswith("_compute") for call in logs[0]["calls"])


def test_a_loop_that_waits_is_not_told(logs: list[Any]) -> None:
    async def wait() -> None:
        time.sleep(0.4)  # noqa: ASYNC251 - as where the machine has no time for the thread
        await asyncio.sleep(0.4)

    _watched(wait)

    assert [log for log in logs if log["event"] == "event_loop_blocked"] == []


def _compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def _logged(logs: list[Any]) -> None:
    async with asyncio.timeout(10):
        while not logs:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_a_system_without_clocks_of_threads(logs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where any time in which the loop does not answer counts."""

    async def wait() -> None:
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251
        await _logged(logs)

    monkeypatch.delattr(time, "pthread_getcpuclockid")

    _watched(wait)

    assert "event_loop_blocked" in [log["event"] for log in logs]


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_watch_ends_with_its_loop(is_closed: bool) -> None:
    async def watch() -> LoopWatch:
        begun = LoopWatch()
        begun.start()
        return begun

    with ThreadPoolExecutor(1) as threads:
        loop = asyncio.new_event_loop()
        begun = threads.submit(loop.run_until_complete, watch()).result()
        if is_closed:
            loop.close()
    begun._thread.join(10)

    assert not begun._thread.is_alive()
    loop.close()
