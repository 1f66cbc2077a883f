"""A test in which the app blocks the event loop fails; one that computes itself does not."""

import asyncio
import gc
import time

from tests.loop_watchdog import MOST_SECONDS, Watchdog


def _compute(seconds: float = MOST_SECONDS * 2) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def test_a_callback_that_computes_is_found(watchdog: Watchdog) -> None:
    asyncio.get_running_loop().call_soon(_compute)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    (blocked,) = watchdog.blocked
    watchdog.blocked.clear()

    assert "_compute" in blocked


async def test_a_task_of_the_app_is_found(watchdog: Watchdog) -> None:
    names: dict[str, object] = {"compute": _compute}
    exec(compile("async def respond():\n    compute()", "app.py", "exec"), names)  # noqa: S102
    await asyncio.create_task(names["respond"]())  # type: ignore[operator]

    (blocked,) = watchdog.blocked
    watchdog.blocked.clear()

    assert "respond" in blocked


async def test_a_loop_that_waits_is_not_found(watchdog: Watchdog) -> None:
    asyncio.get_running_loop().call_soon(time.sleep, MOST_SECONDS * 2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert watchdog.blocked == []


async def test_what_a_test_computes_is_not_found(watchdog: Watchdog) -> None:
    await asyncio.sleep(0)
    _compute()
    await asyncio.sleep(0)

    assert watchdog.blocked == []


async def test_garbage_is_not_found(watchdog: Watchdog) -> None:
    objects = [{"number": [number]} for number in range(1_000_000)]
    asyncio.get_running_loop().call_soon(gc.collect)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert watchdog.blocked == []
    assert len(objects) == 1_000_000
