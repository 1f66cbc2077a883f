"""Read connections are passed on, whatever happens to those who wait for them."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from engine.fair_queue import Requester, requester
from models.database import Database
from tests.support.locks import locked
from tests.support.raw_connections import WAIT_SECONDS

SLEEP = "SELECT pg_sleep($1), $1"
HELD = "SELECT pg_advisory_xact_lock_shared(1), $1::float"


@pytest_asyncio.fixture
async def ten(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, 10)
    yield database
    await database.close()


def asking(
    database: Database, seconds: float, asker: Requester, done: list[object], sql: str = SLEEP
) -> asyncio.Task[float]:
    """Task of a request of this person, whose statement takes that long."""

    async def ask() -> float:
        requester.set(asker)
        ((_, slept),) = await database.fetch(sql, seconds)
        done.append(asker.account)
        return float(slept)

    return asyncio.create_task(ask())


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


async def test_many_accounts_with_long_statements_leave_connections_for_another_one(
    ten: Database, superuser_url: str
) -> None:
    done: list[object] = []
    async with locked(superuser_url, "SELECT pg_advisory_xact_lock(1)"):
        hostile = [asking(ten, 0, Requester(uuid4(), uuid4()), done, HELD) for _ in range(12)]
        await asyncio.sleep(0)
        in_use = ten.reading.lent

        others = [Requester(f"other {number}", number) for number in range(5)]
        answered = asyncio.gather(*(asking(ten, 0, other, done) for other in others))
        await asyncio.wait_for(answered, WAIT_SECONDS)
        before = len(done) - len(others)
    await asyncio.wait(hostile)

    assert in_use == 10
    assert before == 0
    assert ten.reading.lent == 0


async def test_statements_that_were_interrupted_are_repeated(ten: Database) -> None:
    done: list[object] = []
    statements = [asking(ten, 0.15 + number / 1_000, Requester(number, number), done) for number in range(20)]

    slept = await asyncio.gather(*statements)

    assert slept == [0.15 + number / 1_000 for number in range(20)]
    assert ten.reading.lent == 0
    assert len(ten.reading._idle) == 10


async def test_a_long_statement_ends_while_others_keep_asking(database_url: str) -> None:
    database, done = Database(database_url, 1), list[object]()
    long = asking(database, 1.2, Requester("long", 1), done)

    others = 0
    while not long.done():
        await asking(database, 0, Requester(f"other {others}", 2), done)
        others += 1
    await database.close()

    assert "long" in done
    assert others > 1


async def test_a_statement_is_not_interrupted_for_the_same_person(database_url: str) -> None:
    database, done = Database(database_url, 1), list[object]()
    person = Requester("account", "person")
    first = asking(database, 0.3, person, done)
    await asyncio.sleep(0.01)
    second = asking(database, 0, person, done)
    interrupted = set[int]()
    while not first.done():
        interrupted.add(database.reading._interrupted)
        await asyncio.sleep(0.01)
    await second
    await database.close()

    assert interrupted == {0}


async def test_who_is_cancelled_while_interrupted_stays_cancelled(database_url: str) -> None:
    database, done = Database(database_url, 1), list[object]()
    first = asking(database, 5, Requester("first"), done)
    second = asking(database, 0, Requester("second"), done)
    while not database.reading._interrupted:  # noqa: ASYNC110
        await asyncio.sleep(0)
    first.cancel()

    await asyncio.wait([first, second])
    await database.close()

    assert first.cancelled()
    assert done == ["second"]
    assert database.reading.lent == 0
