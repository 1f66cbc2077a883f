"""Parts of a file that are asked for by one link are told of together."""

import asyncio
from datetime import timedelta

import pytest

from resolvers.downloads import transfers
from tests.processes.test_faults import account_held
from tests.support.downloads import a_license, a_link
from tests.support.limited import limited
from tests.support.world import World

PARTS = 100
NOTED_LAST = "SELECT max(seen_at) FROM transfers"


@pytest.fixture
async def path(world: World, themes: dict[str, str]) -> str:
    return await a_link(world, await a_license(world, themes["aurora"]))


async def parts(world: World, path: str, count: int) -> None:
    for _ in range(count):
        answer = await world.http.get(path, headers={"range": "bytes=0-0"})
        assert (answer.status_code, len(answer.content)) == (206, 1)


async def wholes(world: World, path: str, count: int) -> int:
    sizes = [len((await world.http.get(path)).content) for _ in range(count)]
    assert sizes == sizes[:1] * count
    return sizes[0]


async def downloads(world: World) -> list[dict[str, object]]:
    events = await world.events(actions=["THEME_FILE_DOWNLOADED"])
    return [event["details"] for event in events]


async def test_parts_beyond_the_first_are_one_event_with_all_their_bytes(world: World, path: str) -> None:
    async with limited(world) as (there, _):
        await parts(there, path, PARTS)
        before_the_end = await downloads(world)

    rest, first = await downloads(world)
    assert before_the_end == [first]
    assert (first["bytes"], str(first["range"]).startswith("bytes 0-0/")) == (1, True)
    assert (rest["bytes"], rest["parts"], rest["complete"]) == (PARTS - 1, PARTS - 1, False)
    assert "range" not in rest
    assert await world.superuser.fetchval("SELECT count(*) FROM transfers") == 0


async def test_parts_that_go_out_at_once_are_counted_once_each(world: World, path: str) -> None:
    async with limited(world) as (there, _):
        await asyncio.gather(*(parts(there, path, 10) for _ in range(10)))

    assert [each["bytes"] for each in await downloads(world)] == [99, 1]


async def test_parts_of_a_process_that_was_killed_are_audited_by_the_worker(world: World, path: str) -> None:
    async with limited(world) as (there, _):
        await parts(there, path, 20)
        async with asyncio.timeout(10):
            while await world.superuser.fetchval("SELECT count(*) FROM transfers") > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        async with asyncio.timeout(10):
            # A row that its process updates meanwhile is not lost.
            while await world.superuser.fetchval("SELECT count(*) FROM transfers"):
                await transfers.audit_lost(world.database, 0)
        rest, first = await downloads(world)
        await parts(there, path, 5)

    assert (first["bytes"], rest["bytes"], rest["parts"]) == (1, 19, 19)
    assert sum(int(str(each["bytes"])) for each in await downloads(world)) == 25


async def test_a_file_that_is_asked_for_as_a_whole_many_times_is_told_of_together(
    world: World, path: str
) -> None:
    async with limited(world) as (there, _):
        size = await wholes(there, path, 50)

    rest, *alone = await downloads(world)
    assert [(each["bytes"], each["complete"]) for each in alone] == [(size, True)] * 10
    assert (rest["bytes"], rest["parts"], rest["complete"]) == (40 * size, 40, False)


@pytest.mark.parametrize(
    ("network", "events"), [("2001:db8::{}", 2), ("2001:db8:{}::1", 11), ("198.51.100.{}", 11)]
)
async def test_parts_for_many_addresses_are_told_of_together(
    world: World, path: str, network: str, events: int
) -> None:
    async with limited(world, trusted_proxies=("127.0.0.1",)) as (there, _):
        for number in range(40):
            there.http.headers["x-forwarded-for"] = network.format(number)
            await parts(there, path, 1)

    told = await downloads(world)
    assert len(told) == events
    assert sum(int(str(each["bytes"])) for each in told) == 40


async def test_parts_that_wait_for_a_lock_to_be_audited_keep_no_other_transfer_from_being_noted(
    world: World, themes: dict[str, str], path: str
) -> None:
    async with limited(world, download_lifetime_seconds=2) as (there, _):
        await parts(there, path, 5)
        short = await a_link(there, await a_license(world, themes["aurora"], "short.example.com"))
        await parts(there, short, 5)
        async with account_held(world), asyncio.timeout(9):
            over_at = await world.superuser.fetchval("SELECT min(expires_at) FROM download_links")
            while await world.superuser.fetchval(NOTED_LAST) < over_at + timedelta(seconds=3):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    assert sum(int(str(each["bytes"])) for each in await downloads(world)) == 10
