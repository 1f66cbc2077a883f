"""Transactions end cleanly in every way, and so do their connections."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from engine.fair_share import Claim
from engine.row_writer import RowNotFound, RowWriter
from engine.snapshots import new_row, snapshot
from models.audit_actions import AuditAction
from models.database import Database
from models.members import Member, User
from resolvers.change import system_change
from resolvers.events import PLATFORM
from tests.support.world import World


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """With one connection."""
    database = Database(database_url, 1)
    yield database
    await database.close()


INSERT = "INSERT INTO users (id, email, name, created_at) VALUES (gen_random_uuid(), $1, 'A', now())"


async def insert(database: Database, email: str, *, raising: BaseException | None = None) -> int:
    """Two rows, by two statements; the process id of the connection."""
    async with database.transaction() as connection:
        await connection.execute(INSERT, email)
        await RowWriter(connection).insert(new_row(User, email=f"second-{email}", name="B"))
        if raising is not None:
            raise raising
        return connection.get_server_pid()


async def stored(database: Database) -> list[str]:
    return [row["email"] for row in await database.fetch("SELECT email FROM users ORDER BY email")]


async def test_all_statements_are_committed_together(database: Database) -> None:
    await insert(database, "a@example.com")

    assert await stored(database) == ["a@example.com", "second-a@example.com"]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
async def test_all_statements_are_rolled_back_together(
    database: Database, error: type[BaseException]
) -> None:
    before = await insert(database, "a@example.com")
    with pytest.raises(error):
        await insert(database, "b@example.com", raising=error())
    after = await insert(database, "c@example.com")

    assert len(await stored(database)) == 4
    assert after == before


async def test_of_rows_that_contradict_each_other_none_is_stored(database: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_users_email"):
        async with database.transaction() as connection:
            await RowWriter(connection).insert(
                *(new_row(User, email="a@example.com", name="A") for _ in range(2))
            )

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


async def test_an_update_returns_the_row_and_leaves_the_one_that_was_read(database: Database) -> None:
    await insert(database, "a@example.com")
    async with database.transaction() as connection:
        writer = RowWriter(connection)
        (record,) = await connection.fetch("SELECT id, email, name, created_at, erased_at FROM users LIMIT 1")
        user = snapshot(User, tuple(record))
        with pytest.raises(AttributeError):
            user.name = "C"
        renamed = await writer.update(user, name="C")
        found = await writer.find(User, user.id, lock=True)

    assert (user.name, renamed.name, found and found.name) == ("A", "C", "C")


async def test_what_does_not_differ_is_not_written(database: Database) -> None:
    await insert(database, "a@example.com")
    async with database.transaction() as connection:
        user = await RowWriter(connection).find(
            User, (await connection.fetchval("SELECT id FROM users LIMIT 1"))
        )
        assert user is not None
        version = "SELECT xmin::text FROM users WHERE id = $1"
        before = await connection.fetchval(version, user.id)

        same = await RowWriter(connection).update(user, name=user.name, email=user.email)

        assert same is user
        assert await connection.fetchval(version, user.id) == before


async def test_columns_that_derive_from_others_follow_them(database: Database, world: World) -> None:
    account_id = UUID(world.account_id[-32:])
    async with database.transaction(Claim(account_id)) as connection:
        writer = RowWriter(connection, account_id)
        member_id = await connection.fetchval("SELECT id FROM members WHERE account_id = $1", account_id)
        member = await writer.find(Member, member_id)
        assert member is not None
        await writer.update(member, name="\N{LATIN CAPITAL LETTER E WITH ACUTE}va")
        derived = await connection.fetchrow(
            "SELECT name_folded, name_key <> '' AS has_key FROM members WHERE id = $1", member_id
        )
        assert derived is not None
        assert dict(derived) == {"name_folded": "\N{LATIN SMALL LETTER E WITH ACUTE}va", "has_key": True}
        await connection.execute("ROLLBACK; BEGIN")


async def test_a_row_of_another_account_is_none_of_this_change_s(database: Database, world: World) -> None:
    other = await world.found("Other", "other@example.com")
    account_id = UUID(world.account_id[-32:])

    with pytest.raises(RowNotFound, match=f"there is none in account {account_id}"):
        async with system_change(database, account_id, AuditAction.MEMBER_LEFT, PLATFORM) as tx:
            await tx.get(Member, UUID(other.member_id[-32:]))
