"""Read connections are passed on, whatever happens to those who wait for them."""

import asyncio

import pytest

from models.database import Database


async def test_one_that_is_handed_to_a_cancelled_task_is_handed_on(database_url: str) -> None:
    database = Database(database_url, pool_size=1)

    async def read_and_cancel_the_next() -> None:
        await database.fetch("SELECT pg_sleep(0.01)")
        cancelled.cancel()  # It has the connection already, and has not run since.

    first = asyncio.create_task(read_and_cancel_the_next())
    cancelled = asyncio.create_task(database.fetch("SELECT 1"))
    last = asyncio.create_task(database.fetch("SELECT 2"))
    await first

    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert [tuple(record) for record in await last] == [(2,)]
    await database.close()
