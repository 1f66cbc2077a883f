"""Enqueued emails have the rows of pgqueuer's `enqueue`, written by one statement."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from mailer.queue import DELIVER_EMAIL, Lane, enqueue, queries
from tests.support.smtp import a_message

LANE = Lane("tests")
_OF_THE_MOMENT = {"id", "job_id", "created", "updated", "heartbeat", "execute_after"}


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def written(connection: asyncpg.Connection, table: str) -> list[dict[str, Any]]:
    """And forgets it."""
    rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY id")
    await connection.execute(f"DELETE FROM {table}")
    return [{name: value for name, value in row.items() if name not in _OF_THE_MOMENT} for row in rows]


@pytest.mark.parametrize("table", ["pgqueuer", "pgqueuer_log"])
async def test_a_job_is_the_same_as_one_of_pgqueuer(connection: asyncpg.Connection, table: str) -> None:
    messages = [a_message(), a_message()]
    await queries(connection).enqueue(
        [DELIVER_EMAIL] * 2,
        [message.to_json() for message in messages],
        [2**30, 2**30 - 1],
        headers=[{"lane": "tests"}] * 2,
    )
    by_pgqueuer = await written(connection, table)
    await connection.execute("DELETE FROM pgqueuer")

    await enqueue(connection, messages, Lane("tests", is_urgent=True))

    assert len(by_pgqueuer) == 2
    assert await written(connection, table) == by_pgqueuer


async def test_a_job_may_be_taken_at_once(connection: asyncpg.Connection) -> None:
    await enqueue(connection, [a_message()], LANE)

    (row,) = await connection.fetch("SELECT execute_after <= now() AS is_due FROM pgqueuer")

    assert row["is_due"]


async def test_emails_of_a_lane_follow_one_another_up_to_the_last_priority(
    connection: asyncpg.Connection,
) -> None:
    lowest, _ = LANE.priorities
    await enqueue(connection, [a_message()], LANE)
    await connection.execute("UPDATE pgqueuer SET priority = $1", lowest + 1)

    await enqueue(connection, [a_message(), a_message()], LANE)
    await enqueue(connection, [a_message()], Lane("others"))

    priorities = [
        (row["lane"], row["priority"])
        for row in await connection.fetch(
            "SELECT headers->>'lane' AS lane, priority FROM pgqueuer ORDER BY id"
        )
    ]
    assert priorities == [
        ("tests", lowest + 1),
        ("tests", lowest),
        ("tests", lowest),
        ("others", lowest + 1),
    ]
