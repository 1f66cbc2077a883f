"""Actions and waits for tests of subscriptions."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import asyncpg

from models.notifications import AUDIT
from resolvers.global_ids import decode
from tests.support.changes import CHANGE_ROLE, UPDATE_ACCOUNT
from tests.support.graphql_ws import WAIT_SECONDS
from tests.support.locks import until_waiting
from tests.support.rewriting import act_for
from tests.support.world import Person, World
from web.app_state import State


async def head(world: World) -> int:
    return int((await world.events())[0]["sequence"])


async def append(world: World, count: int, bytes_each: int = 0) -> None:
    """Appends events without an announcement, as if the app's process had died after its commit."""
    connection = await world.database.connect()
    try:
        await append_by(connection, world, count, bytes_each)
    finally:
        await connection.close()


async def append_by(
    connection: asyncpg.Connection, world: World, count: int = 1, bytes_each: int = 0
) -> None:
    await act_for(connection, account_of(world))
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


async def announce(world: World) -> None:
    """Announces as a server does after a commit."""
    await world.database.fetch("SELECT pg_notify($1, $2)", AUDIT, str(account_of(world)))


@asynccontextmanager
async def held_up(world: World, table: str) -> AsyncIterator[None]:
    """Makes the subscribers of the account's log read it again, and blocks them when they read this table."""
    async with world.superuser.transaction(), asyncio.timeout(WAIT_SECONDS):
        await world.superuser.execute(f"LOCK TABLE {table}")
        await announce(world)
        await until_waiting(world.superuser)
        yield


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
    """Waits until this is true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def settled(growing: list[str]) -> None:
    """Waits until the value has not grown for half a second."""
    before = -1
    while before != len(growing):
        before = len(growing)
        await asyncio.sleep(0.5)


@contextmanager
def statements(state: State, about: str = "") -> Iterator[list[str]]:
    """Statements that the server reads during the block."""
    found: list[str] = []

    async def noting(sql: str, *arguments: Any) -> list[asyncpg.Record]:
        if about in sql:
            found.append(sql)
        return await fetch(sql, *arguments)

    fetch = state.database.fetch
    state.database.fetch = noting
    yield found
    state.database.fetch = fetch


def left_behind(state: State) -> list[str]:
    """Resources of open sockets: waiting tasks, connections in use, tasks."""
    busy = ["a connection that reads"] * state.database.reading.lent
    pool: Any = state.database.writing.sync_engine.pool
    busy += [pool.status()] if pool.checkedout() else []
    tasks = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    ours = [name for name in tasks if "TransportHandler" in name]
    return [*map(str, state.listener._waiting), *busy, *ours]
