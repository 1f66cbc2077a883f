"""Licenses are suspended, reinstated, transferred and revoked, from every status and concurrently."""

from collections import Counter
from itertools import product
from typing import Any

import pytest

from tests.processes.test_concurrency import in_either_order
from tests.support.changes import (
    CHANGE_LICENSE_SITE,
    PROVISION_LICENSE,
    REINSTATE_LICENSE,
    REMOVE,
    REVOKE_LICENSE,
    ROTATE_LICENSE_KEY,
    SET_LICENSE_EXPIRY,
    SET_LIMITS,
    SUSPEND_LICENSE,
    TRANSFER_LICENSE,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import World

STATES = ("ACTIVE", "SUSPENDED", "REVOKED", "EXPIRED", "ACTIVE and over", "SUSPENDED and over")
CHANGES = {
    "suspend": (SUSPEND_LICENSE, {"reason": "Not paid"}),
    "reinstate": (REINSTATE_LICENSE, {}),
    "transfer": (TRANSFER_LICENSE, {"toMemberId": "<viewer>"}),
    "prolong": (SET_LICENSE_EXPIRY, {"expiresAt": "2101-01-01T00:00:00Z"}),
    "move": (CHANGE_LICENSE_SITE, {"site": "moved.example.com"}),
    "rotate": (ROTATE_LICENSE_KEY, {}),
    "revoke": (REVOKE_LICENSE, {"reason": "Moved"}),
}
OUTCOMES = {
    ("suspend", "ACTIVE"): "SUSPENDED",
    ("suspend", "SUSPENDED"): "NOT_ACTIVE",
    ("reinstate", "ACTIVE"): "INVALID",
    ("reinstate", "SUSPENDED"): "ACTIVE",
    ("transfer", "ACTIVE"): "ACTIVE",
    ("transfer", "SUSPENDED"): "SUSPENDED",
    ("prolong", "ACTIVE"): "ACTIVE",
    ("prolong", "SUSPENDED"): "SUSPENDED",
    ("prolong", "EXPIRED"): "ACTIVE",
    ("prolong", "ACTIVE and over"): "ACTIVE",
    ("prolong", "SUSPENDED and over"): "ACTIVE",
    ("move", "ACTIVE"): "ACTIVE",
    ("move", "SUSPENDED"): "SUSPENDED",
    ("rotate", "ACTIVE"): "ACTIVE",
    ("rotate", "SUSPENDED"): "SUSPENDED",
    ("revoke", "REVOKED"): "NOT_ACTIVE",
}
"""The status it has afterwards, or the refusal. Any license may be revoked or get another expiry that is not
revoked; of what is over, nothing else may be done."""
EVENTS = {
    "suspend": "SUSPENDED",
    "reinstate": "REINSTATED",
    "transfer": "TRANSFERRED",
    "prolong": "EXPIRY_CHANGED",
    "move": "SITE_CHANGED",
    "rotate": "KEY_ROTATED",
    "revoke": "REVOKED",
}
ENTITLED = ("ACTIVE", "SUSPENDED")
COUNTS = """SELECT provisioned, (SELECT count(*) FROM licenses WHERE theme_id = entitlements.theme_id
    AND status IN ('ACTIVE', 'SUSPENDED')) AS live FROM entitlements"""


async def provision(world: World, theme_id: str, site: str = "a.example.com", **input: Any) -> str:
    payload = await world.member.change(
        PROVISION_LICENSE, accountId=world.account_id, themeId=theme_id, site=site, **input
    )
    assert not codes(payload), payload
    id: str = payload["license"]["id"]
    return id


async def make(world: World, license_id: str, change: str, **input: Any) -> dict[str, Any]:
    mutation, rest = CHANGES[change]
    filled = {name: world.viewer.member_id if value == "<viewer>" else value for name, value in rest.items()}
    payload: dict[str, Any] = await world.admin.change(mutation, licenseId=license_id, **{**filled, **input})
    return payload


async def in_state(world: World, theme_id: str, state: str) -> str:
    id = await provision(world, theme_id, expiresAt="2100-01-01T00:00:00Z")
    if state.startswith("SUSPENDED"):
        await make(world, id, "suspend")
    if state == "REVOKED":
        await make(world, id, "revoke")
    if state.endswith("over"):
        await world.superuser.execute("UPDATE licenses SET expires_at = now() - interval '1 second'")
    if state == "EXPIRED":
        await world.superuser.execute("UPDATE licenses SET expires_at = now(), status = 'EXPIRED'")
        await world.superuser.execute("UPDATE entitlements SET provisioned = 0")
    return id


async def counted(world: World) -> int:
    """As the entitlement counts and the rows are."""
    ((provisioned, live),) = await world.superuser.fetch(COUNTS)
    assert provisioned == live
    return int(live)


@pytest.mark.parametrize(("change", "state"), list(product(CHANGES, STATES)))
async def test_every_change_from_every_state(
    world: World, themes: dict[str, str], change: str, state: str
) -> None:
    id = await in_state(world, themes["aurora"], state)
    expected = OUTCOMES.get((change, state), "REVOKED" if change == "revoke" else "NOT_ACTIVE")

    if expected in ("NOT_ACTIVE", "INVALID"):
        before = await counted(world)
        async with nothing_changes(world):
            assert user_error(await make(world, id, change)) == (expected, ["licenseId"])
        assert await counted(world) == before
        return
    payload = await make(world, id, change)

    assert (codes(payload), payload["license"]["status"]) == ([], expected)
    assert await counted(world) == int(expected in ENTITLED)
    events = await world.events()
    assert actions(events)[0] == f"LICENSE_{EVENTS[change]}"
    assert actions(events).count("LICENSE_EXPIRED") == int(state.endswith("over"))


async def test_what_the_log_says(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])

    suspended = await make(world, id, "suspend", reason=" Not\n paid ")
    reinstated = await make(world, id, "reinstate")
    transferred = await make(world, id, "transfer")

    assert [each["license"]["holder"]["id"] for each in (suspended, reinstated, transferred)] == [
        world.member.member_id,
        world.member.member_id,
        world.viewer.member_id,
    ]
    events = (await world.events())[:3]
    assert [(event["summary"], event["details"]) for event in reversed(events)] == [
        (
            "Admin suspended Aurora for a.example.com",
            {"status": ["ACTIVE", "SUSPENDED"], "reason": "Not\n paid"},
        ),
        ("Admin reinstated Aurora for a.example.com", {"status": ["SUSPENDED", "ACTIVE"]}),
        (
            "Admin transferred Aurora for a.example.com from Member to Viewer",
            {"holder": ["Member", "Viewer"]},
        ),
    ]
    assert {(event["targetId"], event["targetName"]) for event in events} == {
        (id, "Aurora for a.example.com")
    }


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 1_001, "a\x07b"])
async def test_suspending_needs_a_reason(world: World, themes: dict[str, str], reason: str) -> None:
    id = await provision(world, themes["aurora"])

    async with nothing_changes(world):
        assert user_error(await make(world, id, "suspend", reason=reason)) == ("INVALID", ["reason"])


async def test_a_suspended_license_keeps_its_entitlement_and_its_site(
    world: World, themes: dict[str, str]
) -> None:
    id = await provision(world, themes["aurora"])
    await make(world, id, "suspend")

    async with nothing_changes(world):
        input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
        assert user_error(await world.member.change(PROVISION_LICENSE, **input)) == ("INVALID", ["site"])
    assert await counted(world) == 1


async def test_to_its_holder_it_is_transferred_already(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])

    async with nothing_changes(world):
        payload = await make(world, id, "transfer", toMemberId=world.member.member_id)
    assert (codes(payload), payload["license"]["holder"]["id"]) == ([], world.member.member_id)


@pytest.mark.parametrize(
    ("to", "expected"),
    [("x", "NOT_FOUND"), ("<stranger>", "NOT_FOUND"), ("<license>", "NOT_FOUND"), ("<gone>", "NOT_ACTIVE")],
)
async def test_nobody_to_hold_it(world: World, themes: dict[str, str], to: str, expected: str) -> None:
    id = await provision(world, themes["aurora"])
    stranger = await world.found("Other", "stranger@example.com")
    await world.admin.change(REMOVE, memberId=world.viewer.member_id)
    to = {"<stranger>": stranger.member_id, "<license>": id, "<gone>": world.viewer.member_id}.get(to, to)

    async with nothing_changes(world):
        assert user_error(await make(world, id, "transfer", toMemberId=to)) == (expected, ["toMemberId"])


@pytest.mark.parametrize("change", CHANGES)
async def test_a_license_of_another_account_is_none(
    world: World, themes: dict[str, str], change: str
) -> None:
    id = await provision(world, themes["aurora"])
    world.people["ADMIN"] = await world.found("Other", "stranger@example.com")

    for asked in (id, "x", "license_" + "0" * 32, world.account_id):
        async with nothing_changes(world):
            assert user_error(await make(world, asked, change)) == ("NOT_FOUND", ["licenseId"])


async def test_the_account_s_cap_counts_what_is_reinstated(world: World, themes: dict[str, str]) -> None:
    first = await provision(world, themes["aurora"])
    await make(world, first, "suspend")
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxActiveLicenses=1)
    second = await provision(world, themes["aurora"], "b.example.com")

    async with nothing_changes(world):
        refused = await make(world, first, "reinstate")
    assert user_error(refused) == ("LICENSE_LIMIT_REACHED", ["licenseId"])
    assert (refused["userErrors"][0]["limit"], refused["userErrors"][0]["used"]) == (1, 1)
    await make(world, second, "suspend")
    assert not codes(await make(world, first, "reinstate"))


PAIRS = [
    ("suspend", "suspend", "ACTIVE", [{"OK", "NOT_ACTIVE"}]),
    ("revoke", "revoke", "ACTIVE", [{"OK", "NOT_ACTIVE"}]),
    ("reinstate", "reinstate", "SUSPENDED", [{"OK", "INVALID"}]),
    ("reinstate", "revoke", "SUSPENDED", [{"OK"}, {"OK", "NOT_ACTIVE"}]),
    ("suspend", "revoke", "ACTIVE", [{"OK"}, {"OK", "NOT_ACTIVE"}]),
    ("transfer", "revoke", "ACTIVE", [{"OK"}, {"OK", "NOT_ACTIVE"}]),
    ("prolong", "revoke", "ACTIVE", [{"OK"}, {"OK", "NOT_ACTIVE"}]),
    ("move", "revoke", "ACTIVE", [{"OK"}, {"OK", "NOT_ACTIVE"}]),
    ("rotate", "rotate", "ACTIVE", [{"OK"}]),
    ("rotate", "revoke", "ACTIVE", [{"OK"}, {"OK", "NOT_ACTIVE"}]),
]


@pytest.mark.parametrize(("one", "other", "state", "due"), PAIRS)
async def test_two_at_once(
    world: World, themes: dict[str, str], one: str, other: str, state: str, due: list[set[str]]
) -> None:
    seen = Counter[tuple[str, ...]]()
    for number in range(4):
        id = await in_state(world, themes["aurora"], state)
        posts = []
        for change in (one, other):
            mutation, rest = CHANGES[change]
            input = {
                name: world.viewer.member_id if text == "<viewer>" else text for name, text in rest.items()
            }
            posts.append(world.admin.post(mutation, input={"licenseId": id, **input}))

        outcomes = await in_either_order(number, *posts)

        assert set(outcomes) in due
        seen[tuple(outcomes)] += 1
        if "revoke" not in (one, other):
            await make(world, id, "revoke")
        assert await counted(world) == 0
    done = sum(outcome == "OK" for outcomes, times in seen.items() for outcome in outcomes * times)
    events = [action for action in actions(await world.events()) if action.startswith("LICENSE_")]
    arranged = {"ACTIVE": 1, "SUSPENDED": 2}[state] + int("revoke" not in (one, other))
    assert len(events) == done + 4 * arranged


async def test_a_new_holder_reads_the_key_and_the_old_one_does_not(
    world: World, themes: dict[str, str]
) -> None:
    id = await provision(world, themes["aurora"])
    query = "query ($id: ID!) { node(id: $id) { ... on License { key } } }"
    key = (await world.member.ask(query, id=id))["node"]["key"]

    await make(world, id, "transfer")

    assert (await world.viewer.ask(query, id=id))["node"]["key"] == key
    assert await world.member.errors(query, id=id) == [{"code": "FORBIDDEN", "permission": "REVOKE_LICENSES"}]


async def test_a_transfer_crosses_the_removal_of_who_is_to_hold_it(
    world: World, themes: dict[str, str]
) -> None:
    """No license is left with somebody who has gone."""
    await world.grant("aurora", 5)
    seen = Counter[str]()
    for number in range(6):
        heir = await world.join("MEMBER", f"heir{number}@example.com")
        id = await provision(world, themes["aurora"], f"s{number}.example.com")
        posts = [
            world.admin.post(TRANSFER_LICENSE, input={"licenseId": id, "toMemberId": heir.member_id}),
            world.admin.post(REMOVE, input={"memberId": heir.member_id}),
        ]

        transferred, removed = await in_either_order(number, *posts)

        assert removed == "OK"
        seen[transferred] += 1
    assert set(seen) <= {"OK", "NOT_ACTIVE"}
    holders = "SELECT email FROM licenses JOIN members ON members.id = holder_id"
    held_by = Counter(row["email"] for row in await world.superuser.fetch(holders))
    due = {"admin@example.com": seen["OK"], "member@example.com": seen["NOT_ACTIVE"]}
    assert held_by == Counter(due)
