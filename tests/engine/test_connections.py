"""Read connections that many requests share."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from models.database import Database


@pytest_asyncio.fixture
async def three(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, 3)
    yield database
    await database.close()


async def test_no_more_are_opened_than_there_may_be(three: Database) -> None:
    pids = await asyncio.gather(*(three.fetch("SELECT pg_backend_pid(), pg_sleep(0.02)") for _ in range(20)))

    assert len({rows[0][0] for rows in pids}) == 3
    assert three.reading.lent == 0


async def test_one_who_is_cut_off_leaves_its_place_to_others(three: Database) -> None:
    cut_off = [asyncio.create_task(three.fetch("SELECT pg_sleep(30)")) for _ in range(3)]
    await asyncio.sleep(0.1)
    waiting = asyncio.create_task(three.fetch("SELECT 1"))
    for task in cut_off:
        task.cancel()
    await asyncio.wait(cut_off)

    assert (await asyncio.wait_for(waiting, 5))[0][0] == 1
    assert three.reading.lent == 0


async def test_who_gives_up_waiting_takes_no_connection_along(three: Database) -> None:
    busy = [asyncio.create_task(three.fetch("SELECT pg_sleep(0.1)")) for _ in range(3)]
    await asyncio.sleep(0.02)
    impatient = [asyncio.create_task(three.fetch("SELECT 1")) for _ in range(5)]
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    await asyncio.gather(*busy)

    found = await asyncio.gather(*(three.fetch("SELECT 1") for _ in range(10)))

    assert [rows[0][0] for rows in found] == [1] * 10


async def test_a_failed_statement_keeps_its_connection(three: Database) -> None:
    (first,) = await three.fetch("SELECT pg_backend_pid()")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await three.fetch("SELECT 1 / $1::int", 0)

    (second,) = await three.fetch("SELECT pg_backend_pid()")

    assert first[0] == second[0]


async def test_one_that_the_server_has_ended_is_replaced(
    three: Database, superuser: asyncpg.Connection
) -> None:
    ((pid,),) = await three.fetch("SELECT pg_backend_pid()")
    await superuser.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await asyncio.sleep(0.05)

    ((another,),) = await three.fetch("SELECT pg_backend_pid()")

    assert another != pid


async def test_tables_may_be_migrated_while_it_is_open(
    three: Database, owner_url: str, database_url: str
) -> None:
    """What a statement gives may have changed since it was prepared."""
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute("CREATE TABLE moving (id int); GRANT SELECT ON moving TO PUBLIC")
        await owner.execute("INSERT INTO moving VALUES (1)")
        before = await three.fetch("SELECT * FROM moving")
        await owner.execute("ALTER TABLE moving ADD COLUMN name text DEFAULT 'x'")

        after = await three.fetch("SELECT * FROM moving")
    finally:
        await owner.execute("DROP TABLE IF EXISTS moving")
        await owner.close()

    assert [tuple(row) for row in before] == [(1,)]
    assert [tuple(row) for row in after] == [(1, "x")]
