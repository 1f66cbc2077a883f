"""What checks of licenses cost, and how unknown keys are kept from those who have valid ones."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import islice
from typing import Any

import asyncpg
import pytest

from engine.fair_share import Claim
from permissions.tokens import new_api_key
from resolvers.licenses.keys import new_license_key
from tests.licenses.test_license_changes import provision
from tests.licenses.test_license_checks import key_of, verify
from tests.support.limited import asked, limited
from tests.support.live import statements
from tests.support.world import World
from web import license_key_limits
from web.app_state import State

SITE = "a.example.com"


async def keys_of(world: World) -> list[str]:
    return [row[0] for row in await world.superuser.fetch("SELECT key FROM licenses ORDER BY site")]


@contextmanager
def writes(state: State) -> Iterator[list[str]]:
    """Statements of the transactions that the server begins during the block."""
    found: list[str] = []

    @asynccontextmanager
    async def noting(claim: Claim = Claim()) -> AsyncIterator[asyncpg.Connection]:  # noqa: B008 - frozen
        async with transaction(claim) as connection:
            connection.add_query_logger(note := lambda record: found.append(record.query))
            yield connection
            connection.remove_query_logger(note)

    database: Any = state.database
    transaction, database.transaction = database.transaction, noting
    yield found
    database.transaction = transaction


async def test_a_check_takes_one_statement_and_all_of_them_share_a_deferred_one(
    world: World, themes: dict[str, str]
) -> None:
    for number in range(3):
        await provision(world, themes["aurora"], f"{number}.example.com")
    keys, before = await keys_of(world), await world.events()

    async with limited(world) as (there, state):
        await verify(there, keys[0], "0.example.com")
        await state.license_check_notes.close()  # The first one also asks for the types of arrays.
        await world.superuser.execute("UPDATE licenses SET last_verified_at = NULL")
        with statements(state) as reads, writes(state) as deferred:
            for _ in range(10):
                for number, key in enumerate(keys):
                    assert (await verify(there, key, f"{number}.example.com"))["status"] == "VALID"
            written_at_once = deferred.copy()
            await state.license_check_notes.close()
        noted = await world.superuser.fetchval("SELECT count(last_verified_at) FROM licenses")

    assert (len(reads), len(set(reads)), written_at_once) == (30, 1, [])
    assert deferred == ["SELECT note_license_checks($1, $2, $3, $4, $5)"]
    assert noted == 3
    assert await world.events() == before


async def test_a_license_is_found_along_indexes(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])

    async with limited(world) as (there, state):
        with statements(state) as reads:
            await verify(there, await key_of(world), SITE)
        async with world.superuser.transaction():
            await world.superuser.execute("SET LOCAL enable_seqscan = off")
            plan = await world.superuser.fetch(f"EXPLAIN {reads[0]}", "TL", b"")

    text = "\n".join(row[0] for row in plan)
    assert "uq_licenses_key" in text
    assert "Seq Scan" not in text


async def unknown(there: World) -> int:
    body = {"key": new_license_key(), "site": SITE}
    return (await there.http.post("/licenses/verify", json=body)).status_code


async def test_a_flood_of_unknown_keys_does_not_refuse_a_valid_one(
    world: World, themes: dict[str, str]
) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)

    async with limited(world, per_address=20, license_checks_per_minute=100) as (there, _):
        await verify(there, key, SITE)
        flood = asyncio.gather(*(unknown(there) for _ in range(1_000)))
        told = [(await verify(there, key, SITE))["status"] for _ in range(50)]
        statuses = Counter(await flood)

    assert told == ["VALID"] * 50
    assert statuses[200] + statuses[429] == 1_000
    assert statuses[429] > 900


async def test_answers_to_refused_requests_are_delayed_for_some_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    delay_end = asyncio.Event()
    monkeypatch.setattr(license_key_limits, "_MOST_DELAYED", 1)
    monkeypatch.setattr(license_key_limits, "sleep", lambda _seconds: delay_end.wait())

    async with limited(world, per_address=1) as (there, state):
        assert await unknown(there) == 200
        delayed = asyncio.create_task(unknown(there))
        async with asyncio.timeout(10):
            while not state.license_keys._delayed:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        others = [await unknown(there) for _ in range(3)]
        is_done = delayed.done()
        delay_end.set()

        assert (others, is_done, await delayed) == ([429] * 3, False, 429)


async def test_unknown_keys_of_an_address_over_its_limit_are_looked_up_one_at_a_time(world: World) -> None:
    async with limited(world, per_address=2) as (there, state), AsyncExitStack() as stack:
        while await unknown(there) == 200:
            pass
        await stack.enter_async_context(world.superuser.transaction())
        await world.superuser.execute("LOCK TABLE licenses IN ACCESS EXCLUSIVE MODE")
        flood = [asyncio.create_task(unknown(there)) for _ in range(50)]
        async with asyncio.timeout(10):
            refused = [await each for each in islice(asyncio.as_completed(flood), 49)]
        lent, waiting = state.database.reading.lent, [each for each in flood if not each.done()]
        await stack.aclose()
        await asyncio.gather(*flood)

    assert (lent, len(waiting), refused) == (1, 1, [429] * 49)


async def test_unknown_keys_of_both_kinds_use_half_of_the_connections_together(world: World) -> None:
    async with limited(world, database_pool_size=4) as (there, state), AsyncExitStack() as stack:
        await asked(there.admin)
        await stack.enter_async_context(world.superuser.transaction())
        await world.superuser.execute("LOCK TABLE licenses, api_keys IN ACCESS EXCLUSIVE MODE")
        waiting = [
            asyncio.create_task(each)
            for _ in range(8)
            for each in (
                there.http.post("/licenses/verify", json={"key": new_license_key(), "site": SITE}),
                asked(there.admin, token=new_api_key()[0]),
            )
        ]
        async with asyncio.timeout(10):
            while state.database.reading.lent < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        lent = []
        for _ in range(10):
            await asyncio.sleep(0.02)
            lent.append(state.database.reading.lent)
        await stack.aclose()
        statuses = {each.status_code for each in await asyncio.gather(*waiting)}

    assert max(lent) == 2
    assert statuses == {200, 401}
