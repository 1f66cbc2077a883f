"""Rows that are loaded for a request that does not wait for them any more."""

import asyncio
import gc
from typing import Any

import pytest

from engine.outages import NoConnectionFree
from engine.row_loader import loaded


class Loading:
    def __init__(self) -> None:
        self.loaders: dict[object, Any] = {}
        self.database: Any = None

    def cached_row(self, _id: object) -> None:
        return None


async def test_a_failure_that_nobody_waits_for_is_not_logged() -> None:
    """A request that was stopped by its deadline would be logged with a traceback for each row."""
    context, failing, unhandled = Loading(), asyncio.Event(), list[dict[str, Any]]()
    loop = asyncio.get_running_loop()

    async def fetch(_keys: list[int]) -> list[int]:
        await failing.wait()
        raise NoConnectionFree("No connection.")

    loop.set_exception_handler(lambda _loop, unhandled_error: unhandled.append(unhandled_error))
    try:
        waiting = asyncio.create_task(loaded(context, "row", fetch, 1))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        failing.set()
        await asyncio.sleep(0.01)
        context.loaders.clear()
        gc.collect()
    finally:
        loop.set_exception_handler(None)

    assert unhandled == []
