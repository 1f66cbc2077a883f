"""Licenses are moved to other sites, where the rules of provisioning hold."""

from collections import Counter

import pytest

from resolvers.licenses.jobs import expire_due
from tests.licenses.test_license_changes import counted, make, provision
from tests.licenses.test_license_checks import key_of, verify
from tests.licenses.test_license_expiry import LATER, let_time_run_out
from tests.processes.test_concurrency import at_once, in_either_order, outcome
from tests.support.changes import (
    CHANGE_LICENSE_SITE,
    PROVISION_LICENSE,
    SET_MEMBER_LIMITS,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import World

OLD, NEW = "a.example.com", "b.example.com"


async def test_the_next_check_tells_the_old_site(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"], OLD)
    key = await key_of(world)
    assert (await verify(world, key, OLD))["status"] == "VALID"

    payload = await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=" B.Example.COM.:443 ")

    assert (codes(payload), payload["license"]["site"], payload["license"]["key"]) == ([], NEW, key)
    told = {site: (await verify(world, key, site))["status"] for site in (OLD, NEW, f"staging.{NEW}")}
    assert told == {OLD: "WRONG_SITE", NEW: "VALID", f"staging.{NEW}": "VALID"}
    event = (await world.events())[0]
    assert (event["action"], event["targetId"], event["targetName"]) == (
        "LICENSE_SITE_CHANGED",
        id,
        f"Aurora for {NEW}",
    )
    assert event["summary"] == f"Member moved Aurora from {OLD} to {NEW}"
    assert event["details"] == {"site": [OLD, NEW]}


async def test_it_is_found_by_its_new_site_and_its_old_one_is_free(
    world: World, themes: dict[str, str]
) -> None:
    id = await provision(world, themes["aurora"], OLD)
    await world.admin.change(CHANGE_LICENSE_SITE, licenseId=id, site="bücher.example")

    search = "query ($text: String) { account { licenses(filter: { search: $text }) { nodes { id site } } } }"
    for text in ("bücher.ex", "xn--bcher-kva"):
        found = (await world.admin.ask(search, text=text))["account"]["licenses"]["nodes"]
        assert found == [{"id": id, "site": "bücher.example"}]
    assert (await world.admin.ask(search, text=OLD))["account"]["licenses"]["nodes"] == []
    other = await provision(world, themes["aurora"], OLD)
    assert other != id
    assert await counted(world) == 2


@pytest.mark.parametrize("site", [OLD, "A.EXAMPLE.com.", "a.example.com:80"])
async def test_to_its_own_site_it_is_moved_already(world: World, themes: dict[str, str], site: str) -> None:
    id = await provision(world, themes["aurora"], OLD)

    async with nothing_changes(world):
        payload = await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=site)
    assert (codes(payload), payload["license"]["site"]) == ([], OLD)


@pytest.mark.parametrize("site", ["", "localhost", "http://b.example.com", "b.example.com/x", "*", "a@b.c"])
async def test_a_site_is_a_host_name(world: World, themes: dict[str, str], site: str) -> None:
    id = await provision(world, themes["aurora"], OLD)

    async with nothing_changes(world):
        payload = await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=site)
    assert user_error(payload) == ("INVALID", ["site"])


@pytest.mark.parametrize("state", ["ACTIVE", "SUSPENDED"])
async def test_a_site_has_one_license_of_a_theme(world: World, themes: dict[str, str], state: str) -> None:
    id = await provision(world, themes["aurora"], OLD)
    other = await provision(world, themes["aurora"], NEW)
    if state == "SUSPENDED":
        await make(world, other, "suspend")

    async with nothing_changes(world):
        payload = await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=NEW)
    assert user_error(payload) == ("INVALID", ["site"])
    assert payload["userErrors"][0]["message"] == f"{NEW} already has a license of Aurora: use another site."
    await make(world, other, "revoke")
    assert not codes(await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=NEW))


async def test_a_license_of_another_theme_leaves_the_site_free(world: World, themes: dict[str, str]) -> None:
    await world.grant("basalt", 1)
    await provision(world, themes["basalt"], NEW)
    id = await provision(world, themes["aurora"], OLD)

    assert not codes(await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=NEW))


async def test_a_site_whose_license_has_expired_is_free(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"], OLD)
    await provision(world, themes["aurora"], NEW, expiresAt=LATER)
    await let_time_run_out(world)

    payload = await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=NEW)

    assert (codes(payload), payload["license"]["site"]) == ([], NEW)
    assert await counted(world) == 1
    assert actions(await world.events())[:2] == ["LICENSE_SITE_CHANGED", "LICENSE_EXPIRED"]
    assert await expire_due(world.database) == 0


async def test_the_theme_is_one_that_the_viewer_may_license(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"], OLD)
    limits = {"memberId": world.member.member_id, "maxActiveLicenses": 0}
    await world.admin.change(SET_MEMBER_LIMITS, **limits, themeIds=[themes["basalt"]])

    async with nothing_changes(world):
        payload = await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=NEW)
    assert user_error(payload) == ("THEME_NOT_ALLOWED", ["licenseId"])
    await world.admin.change(SET_MEMBER_LIMITS, **limits, themeIds=[themes["aurora"]])
    assert not codes(await world.member.change(CHANGE_LICENSE_SITE, licenseId=id, site=NEW))
    await world.admin.change(SET_MEMBER_LIMITS, **limits, themeIds=[])
    assert not codes(await world.admin.change(CHANGE_LICENSE_SITE, licenseId=id, site="c.example.com"))


async def test_a_move_crosses_a_provision_on_the_same_site(world: World, themes: dict[str, str]) -> None:
    await world.grant("aurora", 20)
    seen = Counter[tuple[str, ...]]()
    for number in range(6):
        site = f"s{number}.example.com"
        id = await provision(world, themes["aurora"], f"old-{site}")
        input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": site}

        outcomes = await in_either_order(
            number,
            world.member.post(CHANGE_LICENSE_SITE, input={"licenseId": id, "site": site}),
            world.admin.post(PROVISION_LICENSE, input=input),
        )

        seen[tuple(outcomes)] += 1
        assert await world.superuser.fetchval("SELECT count(*) FROM licenses WHERE site = $1", site) == 1
    assert set(seen) <= {("OK", "INVALID"), ("INVALID", "OK")}
    events = Counter(actions(await world.events()))
    assert events["LICENSE_SITE_CHANGED"] == seen["OK", "INVALID"]
    assert events["LICENSE_PROVISIONED"] == 6 + seen["INVALID", "OK"]


async def test_many_moves_to_one_site(world: World, themes: dict[str, str]) -> None:
    ids = [await provision(world, themes["aurora"], f"s{number}.example.com") for number in range(5)]

    answers = await at_once(
        *(world.member.post(CHANGE_LICENSE_SITE, input={"licenseId": id, "site": NEW}) for id in ids)
    )

    assert Counter(map(outcome, answers)) == {"OK": 1, "INVALID": 4}
    assert await counted(world) == 5
