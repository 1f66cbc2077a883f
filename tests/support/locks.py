"""Locks that a connection of its own holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def locked(url: str, statement: str, *arguments: object) -> AsyncIterator[None]:
    """Holds the locks of a statement until the end of the block, however it ends."""
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute(statement, *arguments)
            yield
    finally:
        await holder.close()
