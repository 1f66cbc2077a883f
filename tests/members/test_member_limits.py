"""Limits of a member: how many active licenses it holds, and of which themes."""

import asyncio
from typing import Any

import pytest

from tests.support.changes import (
    CHANGE_ROLE,
    PROVISION_LICENSE,
    REINSTATE_LICENSE,
    REMOVE,
    SET_LIMITS,
    SET_MEMBER_LIMITS,
    SUSPEND_LICENSE,
    TRANSFER_LICENSE,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.downloads import REQUEST_DOWNLOAD, a_file, a_license, a_link
from tests.support.stored_keys import with_key
from tests.support.world import Person, World

LIMITS = "{ account { viewerMember { limits { maxActiveLicenses activeLicenses themes { slug } } } } }"
ROUNDS = 25


async def limit(world: World, person: Person, **limits: Any) -> None:
    payload = await world.admin.change(SET_MEMBER_LIMITS, memberId=person.member_id, **limits)
    assert not codes(payload), payload


async def provision(world: World, by: Person, theme_id: str, site: str, **input: Any) -> dict[str, Any]:
    payload: dict[str, Any] = await by.change(
        PROVISION_LICENSE, accountId=world.account_id, themeId=theme_id, site=f"{site}.example.com", **input
    )
    return payload


async def refused(payload: dict[str, Any], code: str, path: str, *words: str) -> None:
    assert user_error(payload) == (code, [path])
    assert all(word in payload["userErrors"][0]["message"] for word in words), payload


async def test_limits_are_set_one_by_one_and_lifted(world: World, themes: dict[str, str]) -> None:
    await limit(world, world.member, maxActiveLicenses=2)
    await limit(world, world.member, themeIds=[themes["basalt"], themes["aurora"], themes["basalt"]])

    assert (await world.member.ask(LIMITS))["account"]["viewerMember"]["limits"] == {
        "maxActiveLicenses": 2,
        "activeLicenses": 0,
        "themes": [{"slug": "aurora"}, {"slug": "basalt"}],
    }
    await limit(world, world.member, maxActiveLicenses=None)
    await limit(world, world.member, themeIds=None)
    own = (await world.member.ask(LIMITS))["account"]["viewerMember"]["limits"]
    assert own == {"maxActiveLicenses": None, "activeLicenses": 0, "themes": None}
    events = await world.events(actions=["MEMBER_LIMITS_CHANGED"])
    assert [event["details"] for event in events] == [
        {"themes": [["aurora", "basalt"], None]},
        {"maxActiveLicenses": [2, None]},
        {"themes": [None, ["aurora", "basalt"]]},
        {"maxActiveLicenses": [None, 2]},
    ]
    assert events[0]["summary"] == "Admin changed the limits of Member"
    assert events[0]["targetId"] == world.member.member_id


async def test_the_same_limits_again_are_no_event(world: World, themes: dict[str, str]) -> None:
    await limit(world, world.member, maxActiveLicenses=2, themeIds=list(themes.values()))

    async with nothing_changes(world):
        await limit(world, world.member, maxActiveLicenses=2, themeIds=list(reversed(themes.values())))
        await limit(world, world.member)
        await limit(world, world.viewer, themeIds=None)


async def test_bad_limits_change_nothing(world: World, themes: dict[str, str]) -> None:
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now() WHERE slug = 'basalt'")
    aurora, basalt = themes["aurora"], themes["basalt"]
    bad: tuple[tuple[dict[str, Any], str, list[str]], ...] = (
        ({"maxActiveLicenses": -1}, "INVALID", ["maxActiveLicenses"]),
        ({"themeIds": [aurora, basalt]}, "NOT_FOUND", ["themeIds", "1"]),
        ({"themeIds": ["theme_" + "0" * 32]}, "NOT_FOUND", ["themeIds", "0"]),
        ({"themeIds": [aurora, world.account_id]}, "NOT_FOUND", ["themeIds", "1"]),
        ({"themeIds": [aurora] * 1_001}, "INVALID", ["themeIds"]),
        ({"maxActiveLicenses": 3, "themeIds": ["x"]}, "NOT_FOUND", ["themeIds", "0"]),
    )

    async with nothing_changes(world):
        for limits, code, path in bad:
            payload = await world.admin.change(SET_MEMBER_LIMITS, memberId=world.member.member_id, **limits)
            assert user_error(payload) == (code, path), limits
        too_large = {"memberId": world.member.member_id, "maxActiveLicenses": 2**31}
        answer = await world.admin.post(SET_MEMBER_LIMITS, input=too_large)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_withdrawn_theme_may_stay_in_the_limits(world: World, themes: dict[str, str]) -> None:
    await limit(world, world.member, themeIds=[themes["basalt"]])
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now() WHERE slug = 'basalt'")

    await limit(world, world.member, themeIds=[themes["basalt"], themes["aurora"]])

    own = (await world.member.ask(LIMITS))["account"]["viewerMember"]["limits"]["themes"]
    assert own == [{"slug": "aurora"}, {"slug": "basalt"}]


async def test_a_removed_member_has_no_limits_to_set(world: World) -> None:
    await world.admin.change(REMOVE, memberId=world.member.member_id)

    async with nothing_changes(world):
        payload = await world.admin.change(
            SET_MEMBER_LIMITS, memberId=world.member.member_id, maxActiveLicenses=1
        )
        assert user_error(payload) == ("NOT_ACTIVE", ["memberId"])


@pytest.mark.parametrize("by_key", [False, True])
async def test_provisioning_keeps_the_limits(world: World, themes: dict[str, str], by_key: bool) -> None:
    await world.grant("basalt", 5)
    await limit(world, world.member, maxActiveLicenses=1, themeIds=[themes["aurora"]])
    by = await with_key(world, world.member, "PROVISION") if by_key else world.member
    assert not codes(await provision(world, by, themes["aurora"], "a"))

    before = await world.rows()

    other = await provision(world, by, themes["basalt"], "b")
    second = await provision(world, by, themes["aurora"], "c")

    await refused(other, "THEME_NOT_ALLOWED", "themeId", "Aurora", "ask an Admin")
    await refused(second, "LICENSE_LIMIT_REACHED", "themeId", "1 active", "another member")
    assert await world.rows() == before
    assert (second["userErrors"][0]["limit"], second["userErrors"][0]["used"]) == (1, 1)


async def test_an_empty_list_allows_no_theme(world: World, themes: dict[str, str]) -> None:
    await limit(world, world.member, themeIds=[])

    async with nothing_changes(world):
        payload = await provision(world, world.member, themes["aurora"], "a")
        await refused(payload, "THEME_NOT_ALLOWED", "themeId", "no theme")


async def test_the_holder_has_its_own_limits(world: World, themes: dict[str, str]) -> None:
    """A member who may not read the limits of the holder is not told what they are."""
    await world.grant("basalt", 5)
    holder = {"holderId": world.viewer.member_id}
    await limit(world, world.viewer, maxActiveLicenses=0, themeIds=[themes["aurora"]])

    async with nothing_changes(world):
        for by, is_told in ((world.member, False), (world.admin, True)):
            payload = await provision(world, by, themes["basalt"], "b", **holder)
            await refused(payload, "THEME_NOT_ALLOWED", "holderId", "Viewer")
            assert ("Aurora" in payload["userErrors"][0]["message"]) == is_told
            payload = await provision(world, by, themes["aurora"], "a", **holder)
            await refused(payload, "LICENSE_LIMIT_REACHED", "holderId", "Viewer")
            assert ("limit" in payload["userErrors"][0]) == is_told


async def test_what_the_provisioner_holds_counts_only_if_it_holds_the_license(
    world: World, themes: dict[str, str]
) -> None:
    await limit(world, world.member, maxActiveLicenses=0)

    payload = await provision(world, world.member, themes["aurora"], "a")
    assert codes(payload) == ["LICENSE_LIMIT_REACHED"]
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "b.example.com"}
    answer = await world.member.post(PROVISION_LICENSE, input={**input, "holderId": world.viewer.member_id})

    assert answer["data"]["provisionLicense"]["userErrors"] == []


async def test_transferring_keeps_the_limits_of_the_receiver(world: World, themes: dict[str, str]) -> None:
    license_id = await a_license(world, themes["aurora"])
    to = {"licenseId": license_id, "toMemberId": world.viewer.member_id}
    await limit(world, world.viewer, maxActiveLicenses=0)

    async with nothing_changes(world):
        payload = await world.admin.change(TRANSFER_LICENSE, **to)
        await refused(payload, "LICENSE_LIMIT_REACHED", "toMemberId", "raise the limit")
    await limit(world, world.viewer, maxActiveLicenses=1, themeIds=[themes["basalt"]])
    async with nothing_changes(world):
        payload = await world.admin.change(TRANSFER_LICENSE, **to)
        await refused(payload, "THEME_NOT_ALLOWED", "toMemberId", "Basalt", "change the limits")
    await limit(world, world.viewer, themeIds=None)
    assert not codes(await world.admin.change(TRANSFER_LICENSE, **to))


async def test_a_suspended_license_counts_once_it_is_reinstated(world: World, themes: dict[str, str]) -> None:
    license_id = await a_license(world, themes["aurora"])
    await world.admin.change(SUSPEND_LICENSE, licenseId=license_id, reason="Not paid")
    await limit(world, world.viewer, maxActiveLicenses=0)
    to = {"licenseId": license_id, "toMemberId": world.viewer.member_id}
    assert not codes(await world.admin.change(TRANSFER_LICENSE, **to))

    async with nothing_changes(world):
        payload = await world.admin.change(REINSTATE_LICENSE, licenseId=license_id)
        await refused(payload, "LICENSE_LIMIT_REACHED", "licenseId", "Viewer")


async def test_an_heir_is_given_what_its_limits_allow(world: World, themes: dict[str, str]) -> None:
    await a_license(world, themes["aurora"])
    removal = {"memberId": world.member.member_id, "transferLicensesTo": world.viewer.member_id}
    await limit(world, world.viewer, themeIds=[themes["basalt"]])
    async with nothing_changes(world):
        payload = await world.admin.change(REMOVE, **removal)
        await refused(payload, "THEME_NOT_ALLOWED", "transferLicensesTo", "Basalt")
    await limit(world, world.viewer, themeIds=None, maxActiveLicenses=0)
    async with nothing_changes(world):
        payload = await world.admin.change(REMOVE, **removal)
        await refused(payload, "LICENSE_LIMIT_REACHED", "transferLicensesTo", "raise the limit")

    assert not codes(await world.admin.change(REMOVE, memberId=world.member.member_id))


async def test_files_of_other_themes_are_not_downloaded(world: World, themes: dict[str, str]) -> None:
    """A license that is held already stays, but its files are not for the member any more."""
    license_id = await a_license(world, themes["aurora"])
    path, file = await a_link(world, license_id), await a_file(world)
    await limit(world, world.member, themeIds=[themes["basalt"]])

    async with nothing_changes(world):
        payload = await world.member.change(REQUEST_DOWNLOAD, licenseId=license_id, fileId=file["id"])
        await refused(payload, "THEME_NOT_ALLOWED", "licenseId", "Basalt", "ask an Admin")
        opened = await world.http.get(path)
    assert (opened.status_code, opened.json()["error"]["code"]) == (403, "THEME_NOT_ALLOWED")
    assert await world.superuser.fetchval("SELECT status FROM licenses") == "ACTIVE"


async def test_limits_rest_while_the_member_is_an_admin(world: World, themes: dict[str, str]) -> None:
    await limit(world, world.member, maxActiveLicenses=0, themeIds=[])
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="ADMIN")
    license_id = await a_license(world, themes["aurora"])
    path = await a_link(world, license_id)
    assert (await world.http.head(path)).status_code == 200

    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="MEMBER")

    assert (await world.http.head(path)).status_code == 403
    payload = await provision(world, world.member, themes["aurora"], "b")
    await refused(payload, "THEME_NOT_ALLOWED", "themeId")


async def test_the_catalog_stays_visible(world: World, themes: dict[str, str]) -> None:
    await limit(world, world.member, themeIds=[])

    assert (await world.member.ask("{ catalog { totalCount } }"))["catalog"]["totalCount"] == len(themes)


async def test_a_limit_is_lowered_while_the_member_provisions(world: World, themes: dict[str, str]) -> None:
    """The change that has the lock first decides: either the license is refused, or it is older than the
    limit."""
    await world.grant("aurora", 3 * ROUNDS)
    provisioned = 0
    for number in range(ROUNDS):
        await limit(world, world.member, maxActiveLicenses=None)
        payloads = await asyncio.gather(
            provision(world, world.member, themes["aurora"], f"a{number}"),
            limit(world, world.member, maxActiveLicenses=provisioned),
            provision(world, world.member, themes["aurora"], f"b{number}"),
        )
        made = [not codes(payload) for payload in (payloads[0], payloads[2])]
        provisioned += sum(made)
        events = await world.superuser.fetch(
            "SELECT action FROM audit_events WHERE outcome = 'ALLOWED' ORDER BY sequence DESC LIMIT $1",
            1 + sum(made),
        )
        newest = [event["action"] for event in events]
        assert newest == ["MEMBER_LIMITS_CHANGED", *["LICENSE_PROVISIONED"] * sum(made)]
        refusals = [codes(payload) for payload in (payloads[0], payloads[2]) if codes(payload)]
        assert refusals == [["LICENSE_LIMIT_REACHED"]] * len(refusals)


async def test_concurrent_provisioning_holds_the_limit(world: World, themes: dict[str, str]) -> None:
    await world.grant("aurora", 20)
    await limit(world, world.member, maxActiveLicenses=3)

    payloads = await asyncio.gather(
        *(provision(world, world.member, themes["aurora"], f"s{number}") for number in range(12))
    )

    assert sum(not codes(payload) for payload in payloads) == 3


CAN = """query ($accountId: ID!) { catalog { nodes { slug viewerCanProvision(accountId: $accountId) } } }"""


async def provisionable(world: World, person: Person, account_id: str = "") -> set[str]:
    themes = (await person.ask(CAN, accountId=account_id or world.account_id))["catalog"]["nodes"]
    return {theme["slug"] for theme in themes if theme["viewerCanProvision"]}


@pytest.mark.usefixtures("each_executor")
async def test_a_theme_says_whether_the_viewer_can_provision_it(world: World, themes: dict[str, str]) -> None:
    assert await provisionable(world, world.member) == {"aurora"}
    await world.grant("basalt", 1)
    assert await provisionable(world, world.member) == {"aurora", "basalt"}
    assert await provisionable(world, world.viewer) == set()
    assert await provisionable(world, await with_key(world, world.member, "READ")) == set()

    assert not codes(await provision(world, world.member, themes["basalt"], "b"))
    assert await provisionable(world, world.member) == {"aurora"}
    await world.superuser.execute("UPDATE licenses SET expires_at = now()")
    assert await provisionable(world, world.member) == {"aurora", "basalt"}
    await limit(world, world.member, themeIds=[themes["basalt"]])
    assert await provisionable(world, world.member) == {"basalt"}
    await limit(world, world.member, maxActiveLicenses=0)
    assert await provisionable(world, world.member) == set()
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="ADMIN")
    assert await provisionable(world, world.member) == {"aurora", "basalt"}
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxActiveLicenses=0)
    assert await provisionable(world, world.member) == set()


async def test_no_theme_can_be_provisioned_in_another_account(world: World, themes: dict[str, str]) -> None:
    stranger = await world.found("Other", "stranger@example.com")

    assert await provisionable(world, stranger) == set()
    assert await provisionable(world, world.member, "account_" + "0" * 32) == set()
    assert await provisionable(world, world.member, "x") == set()
