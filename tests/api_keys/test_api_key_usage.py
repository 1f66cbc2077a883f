"""The calls of an API key are counted by day as their events are appended."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from models.database import Database
from resolvers import tidying
from tests.support.changes import ERASE_VIEWER, LEAVE, codes
from tests.support.stored_keys import store_api_key, uuid_of, with_key
from tests.support.world import World

WHO = "{ viewer { user { email } } }"
DENIED = "{ account { auditLog { totalCount } } }"
USAGE = """query ($id: ID!, $days: Int) { node(id: $id) { ... on ApiKey {
  usage(days: $days) { day calls denied } } } }"""


async def usage(world: World, id: str, **days: int) -> list[tuple[str, int, int]]:
    found = (await world.admin.ask(USAGE, id=id, **days))["node"]["usage"]
    return [(day["day"], day["calls"], day["denied"]) for day in found]


def days_ago(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


async def test_days_are_listed_with_and_without_calls(world: World) -> None:
    script = await with_key(world, world.member, "READ")
    for query in (WHO, WHO, DENIED):
        await script.post(query)
    await world.superuser.execute(
        "INSERT INTO api_key_days SELECT account_id, id, (now() AT TIME ZONE 'UTC')::date - days, 7, 2"
        " FROM api_keys, unnest(ARRAY[2, 29, 30, 89, 90]) AS days WHERE id = $1",
        uuid_of(script.member_id),
    )

    assert await usage(world, script.member_id, days=3) == [
        (days_ago(0), 3, 1),
        (days_ago(1), 0, 0),
        (days_ago(2), 7, 2),
    ]
    month = (
        await world.admin.ask(
            USAGE.replace("(days: $days)", "").replace(", $days: Int", ""), id=script.member_id
        )
    )["node"]["usage"]
    assert [day["day"] for day in month] == [days_ago(days) for days in range(30)]
    assert sum(day["calls"] for day in month) == 3 + 7 + 7
    assert sum(calls for _, calls, _ in await usage(world, script.member_id, days=90)) == 3 + 4 * 7


@pytest.mark.parametrize("days", [0, -1, 91, 1_000_000])
async def test_days_out_of_bounds_are_refused(world: World, days: int) -> None:
    id = await store_api_key(world, world.member.member_id, "Shop")

    assert await world.admin.errors(USAGE, id=id, days=days) == [{"code": "BAD_USER_INPUT"}]


async def test_concurrent_calls_of_several_keys_are_all_counted(world: World) -> None:
    scripts = [await with_key(world, person, "READ") for person in (world.admin, world.member)]

    await asyncio.gather(*(script.post(WHO) for _ in range(30) for script in scripts))

    for script in scripts:
        assert (await usage(world, script.member_id, days=1))[0][1] == 30
    counted = await world.superuser.fetchval("SELECT sum(calls) FROM api_key_days")
    assert counted == await world.superuser.fetchval(
        "SELECT count(*) FROM audit_events WHERE action = 'API_CALLED'"
    )


async def test_the_log_is_not_read(world: World) -> None:
    """The counts stay when the log is pruned."""
    script = await with_key(world, world.member, "READ")
    await script.post(WHO)

    async with world.superuser.transaction():
        await world.superuser.execute("SET LOCAL session_replication_role = replica")
        await world.superuser.execute("DELETE FROM audit_events WHERE action = 'API_CALLED'")

    assert await usage(world, script.member_id, days=1) == [(days_ago(0), 1, 0)]


async def test_the_app_s_role_does_not_write_counts(database: Database, world: World) -> None:
    script = await with_key(world, world.member, "READ")
    await script.post(WHO)
    app = await database.connect()

    for statement in (
        "UPDATE api_key_days SET calls = 0",
        "DELETE FROM api_key_days",
        "INSERT INTO api_key_days SELECT account_id, api_key_id, day - 1, 1, 0 FROM api_key_days",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()


async def test_members_see_the_usage_of_their_own_keys_alone(world: World) -> None:
    id = await store_api_key(world, world.admin.member_id, "Shop")
    own = await store_api_key(world, world.member.member_id, "Till")

    answer = await world.member.post(USAGE, id=id, days=1)

    assert answer["data"]["node"] is None
    assert len((await world.member.ask(USAGE, id=own, days=1))["node"]["usage"]) == 1


async def stored_days(world: World) -> list[int]:
    """Ages in days of the stored counts."""
    return [
        row[0]
        for row in await world.superuser.fetch(
            "SELECT (now() AT TIME ZONE 'UTC')::date - day FROM api_key_days ORDER BY 1"
        )
    ]


async def test_days_that_are_no_longer_shown_are_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches, and those of all accounts."""
    monkeypatch.setattr(tidying, "_BATCH", 4)
    stranger = await world.found("Other", "stranger@example.com")
    for id in (
        await store_api_key(world, world.member.member_id, "Shop"),
        await store_api_key(world, stranger.member_id, "Till"),
    ):
        await world.superuser.execute(
            "INSERT INTO api_key_days SELECT account_id, id, (now() AT TIME ZONE 'UTC')::date - days, 1, 0"
            " FROM api_keys, unnest($2::int[]) AS days WHERE id = $1",
            uuid_of(id),
            [0, 89, 90, 91, 92, 93, 400],
        )

    await tidying.forget_expired(world.database)

    assert await stored_days(world) == [0, 0, 89, 89, 90, 90]


async def test_the_days_of_an_erased_person_s_keys_are_deleted(world: World) -> None:
    scripts = [await with_key(world, person, "READ") for person in (world.admin, world.member)]
    for script in scripts:
        await script.post(WHO)
    await world.member.change(LEAVE, accountId=world.account_id)

    assert not codes(await world.member.change(ERASE_VIEWER, email=world.member.email))

    left = await world.superuser.fetch("SELECT api_key_id FROM api_key_days")
    assert [row[0] for row in left] == [uuid_of(scripts[0].member_id)]
