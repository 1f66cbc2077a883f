"""The watchdog fails tests in which the app blocks the event loop, and no others."""

import asyncio
import gc
import time
from pathlib import Path

import pytest

from tests.support.loop_watchdog import MOST_SECONDS, Watchdog

pytest_plugins = ["pytester"]

LOOP_SCOPES = """
asyncio_default_fixture_loop_scope = "session"
asyncio_default_test_loop_scope = "session"
"""


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

    assert watchdog.blocked == {}


async def test_what_a_test_computes_is_not_found(watchdog: Watchdog) -> None:
    await asyncio.sleep(0)
    _compute()
    await asyncio.sleep(0)

    assert watchdog.blocked == {}


async def test_garbage_is_not_found(watchdog: Watchdog) -> None:
    asyncio.get_running_loop().call_soon(_collect_garbage)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert watchdog.blocked == {}


def _collect_garbage() -> None:
    end = time.thread_time() + MOST_SECONDS * 2
    while time.thread_time() < end:
        gc.collect()


TESTS = """
    import asyncio
    import time

    runs = []

    def compute():
        end = time.thread_time() + {seconds}
        while time.thread_time() < end:
            pass

    async def test_each_time():
        asyncio.get_running_loop().call_soon(compute)
        await asyncio.sleep(0.01)

    async def test_the_first_time():
        if not runs:
            asyncio.get_running_loop().call_soon(compute)
        runs.append("run")
        await asyncio.sleep(0.01)

    async def test_whatever_else_fails():
        runs.append("run")
        asyncio.get_running_loop().call_soon(compute)
        await asyncio.sleep(0.01)
        assert len(runs) > 3
    """


def test_only_what_is_blocked_twice_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\nasyncio_mode = 'auto'\n" + LOOP_SCOPES)
    pytester.makepyfile(TESTS.format(seconds=MOST_SECONDS * 5))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))

    result = pytester.runpytest_subprocess("-p", "tests.support.loop_watchdog")

    result.assert_outcomes(passed=2, failed=1, errors=2)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_each_time*", "*The event loop was blocked:*compute*"]
    )
    result.stdout.fnmatch_lines(["*assert 3 > 3*"])
