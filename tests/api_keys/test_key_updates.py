"""An API key can be narrowed and never widened, by its member and by Admins."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from resolvers.accounts import operator
from tests.support.changes import UPDATE_API_KEY, nothing_changes, user_error
from tests.support.downloads import a_license, a_link
from tests.support.locks import until_waiting
from tests.support.stored_keys import with_key
from tests.support.world import PROVISION, World

ROUNDS = 25
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
NODE = "query ($id: ID!) { node(id: $id) { ... on ApiKey { scopes effectivePermissions } } }"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no scope": ({"scopes": []}, "must keep a scope: name some of READ, PROVISION"),
    "another scope": ({"scopes": ["READ", "TEAM"]}, "name some of READ, PROVISION, or generate another key"),
    "scopes: null": ({"scopes": None}, "omit it"),
    "no end": ({"expiresAt": None}, "omit it"),
    "a later end": ({"expiresAt": (SOON + timedelta(seconds=1)).isoformat()}, "can only expire earlier"),
    "an end in the past": ({"expiresAt": "2020-01-01T00:00:00Z"}, "revoke it to end it now"),
    "no name": ({"name": " "}, ""),
    "name: null": ({"name": None}, "omit it"),
    "networks: null": ({"allowedNetworks": None}, "omit it"),
}


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER"])
async def test_the_member_and_admins_narrow_a_key(world: World, role: str) -> None:
    script = await with_key(world, world.member, "READ", "PROVISION", expires_at=f"'{SOON.isoformat()}'")
    end = SOON - timedelta(days=20)

    payload = await world.people[role].change(
        UPDATE_API_KEY, apiKeyId=script.member_id, name="Shop", scopes=["READ"], expiresAt=end.isoformat()
    )

    assert payload["userErrors"] == []
    assert payload["apiKey"]["name"] == "Shop"
    assert payload["apiKey"]["scopes"] == ["READ"]
    (event,) = await world.events(actions=["API_KEY_UPDATED"])
    assert event["details"] == {
        "name": ["Script", "Shop"],
        "scopes": [["READ", "PROVISION"], ["READ"]],
        "expiresAt": [SOON.isoformat(), end.isoformat()],
        "member": "Member",
        "prefix": "ta_Script",
    }
    told = await world.admin.ask(NODE, id=script.member_id)
    assert "PROVISION_LICENSES" not in told["node"]["effectivePermissions"]


async def test_an_update_that_changes_nothing_leaves_no_event(world: World) -> None:
    script = await with_key(world, world.member, "READ", expires_at=f"'{SOON.isoformat()}'")

    async with nothing_changes(world):
        for values in ({}, {"scopes": ["READ"]}, {"expiresAt": SOON.isoformat()}, {"name": "Script"}):
            payload = await world.admin.change(UPDATE_API_KEY, apiKeyId=script.member_id, **values)
            assert payload["userErrors"] == []


@pytest.mark.parametrize("case", REFUSED)
async def test_what_would_widen_a_key_changes_nothing(world: World, case: str) -> None:
    values, message = REFUSED[case]
    script = await with_key(world, world.member, "READ", "PROVISION", expires_at=f"'{SOON.isoformat()}'")

    async with nothing_changes(world):
        payload = await world.admin.change(UPDATE_API_KEY, apiKeyId=script.member_id, **values)

    assert user_error(payload) == ("INVALID", list(values))
    assert message in payload["userErrors"][0]["message"]


@pytest.mark.parametrize("ending", [{"revoked_at": "now()"}, {"expires_at": "now()"}])
async def test_a_key_that_has_ended_is_not_changed(world: World, ending: dict[str, str]) -> None:
    script = await with_key(world, world.member, "READ", **ending)

    async with nothing_changes(world):
        payload = await world.admin.change(UPDATE_API_KEY, apiKeyId=script.member_id, name="Shop")

    assert user_error(payload) == ("NOT_ACTIVE", ["apiKeyId"])


async def test_a_link_ends_with_the_scope_that_it_needs(world: World, themes: dict[str, str]) -> None:
    script = await with_key(world, world.member, "READ", "PROVISION")
    link = await a_link(world, await a_license(world, themes["aurora"]), by=script)

    await world.member.change(UPDATE_API_KEY, apiKeyId=script.member_id, scopes=["READ"])

    assert (await world.http.get(link)).status_code == 403


async def test_narrowing_a_key_while_it_provisions(world: World, themes: dict[str, str]) -> None:
    """Either the license is committed before the key is narrowed, or it is refused and nothing is."""
    await operator.grant_entitlement(world.database, "acme", "aurora", ROUNDS)
    order = {"provisioned": 0, "refused": 0}
    for round in range(ROUNDS):
        script = await with_key(world, world.member, "READ", "PROVISION")
        site = f"r{round}.example.com"
        input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": site}

        provision = partial(script.post, PROVISION, input=input)
        narrow = partial(world.admin.change, UPDATE_API_KEY, apiKeyId=script.member_id, scopes=["READ"])
        if round == 0:
            narrowed, answer = await _in_order(world, narrow, provision)
        elif round == 1:
            answer, narrowed = await _in_order(world, provision, narrow)
        else:
            answering = asyncio.create_task(provision())
            await asyncio.sleep(0.02 * (round % 2))
            narrowed, answer = await narrow(), await answering

        assert narrowed["userErrors"] == []
        events = await world.events(actions=["API_KEY_UPDATED", "LICENSE_PROVISIONED"])
        if "errors" in answer:
            (error,) = answer["errors"]
            assert error["extensions"] == {"code": "FORBIDDEN", "permission": "PROVISION_LICENSES"}
            assert [(each["action"], each["outcome"]) for each in events[:2]].count(
                ("LICENSE_PROVISIONED", "DENIED")
            ) == 1
            order["refused"] += 1
        else:
            assert answer["data"]["provisionLicense"]["userErrors"] == []
            provisioned = next(each for each in events if each["action"] == "LICENSE_PROVISIONED")
            updated = next(each for each in events if each["action"] == "API_KEY_UPDATED")
            assert provisioned["sequence"] < updated["sequence"]
            order["provisioned"] += 1
        count = await world.superuser.fetchval("SELECT count(*) FROM licenses WHERE site = $1", site)
        assert count == (0 if "errors" in answer else 1)
    assert all(order.values()), order


async def _in_order(world: World, *changes: Callable[[], Coroutine[Any, Any, Any]]) -> list[Any]:
    """Answers to changes that have begun, and get the lock of the account in this order."""
    begun: list[asyncio.Task[Any]] = []
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT FROM accounts FOR UPDATE")
        for change in changes:
            begun.append(asyncio.create_task(change()))
            await until_waiting(world.superuser, len(begun))
    return await asyncio.gather(*begun)
