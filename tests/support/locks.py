"""Locks that a connection of its own holds, and those who wait for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

_WAIT_SECONDS = 30
_WAITING = """SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND wait_event_type = 'Lock'
    AND query LIKE $1"""


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


async def until_waiting(connection: asyncpg.Connection, count: int = 1, query: str = "%") -> list[int]:
    """Server processes of this database whose statement waits for a lock, once there are as many.

    Only those with a statement like `query` count.
    """
    async with asyncio.timeout(_WAIT_SECONDS):
        while len(pids := await waiting(connection, query)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return pids


async def until_none_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(_WAIT_SECONDS):
        while await waiting(connection):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def waiting(connection: asyncpg.Connection, query: str = "%") -> list[int]:
    # A transaction would see the first look again and again.
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    return [row["pid"] for row in await connection.fetch(_WAITING, query)]
