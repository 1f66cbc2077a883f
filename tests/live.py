"""What the tests of subscriptions do to an account, and wait for."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from resolvers.global_ids import decode
from tests.changes import CHANGE_ROLE, UPDATE_ACCOUNT
from tests.graphql_ws import WAIT_SECONDS
from tests.world import Person, World


async def head(world: World) -> int:
    return int((await world.events())[0]["sequence"])


async def append(world: World, count: int, bytes_each: int = 0) -> None:
    """Events that nobody announces, as the app's role commits them before its process dies."""
    connection = await world.database.connect()
    try:
        await connection.execute(
            """INSERT INTO audit_events
                (account_id, id, action, outcome, summary, actor_kind, actor_name, details)
            SELECT $1, gen_random_uuid(), 'ACCOUNT_UPDATED', 'ALLOWED', 'It happened', 'SYSTEM', 'A crash',
                json_build_object('text', repeat('x', $3))
            FROM generate_series(1, $2)""",
            account_of(world),
            count,
            bytes_each,
            timeout=30,
        )
    finally:
        await connection.close()


async def change_role(world: World, role: str, by: Person | None = None) -> None:
    payload = await (by or world.admin).change(CHANGE_ROLE, memberId=world.member.member_id, role=role)
    assert not payload["userErrors"], payload


async def rename(person: Person, world: World) -> None:
    name = f"Acme {await world.superuser.fetchval('SELECT sum(sequence) FROM audit_heads')}"
    payload = await person.change(UPDATE_ACCOUNT, accountId=world.account_id, name=name)
    assert not payload["userErrors"], payload


def account_of(world: World) -> UUID:
    decoded = decode(world.account_id)
    assert decoded
    return decoded[1]


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
