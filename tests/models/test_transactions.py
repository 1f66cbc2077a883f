"""A transaction, however it ends, and the connection it was on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.exc import IntegrityError

from engine.snapshots import attach, snapshot
from models.database import Database
from models.members import User


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """With one connection."""
    database = Database(database_url, 1)
    yield database
    await database.close()


INSERT = "INSERT INTO users (id, email, name, created_at) VALUES (gen_random_uuid(), $1, 'A', now())"


async def insert(database: Database, email: str, *, raising: BaseException | None = None) -> int:
    """By a session and by the driver; the process id of the connection."""
    async with database.transaction() as transaction:
        await transaction.driver.execute(INSERT, email)
        transaction.session.add(User(email=f"second-{email}", name="B"))
        await transaction.session.flush()
        if raising is not None:
            raise raising
        return transaction.driver.get_server_pid()


async def stored(database: Database) -> list[str]:
    return [row["email"] for row in await database.fetch("SELECT email FROM users ORDER BY email")]


async def test_both_ways_are_committed_together(database: Database) -> None:
    await insert(database, "a@example.com")

    assert await stored(database) == ["a@example.com", "second-a@example.com"]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
async def test_both_ways_are_rolled_back_together(database: Database, error: type[BaseException]) -> None:
    before = await insert(database, "a@example.com")
    with pytest.raises(error):
        await insert(database, "b@example.com", raising=error())
    after = await insert(database, "c@example.com")

    assert len(await stored(database)) == 4
    assert after == before


async def test_what_fails_when_it_is_sent_at_the_end_is_rolled_back(database: Database) -> None:
    async def twice() -> None:
        async with database.transaction() as transaction:
            for _ in range(2):
                transaction.session.add(User(email="a@example.com", name="A"))

    with pytest.raises(IntegrityError, match="uq_users_email"):
        await twice()

    assert await stored(database) == []


async def test_nobody_inherits_a_transaction_whose_end_was_cut_off(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = asyncpg.Connection.execute

    async def cut_off(connection: asyncpg.Connection, query: str, *arguments: Any) -> str:
        if query == "COMMIT":
            raise asyncio.CancelledError
        return await execute(connection, query, *arguments)

    before = await insert(database, "a@example.com")
    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "execute", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await insert(database, "b@example.com")
    after = await insert(database, "c@example.com")

    assert "b@example.com" not in await stored(database)
    assert after != before


async def test_a_row_that_was_read_without_the_session_is_saved_once_it_is_known_to_it(
    database: Database,
) -> None:
    await insert(database, "a@example.com")
    async with database.transaction() as transaction:
        (record,) = await transaction.driver.fetch("SELECT id, email, name, created_at FROM users LIMIT 1")
        user = snapshot(User, tuple(record))
        with pytest.raises(AttributeError):
            user.name = "C"
        attach(transaction.session.sync_session, user)
        user.name = "C"

    assert await database.fetch("SELECT FROM users WHERE name = 'C'")
