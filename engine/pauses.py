"""Loops over many items during which the event loop serves other tasks."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def with_pauses(items: Iterable[Item], every: int) -> AsyncIterator[Item]:
    """Yields the items, and lets other tasks run after every so many of them."""
    for count, item in enumerate(items, 1):
        yield item
        if count % every == 0:
            await asyncio.sleep(0)
