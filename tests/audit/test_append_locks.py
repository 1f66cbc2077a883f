"""Whoever holds the lock of a log waits for no row that a change holds which waits for the log."""

import asyncio

import asyncpg
import pytest

from models.database import Database
from tests.support import chain
from tests.support.changes import ERASE_VIEWER, LEAVE
from tests.support.locks import until_waiting
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import World

WHO = "{ viewer { user { email } } }"
WRITTEN = ("audit_events", "api_key_days")
"""Tables that an append writes under the lock of the log. The head of a log is inserted once, with its
account."""


async def test_the_first_call_of_a_day_waits_for_no_rotation(world: World) -> None:
    """A rotation locks the key's row, because it writes a unique column, and then waits for the log."""
    script = await with_key(world, world.member, "READ")
    async with world.superuser.transaction():
        await world.superuser.execute(
            "UPDATE api_keys SET key_hash = sha256(key_hash) WHERE id = $1", uuid_of(script.member_id)
        )

        answer = await script.post(WHO)

    assert answer["data"]["viewer"]["user"]["email"] == world.member.email


async def test_an_append_writes_no_table_with_a_foreign_key(superuser: asyncpg.Connection) -> None:
    """To check one, PostgreSQL locks the row that is referred to."""
    found = await superuser.fetch(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::regclass[])", WRITTEN
    )

    assert [row["conname"] for row in found] == []


async def test_an_erasure_and_a_call_of_a_revoked_key_do_not_wait_for_each_other(
    world: World, superuser_url: str
) -> None:
    script = await with_key(world, world.member, "READ")
    await script.post(WHO)
    await world.member.change(LEAVE, accountId=world.account_id)
    call = await asyncpg.connect(superuser_url)
    try:
        async with call.transaction():
            await call.execute("SET LOCAL deadlock_timeout = '10ms'; SELECT FROM audit_heads FOR UPDATE")
            erasing = asyncio.create_task(world.member.change(ERASE_VIEWER, email=world.member.email))
            await until_waiting(world.superuser)

            # What the call does next.
            await call.execute("UPDATE api_key_days SET calls = calls + 1")
    finally:
        await call.close()

    assert await erasing == {"userErrors": []}
    assert await world.superuser.fetchval("SELECT count(*) FROM api_key_days") == 0
    await chain.assert_whole(world.superuser)


async def test_calls_are_counted_for_existing_keys_only(world: World, database: Database) -> None:
    """No foreign key says so."""
    connection = await database.connect()
    await connection.execute(
        "INSERT INTO audit_events (account_id, id, action, outcome, summary, actor_kind, actor_name,"
        " credential_kind, credential_id, details) VALUES ($1, gen_random_uuid(), 'API_CALLED', 'ALLOWED',"
        " 'Ada called', 'MEMBER', 'Ada', 'API_KEY', gen_random_uuid(), '{}')",
        uuid_of(world.account_id),
    )

    assert await world.superuser.fetchval("SELECT count(*) FROM api_key_days") == 0
    await with_key(world, world.member, "READ")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM api_keys")
    await connection.close()
