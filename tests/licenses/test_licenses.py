"""Licenses are provisioned and revoked within the account's limits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.changes import (
    PROVISION_LICENSE,
    REMOVE,
    REVOKE_LICENSE,
    SET_LIMITS,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import Person, World

LICENSES = """query ($filter: LicenseFilter, $order: LicenseOrder) { account {
  licenses(filter: $filter, orderBy: $order) { totalCount nodes { site status } }
  limits { activeLicenses maxActiveLicenses }
  entitlements { nodes { theme { slug } purchased provisioned available } } } }"""


@pytest.fixture(autouse=True)
def _themes(themes: dict[str, str]) -> None:
    """Five licenses of aurora may be provisioned, none of basalt."""


async def provision(world: World, theme_id: str, site: str = "a.example.com", **input: Any) -> Any:
    by: Person = input.pop("by", world.member)
    return await by.change(
        PROVISION_LICENSE, accountId=world.account_id, themeId=theme_id, site=site, **input
    )


async def shown(world: World, by: Person | None = None, **variables: Any) -> dict[str, Any]:
    account: dict[str, Any] = (await (by or world.admin).ask(LICENSES, **variables))["account"]
    return account


async def used(world: World) -> tuple[int, int]:
    (entitlement,) = (await shown(world))["entitlements"]["nodes"]
    assert entitlement["available"] == entitlement["purchased"] - entitlement["provisioned"]
    return entitlement["provisioned"], entitlement["purchased"]


async def expire(world: World) -> None:
    await world.superuser.execute("UPDATE licenses SET expires_at = now() - interval '1 second'")


async def test_a_license_is_held_by_who_provisions_it_or_by_who_is_named(
    world: World, themes: dict[str, str]
) -> None:
    own = await provision(world, themes["aurora"])
    input = {"by": world.admin, "holderId": world.viewer.member_id}
    named = await provision(world, themes["aurora"], "b.example.com", **input)

    assert own["license"]["holder"]["id"] == world.member.member_id
    assert named["license"]["holder"]["id"] == world.viewer.member_id
    assert [event["summary"] for event in (await world.events())[:2]] == [
        "Admin provisioned Aurora for b.example.com, held by Viewer",
        "Member provisioned Aurora for a.example.com",
    ]
    assert await used(world) == (2, 5)


@pytest.mark.parametrize(
    ("typed", "site"),
    [
        ("WWW.Example.COM", "www.example.com"),
        (" münchen.example ", "münchen.example"),
        ("xn--mnchen-3ya.example", "münchen.example"),
        ("BÜCHER.example", "bücher.example"),
        ("XN--BCHER-KVA.example", "bücher.example"),
        ("BU\u0308CHER。example", "bücher.example"),
        (f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}", f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}"),
        ("a-b.co", "a-b.co"),
        ("1.example", "1.example"),
    ],
)
async def test_a_site(world: World, themes: dict[str, str], typed: str, site: str) -> None:
    assert (await provision(world, themes["aurora"], typed))["license"]["site"] == site


NO_SITES = (
    "", ".", "..", "a..example", "localhost", "http://x/y", "https://example.com", "example.com/path",
    "example.com:8080", "me@example.com", "exa mple.com", "-a.example", "a-.example", "a._b",
    "192.168.0.1", "[::1]", "*.example.com", f"{'a' * 64}.example", f"{'a.' * 125}abcd",
    "a\u202eb.example", "a\nb.example", "example.com..", ".example.com", "example.com。。",
    "127.0.0.0x1", "\uff11.\uff12.\uff13.\uff14", "2001:db8::1", "xn--a.example", "bü_cher.example", "bücher",
    "ü" * 100_000,
    f"{'ü' * 60}.{'ü' * 60}.{'ü' * 60}.{'ü' * 60}.example", "*", "*.bücher.example", "bücher.example:444",
)  # fmt: skip


async def test_no_site(world: World, themes: dict[str, str]) -> None:
    async with nothing_changes(world):
        for site in NO_SITES:
            assert user_error(await provision(world, themes["aurora"], site)) == ("INVALID", ["site"]), site


@pytest.mark.parametrize("again", ["münchen.example", "XN--MNCHEN-3YA.example", "MÜNCHEN.example"])
async def test_a_site_has_one_license_of_a_theme_however_it_is_spelled(
    world: World, themes: dict[str, str], again: str
) -> None:
    await world.grant("basalt", 1)
    first = await provision(world, themes["aurora"], "münchen.example")

    async with nothing_changes(world):
        assert user_error(await provision(world, themes["aurora"], again)) == ("INVALID", ["site"])
    assert not codes(await provision(world, themes["basalt"], again))
    await world.admin.change(REVOKE_LICENSE, licenseId=first["license"]["id"], reason="Moved")
    assert not codes(await provision(world, themes["aurora"], again))


@pytest.mark.parametrize(
    ("input", "expected"),
    [
        ({"expiresAt": "2001-01-01T00:00:00Z"}, ("INVALID", ["expiresAt"])),
        ({"themeId": "x"}, ("NOT_FOUND", ["themeId"])),
        ({"themeId": "theme_" + "0" * 32}, ("NOT_FOUND", ["themeId"])),
        ({"holderId": "member_" + "0" * 32}, ("NOT_FOUND", ["holderId"])),
        ({"accountId": "account_" + "0" * 32}, ("NOT_FOUND", ["accountId"])),
    ],
)
async def test_what_there_is_not(
    world: World, themes: dict[str, str], input: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    asked = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com", **input}
    async with nothing_changes(world):
        assert user_error(await world.member.change(PROVISION_LICENSE, **asked)) == expected


async def test_nobody_who_left_holds_a_license(world: World, themes: dict[str, str]) -> None:
    await world.admin.change(REMOVE, memberId=world.viewer.member_id)

    payload = await provision(world, themes["aurora"], holderId=world.viewer.member_id)

    assert user_error(payload) == ("NOT_ACTIVE", ["holderId"])


async def test_nobody_of_another_account_holds_a_license(world: World, themes: dict[str, str]) -> None:
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        payload = await provision(world, themes["aurora"], holderId=stranger.member_id)
        assert user_error(payload) == ("NOT_FOUND", ["holderId"])
        payload = await provision(world, themes["aurora"], by=stranger)
        assert user_error(payload) == ("NOT_FOUND", ["accountId"])


async def test_what_was_bought_is_the_limit(world: World, themes: dict[str, str]) -> None:
    for number in range(5):
        assert not codes(await provision(world, themes["aurora"], f"s{number}.example.com"))

    async with nothing_changes(world):
        aurora = await provision(world, themes["aurora"])
        basalt = await provision(world, themes["basalt"])

    assert user_error(aurora) == user_error(basalt) == ("LICENSE_LIMIT_REACHED", ["themeId"])
    assert [(e["limit"], e["used"]) for e in aurora["userErrors"] + basalt["userErrors"]] == [(5, 5), (0, 0)]


async def test_the_account_s_cap_counts_what_is_active(world: World, themes: dict[str, str]) -> None:
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxActiveLicenses=1)
    first = await provision(world, themes["aurora"])

    refused = await provision(world, themes["aurora"], "b.example.com")
    assert user_error(refused) == ("LICENSE_LIMIT_REACHED", ["accountId"])
    assert (refused["userErrors"][0]["limit"], refused["userErrors"][0]["used"]) == (1, 1)
    await world.admin.change(REVOKE_LICENSE, licenseId=first["license"]["id"], reason="Moved")
    assert not codes(await provision(world, themes["aurora"], "b.example.com"))
    await expire(world)
    assert (await shown(world))["limits"] == {"activeLicenses": 0, "maxActiveLicenses": 1}
    assert not codes(await provision(world, themes["aurora"], "c.example.com"))


async def test_a_withdrawn_theme_can_still_be_provisioned_where_it_was_bought(
    world: World, themes: dict[str, str]
) -> None:
    """Withdrawn from sale, not from those who paid for it."""
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now() WHERE slug = 'aurora'")

    assert not codes(await provision(world, themes["aurora"]))


# Revoking


async def test_a_revoked_license_is_revoked_for_good_and_its_entitlement_free(
    world: World, themes: dict[str, str]
) -> None:
    id = (await provision(world, themes["aurora"]))["license"]["id"]

    revoked = (await world.admin.change(REVOKE_LICENSE, licenseId=id, reason=" Not paid \n"))["license"]

    assert (revoked["status"], revoked["revokedReason"]) == ("REVOKED", "Not paid")
    assert revoked["revokedBy"]["id"] == world.admin.member_id
    assert await used(world) == (0, 5)
    async with nothing_changes(world):
        again = await world.admin.change(REVOKE_LICENSE, licenseId=id, reason="Again")
    assert user_error(again) == ("NOT_ACTIVE", ["licenseId"])
    event = (await world.events())[0]
    assert (event["summary"], event["details"]) == (
        "Admin revoked Aurora for a.example.com",
        {"status": ["ACTIVE", "REVOKED"], "reason": "Not paid"},
    )


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 1_001, "a\x07b"])
async def test_revoking_needs_a_reason(world: World, themes: dict[str, str], reason: str) -> None:
    id = (await provision(world, themes["aurora"]))["license"]["id"]

    async with nothing_changes(world):
        payload = await world.admin.change(REVOKE_LICENSE, licenseId=id, reason=reason)
    assert user_error(payload) == ("INVALID", ["reason"])


async def test_a_license_of_another_account_is_none(world: World, themes: dict[str, str]) -> None:
    id = (await provision(world, themes["aurora"]))["license"]["id"]
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        payload = await stranger.change(REVOKE_LICENSE, licenseId=id, reason="Mine")
    assert user_error(payload) == ("NOT_FOUND", ["licenseId"])


async def test_an_expired_license_is_shown_as_expired_at_once(world: World, themes: dict[str, str]) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    id = (await provision(world, themes["aurora"], expiresAt=soon))["license"]["id"]
    await expire(world)

    assert (await shown(world, filter={"statuses": ["EXPIRED"]}))["licenses"]["totalCount"] == 1
    assert (await shown(world, filter={"statuses": ["ACTIVE"]}))["licenses"]["totalCount"] == 0
    assert (await shown(world, by=world.viewer))["licenses"]["totalCount"] == 0
    revoked = await world.admin.change(REVOKE_LICENSE, licenseId=id, reason="Over")
    assert revoked["license"]["status"] == "REVOKED"
    assert (await world.events())[0]["details"]["status"] == ["EXPIRED", "REVOKED"]
    assert actions(await world.events()).count("LICENSE_REVOKED") == 1


async def test_orders_and_filters(world: World, themes: dict[str, str]) -> None:
    await world.grant("basalt", 1)
    for site, theme, by in (
        ("c.example.com", "aurora", world.member),
        ("a.example.com", "basalt", world.admin),
        ("b.example.com", "aurora", world.admin),
    ):
        await provision(world, themes[theme], site, by=by)

    async def sites(order: str | None = None, **filter: Any) -> str:
        found = (await shown(world, filter=filter, order=order))["licenses"]
        assert found["totalCount"] == len(found["nodes"])
        return "".join(node["site"][0] for node in found["nodes"])

    assert [await sites(order) for order in (None, "NEWEST", "OLDEST", "SITE")] == [
        "bac",
        "bac",
        "cab",
        "abc",
    ]
    assert await sites(themeIds=[themes["basalt"]]) == "a"
    assert await sites(holderIds=[world.member.member_id]) == "c"
    assert await sites(search="AURO") == "bc"
    assert await sites(search="b.exam") == "b"
    assert await sites(search="%") == ""
    assert await sites(search="aurora", holderIds=[world.admin.member_id], statuses=["ACTIVE"]) == "b"
