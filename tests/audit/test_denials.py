"""Repeated refusals are counted instead of filling the log."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from resolvers import denials
from tests.permissions.test_refusals import UPDATE
from tests.support.changes import CHANGE_ROLE, SET_LIMITS
from tests.support.graphql_ws import connected
from tests.support.limited import limited
from tests.support.locks import until_waiting
from tests.support.world import ACCEPT, INVITE, Person, World

FORBIDDEN = {"code": "FORBIDDEN", "permission": "MANAGE_ACCOUNT"}


async def rename(person: Person, account_id: str, name: str = "Mine") -> None:
    assert await person.errors(UPDATE, input={"accountId": account_id, "name": name}) == [FORBIDDEN]


async def test_refusals_beyond_the_tenth_of_a_minute_are_one_event_with_their_number(world: World) -> None:
    async with limited(world) as (there, _):
        for number in range(60):
            await rename(there.viewer, world.account_id, f"Name {number}")
        before_the_end = await world.events(outcome="DENIED")

    last, *each = await world.events(outcome="DENIED")
    assert len(before_the_end) == 10
    assert each == before_the_end
    assert last["details"] == {"permission": "MANAGE_ACCOUNT", "repeated": 50}
    assert last["summary"] == "Viewer tried to rename the account, which needs MANAGE_ACCOUNT, 50 more times"
    names = ("action", "targetId", "targetName", "actor")
    assert [last[name] for name in names] == [each[0][name] for name in names]


async def test_many_refusals_at_once_are_counted_alike(world: World) -> None:
    async with limited(world) as (there, _):
        await asyncio.gather(*(rename(there.viewer, world.account_id) for _ in range(40)))

    events = await world.events(outcome="DENIED")
    assert len(events) == 11
    assert sum(event["details"].get("repeated", 1) for event in events) == 40


async def test_refusals_that_differ_are_counted_apart(world: World) -> None:
    other = await world.found("Other", "other@example.com")
    other_id = (await other.ask("{ account { id } }"))["account"]["id"]
    joining = await other.change(INVITE, accountId=other_id, email="viewer@example.com", role="VIEWER")
    assert joining["userErrors"] == []
    await world.viewer.change(ACCEPT, token=await world.token_for("viewer@example.com"))
    second = await world.sign_in("viewer@example.com")

    async with limited(world) as (there, _):
        viewer, again = there.viewer, replace(second, http=there.http)
        for _ in range(13):
            await rename(viewer, world.account_id)
        await rename(again, world.account_id)
        limits = {"accountId": world.account_id, "maxActiveLicenses": 1}
        assert await viewer.errors(SET_LIMITS, input=limits) == [FORBIDDEN]
        for member in [world.member] * 12 + [world.admin]:
            role = {"memberId": member.member_id, "role": "VIEWER"}
            assert await viewer.errors(CHANGE_ROLE, input=role)
        for account_id in [world.account_id] * 11 + [other_id]:
            invitation = {"accountId": account_id, "email": "x@example.com", "role": "ADMIN"}
            assert await viewer.errors(INVITE, input=invitation)

    counts = await world.superuser.fetch(
        "SELECT action, sum(coalesce((details->>'repeated')::int, 1)) AS refusals, count(*) AS events"
        " FROM audit_events WHERE outcome = 'DENIED'"
        " GROUP BY action, account_id, target_id, credential_id"
    )
    assert sorted(tuple(row) for row in counts) == [
        ("ACCOUNT_LIMITS_CHANGED", 1, 1),
        ("ACCOUNT_UPDATED", 1, 1),
        ("ACCOUNT_UPDATED", 13, 11),
        ("MEMBER_INVITED", 1, 1),
        ("MEMBER_INVITED", 11, 11),
        ("MEMBER_ROLE_CHANGED", 1, 1),
        ("MEMBER_ROLE_CHANGED", 12, 11),
    ]


async def test_the_number_is_written_when_the_minute_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "WINDOW_SECONDS", 3)
    async with limited(world) as (there, _):
        for _ in range(12):
            await rename(there.viewer, world.account_id)
        async with asyncio.timeout(20):
            while 2 not in (repeated := await _repeated(world)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    # The app of other tests may write what it has counted for them.
    assert repeated.count(2) == 1
    assert repeated.count(None) == 10


async def test_whoever_is_refused_often_keeps_no_other_refusal_out_of_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "MOST_KEPT", 2)
    async with limited(world) as (there, _):
        for _ in range(15):
            await rename(there.viewer, world.account_id)
        await rename(there.member, world.account_id)
        invitation = {"accountId": world.account_id, "email": "x@example.com", "role": "ADMIN"}
        assert await there.viewer.errors(INVITE, input=invitation)
        assert await there.member.errors(INVITE, input=invitation)
        async with asyncio.timeout(20):
            while 5 not in await _repeated(world):  # noqa: ASYNC110 - before the server ends
                await asyncio.sleep(0.1)

    events = await world.events(outcome="DENIED")
    assert [event["details"].get("repeated") for event in events].count(5) == 1
    assert len(events) == 10 + 1 + 3


async def _repeated(world: World) -> list[int | None]:
    """Of each refusal in the log: how many like it the event stands for, where it stands for several."""
    return [event["details"].get("repeated") for event in await world.events(outcome="DENIED")]


async def test_a_refusal_is_recorded_though_its_client_has_gone(world: World, superuser_url: str) -> None:
    blocking = await asyncpg.connect(superuser_url)
    try:
        await blocking.execute("BEGIN; SELECT FROM audit_heads FOR UPDATE")
        async with connected(str(world.http.base_url), world.viewer.token) as socket:
            await socket.subscribe(UPDATE, input={"accountId": world.account_id, "name": "Mine"})
            await until_waiting(world.superuser, query="INSERT INTO audit_events%")

            await socket.connection.send('{"id": "0", "type": "complete"}')
            await socket.is_open()
            await asyncio.sleep(0.2)
    finally:
        await blocking.close()

    async with asyncio.timeout(10):
        while not (denied := await world.events(outcome="DENIED")):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [event["summary"] for event in denied] == [
        "Viewer tried to rename the account, which needs MANAGE_ACCOUNT"
    ]


@pytest.mark.parametrize("test", ["one", "the next"])
async def test_a_count_is_written_before_the_next_test(world: World, test: str) -> None:
    for _ in range(12):
        await rename(world.viewer, world.account_id)

    assert len(await world.events(outcome="DENIED")) == 10
