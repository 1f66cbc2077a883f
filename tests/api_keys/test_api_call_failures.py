"""Calls whose events cannot be committed at once: errors, disconnected clients and locked logs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models import database as connections
from models.database import Database
from models.notifications import AuditAnnouncer
from permissions.credentials import find_viewer
from permissions.viewer import Client
from resolvers.audit.api_calls import ApiCalls, Call, call_event
from tests.support import chain
from tests.support.locks import until_waiting
from tests.support.stored_keys import with_key
from tests.support.world import Person, World

NAME = "{ account { name } }"
COUNT = "SELECT count(*) FROM audit_events WHERE action = 'API_CALLED'"
LOCK = "SELECT FROM audit_heads FOR UPDATE"


@pytest.fixture
async def api_calls(database: Database) -> AsyncIterator[ApiCalls]:
    calls = ApiCalls(database, AuditAnnouncer(database))
    yield calls
    await calls.close()


@pytest.fixture
async def script(world: World) -> Person:
    return await with_key(world, world.member)


async def record(api_calls: ApiCalls, database: Database, script: Person) -> "asyncio.Task[None]":
    viewer = await find_viewer(database, script.token or "")
    event = call_event(viewer, Client(), Call(None, "Name", "QUERY", 1, 200, [], 0.001))
    return asyncio.create_task(api_calls.record(event))


async def terminate(world: World, pids: list[int]) -> None:
    await world.superuser.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", pids)


async def test_a_call_whose_connection_is_lost_is_not_answered(world: World, script: Person) -> None:
    async with world.superuser.transaction():
        await world.superuser.execute(LOCK)
        refused = asyncio.create_task(script.post(NAME))
        await terminate(world, await until_waiting(world.superuser))
        (error,) = (await refused)["errors"]

    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert (await script.ask(NAME))["account"]["name"] == "Acme"
    assert await world.superuser.fetchval(COUNT) == 1
    await chain.assert_whole(world.superuser)


@pytest.mark.parametrize("is_lost", [False, True])
async def test_a_client_that_gives_up_takes_no_other_s_call_with_it(
    world: World, database: Database, api_calls: ApiCalls, script: Person, is_lost: bool
) -> None:
    async with world.superuser.transaction():
        await world.superuser.execute(LOCK)
        first = await record(api_calls, database, script)
        pids = await until_waiting(world.superuser)
        first.cancel()
        second = await record(api_calls, database, script)
        if is_lost:
            await terminate(world, pids)
    outcomes = await asyncio.gather(first, second, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, type(None)]
    assert await world.superuser.fetchval(COUNT) == (1 if is_lost else 2)
    await chain.assert_whole(world.superuser)


async def test_a_database_that_does_not_answer_holds_up_the_calls_of_one_batch(
    world: World, database: Database, api_calls: ApiCalls, script: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was given up may be committed all the same."""
    monkeypatch.setattr(connections, "_APPENDING_SECONDS", 0.2)
    async with world.superuser.transaction():
        await world.superuser.execute(LOCK)
        with pytest.raises(TimeoutError):
            await (await record(api_calls, database, script))

    await (await record(api_calls, database, script))

    assert await world.superuser.fetchval(COUNT) >= 1
    await chain.assert_whole(world.superuser)
