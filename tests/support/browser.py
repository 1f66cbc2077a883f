"""What tests in Chromium share, besides the fixtures of `browser_fixtures`."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import worker
from tests.support.world import World

playwright = pytest.importorskip("playwright.async_api", reason="Playwright is not installed")

Open = Callable[..., Awaitable[Any]]
"""The fixture `open_page`."""


@asynccontextmanager
async def emails_delivered(world: World) -> AsyncIterator[None]:
    """Once those that are on their way have come to the mailbox."""
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(world.settings, world.database, stop))
    try:
        while await world.emails():  # noqa: ASYNC110 - the job's row is what tells
            await asyncio.sleep(0.02)
        yield
    finally:
        stop.set()
        await asyncio.wait_for(working, 10)


async def kept_texts(page: Any, beginning: str) -> int:
    """Number of texts with this beginning in the memory of the page, wherever."""
    chunks: list[str] = []
    session = await page.context.new_cdp_session(page)
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: chunks.append(event["chunk"]))
    await session.send("HeapProfiler.takeHeapSnapshot")
    await session.detach()
    texts = json.loads("".join(chunks))["strings"]
    return sum(text.startswith(beginning) for text in texts)


async def press_end_until(page: Any, index: int) -> None:
    """End goes to the last row that is known; more become known then."""
    async with asyncio.timeout(60):
        while int(await page.evaluate("document.activeElement.dataset.index")) < index:
            await page.keyboard.press("End")
