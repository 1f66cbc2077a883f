"""Classification of errors as outages of the database or as faults."""

import asyncpg
import pytest

from engine.outages import outage_of


async def test_a_closed_connection_is_an_outage(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.close()

    with pytest.raises(asyncpg.InterfaceError) as closed:
        await connection.fetch("SELECT 1")

    assert outage_of(closed.value) is closed.value


async def test_a_wrong_argument_is_not(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)

    with pytest.raises(asyncpg.InterfaceError) as mistake:
        await connection.fetch("SELECT $1::int", 1, 2)
    await connection.close()

    assert outage_of(mistake.value) is None


def test_an_error_that_was_caused_by_itself_is_not() -> None:
    error = ValueError("a circle")
    error.__cause__ = error

    assert outage_of(error) is None
