"""The expiry of a license is set: later, sooner or never; and an expired license becomes active again."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from resolvers.licenses.jobs import expire_due
from tests.licenses.test_license_changes import STATES, counted, in_state, make, provision
from tests.licenses.test_license_checks import key_of, verify
from tests.licenses.test_license_expiry import LATER, expiries, let_time_run_out
from tests.processes.test_concurrency import at_once, in_either_order, outcome
from tests.processes.test_faults import account_held
from tests.support import chain
from tests.support.changes import (
    LEAVE,
    PROVISION_LICENSE,
    SET_LICENSE_EXPIRY,
    SET_LIMITS,
    SET_MEMBER_LIMITS,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.locks import until_waiting
from tests.support.world import World

SITE = "a.example.com"
FAR = "2101-01-01T00:00:00.000000Z"


async def expire_at(world: World, license_id: str, expires_at: str | None = FAR) -> dict[str, Any]:
    payload: dict[str, Any] = await world.admin.change(
        SET_LICENSE_EXPIRY, licenseId=license_id, expiresAt=expires_at
    )
    return payload


async def expired(world: World, theme_id: str, site: str = SITE) -> str:
    id = await provision(world, theme_id, site, expiresAt=LATER)
    await let_time_run_out(world, site=site)
    await expire_due(world.database)
    return id


@pytest.mark.parametrize(
    ("before", "after"),
    [(LATER, FAR), (FAR, LATER), (LATER, None), (None, LATER), (LATER, "9000-12-31T23:59:59.999999Z")],
    ids=["later", "sooner", "never", "at all", "at the latest moment"],
)
async def test_a_license_expires_later_sooner_or_never(
    world: World, themes: dict[str, str], before: str | None, after: str | None
) -> None:
    id = await provision(world, themes["aurora"], SITE, expiresAt=before)

    payload = await expire_at(world, id, after)

    def stored(moment: str | None) -> str | None:
        return moment and datetime.fromisoformat(moment).isoformat()

    shown = payload["license"]["expiresAt"]
    assert (codes(payload), payload["license"]["status"]) == ([], "ACTIVE")
    assert (shown and datetime.fromisoformat(shown).isoformat()) == stored(after)
    event = (await world.events())[0]
    assert (event["action"], event["targetId"]) == ("LICENSE_EXPIRY_CHANGED", id)
    assert event["summary"] == f"Admin changed the expiry of Aurora for {SITE}"
    assert event["details"] == {"expiresAt": [stored(before), stored(after)]}
    assert await counted(world) == 1


async def test_the_reminders_follow_the_expiry(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"], SITE)
    in_40_days = datetime.now(UTC) + timedelta(days=40)
    reminders = []
    for expires_at in (in_40_days.isoformat(), None):
        await expire_at(world, id, expires_at)
        reminders.append(await world.superuser.fetchval("SELECT expiry_reminder_at FROM licenses"))

    assert reminders == [datetime.combine(in_40_days - timedelta(days=30), time(), UTC), None]


@pytest.mark.parametrize("expires_at", [LATER, None])
async def test_what_is_so_already_is_no_change(
    world: World, themes: dict[str, str], expires_at: str | None
) -> None:
    id = await provision(world, themes["aurora"], SITE, expiresAt=expires_at)

    async with nothing_changes(world):
        assert not codes(await expire_at(world, id, expires_at))


@pytest.mark.parametrize("state", [state for state in STATES if state != "REVOKED"])
async def test_a_license_expires_in_the_future(world: World, themes: dict[str, str], state: str) -> None:
    id = await in_state(world, themes["aurora"], state)
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()

    for moment in (past, "1990-01-01T00:00:00Z"):
        async with nothing_changes(world):
            assert user_error(await expire_at(world, id, moment)) == ("INVALID", ["expiresAt"])


@pytest.mark.parametrize("state", ["EXPIRED", "ACTIVE and over", "SUSPENDED and over"])
@pytest.mark.parametrize("expires_at", [FAR, None])
async def test_the_next_check_tells_that_it_is_active_again(
    world: World, themes: dict[str, str], state: str, expires_at: str | None
) -> None:
    id = await in_state(world, themes["aurora"], state)
    key = await key_of(world)
    assert (await verify(world, key, SITE))["status"] == "EXPIRED"

    payload = await expire_at(world, id, expires_at)

    assert (codes(payload), payload["license"]["status"]) == ([], "ACTIVE")
    answer = await verify(world, key, SITE)
    assert answer["status"] == "VALID"
    assert answer["expiresAt"] == (expires_at and "2101-01-01T00:00:00Z")
    assert await counted(world) == 1
    assert (await world.events())[0]["details"]["status"] == ["EXPIRED", "ACTIVE"]
    assert (await expiries(world))[id] == int(state.endswith("over"))


async def test_it_needs_a_purchased_license(world: World, themes: dict[str, str]) -> None:
    id = await expired(world, themes["aurora"])
    for number in range(5):
        await provision(world, themes["aurora"], f"s{number}.example.com")

    async with nothing_changes(world):
        refused = await expire_at(world, id)
    assert user_error(refused) == ("LICENSE_LIMIT_REACHED", ["licenseId"])
    assert (refused["userErrors"][0]["limit"], refused["userErrors"][0]["used"]) == (5, 5)
    await world.grant("aurora", 1)
    assert not codes(await expire_at(world, id))
    assert await counted(world) == 6


async def test_it_counts_for_the_limit_of_the_account(world: World, themes: dict[str, str]) -> None:
    id = await expired(world, themes["aurora"])
    other = await provision(world, themes["aurora"], "b.example.com")
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxActiveLicenses=1)

    async with nothing_changes(world):
        assert user_error(await expire_at(world, id)) == ("LICENSE_LIMIT_REACHED", ["licenseId"])
    await make(world, other, "suspend")
    assert not codes(await expire_at(world, id))


async def test_the_limits_of_the_holder_apply(world: World, themes: dict[str, str]) -> None:
    id = await expired(world, themes["aurora"])
    member = {"memberId": world.member.member_id}
    for limits, due in (
        ({"maxActiveLicenses": 0, "themeIds": None}, "LICENSE_LIMIT_REACHED"),
        ({"maxActiveLicenses": 1, "themeIds": [themes["basalt"]]}, "THEME_NOT_ALLOWED"),
    ):
        await world.admin.change(SET_MEMBER_LIMITS, **member, **limits)
        async with nothing_changes(world):
            assert user_error(await expire_at(world, id)) == (due, ["licenseId"])

    await world.admin.change(SET_MEMBER_LIMITS, **member, maxActiveLicenses=1, themeIds=[themes["aurora"]])
    assert not codes(await expire_at(world, id))


async def test_its_site_may_have_another_license_by_now(world: World, themes: dict[str, str]) -> None:
    id = await expired(world, themes["aurora"])
    other = await provision(world, themes["aurora"], SITE)

    async with nothing_changes(world):
        assert user_error(await expire_at(world, id)) == ("INVALID", ["licenseId"])
    await make(world, other, "move")
    assert not codes(await expire_at(world, id))
    assert await counted(world) == 2


async def test_nobody_who_left_holds_an_active_license(world: World, themes: dict[str, str]) -> None:
    id = await expired(world, themes["aurora"])
    await world.member.change(LEAVE, accountId=world.account_id)

    async with nothing_changes(world):
        refused = await expire_at(world, id)
    assert user_error(refused) == ("NOT_ACTIVE", ["licenseId"])
    assert "Member, who held this license" in refused["userErrors"][0]["message"]


async def test_other_expired_licenses_make_room(world: World, themes: dict[str, str]) -> None:
    """As when one is provisioned, whether the job has marked them or not."""
    id = await expired(world, themes["aurora"])
    for number in range(5):
        await provision(world, themes["aurora"], f"s{number}.example.com", expiresAt=LATER)
    await let_time_run_out(world, site="s3.example.com")

    assert not codes(await expire_at(world, id))

    assert await counted(world) == 5
    assert await expire_due(world.database) == 0


async def test_a_job_that_waits_does_not_expire_what_was_prolonged(
    world: World, themes: dict[str, str]
) -> None:
    """The job has read that the license is due, and waits for the account's lock."""
    id = await provision(world, themes["aurora"], SITE, expiresAt=LATER)
    await let_time_run_out(world)
    async with account_held(world):
        expiring = asyncio.create_task(expire_due(world.database))
        await until_waiting(world.superuser)
        await world.superuser.execute("UPDATE licenses SET expires_at = now() + interval '1 day'")

    assert await expiring == 0
    assert not await expiries(world)
    assert await counted(world) == 1
    assert not codes(await expire_at(world, id))


async def test_the_job_and_a_new_expiry(world: World, themes: dict[str, str]) -> None:
    """Whichever is first, the license is active, and counted once."""
    for number in range(4):
        site = f"s{number}.example.com"
        id = await provision(world, themes["aurora"], site, expiresAt=LATER)
        await let_time_run_out(world, site=site)
        posts: list[Any] = [expire_at(world, id), expire_due(world.database)]

        await at_once(*(posts if number % 2 else reversed(posts)))

        assert await counted(world) == number + 1
        assert (await expiries(world))[id] == 1
    await chain.assert_whole(world.superuser)


async def test_a_new_expiry_crosses_a_provision_at_the_limit(world: World, themes: dict[str, str]) -> None:
    """One purchased license is left: one of the two gets it."""
    seen = Counter[tuple[str, ...]]()
    for number in range(4):
        await provision(world, themes["aurora"], f"full{number}.example.com")
    for number in range(6):
        id = await expired(world, themes["aurora"], f"s{number}.example.com")
        input = {
            "accountId": world.account_id,
            "themeId": themes["aurora"],
            "site": f"new{number}.example.com",
        }

        outcomes = await in_either_order(
            number,
            world.admin.post(SET_LICENSE_EXPIRY, input={"licenseId": id, "expiresAt": FAR}),
            world.member.post(PROVISION_LICENSE, input=input),
        )

        seen[tuple(outcomes)] += 1
        assert await counted(world) == 5
        (won,) = await world.superuser.fetch(
            "SELECT id FROM licenses WHERE status = 'ACTIVE' AND site = ANY ($1)",
            [f"s{number}.example.com", f"new{number}.example.com"],
        )
        await make(world, f"license_{won['id'].hex}", "revoke")
    assert set(seen) <= {("OK", "LICENSE_LIMIT_REACHED"), ("LICENSE_LIMIT_REACHED", "OK")}


async def test_a_new_expiry_crosses_a_provision_on_its_site(world: World, themes: dict[str, str]) -> None:
    seen = Counter[tuple[str, ...]]()
    for number in range(4):
        site = f"s{number}.example.com"
        id = await expired(world, themes["aurora"], site)
        input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": site}

        outcomes = await in_either_order(
            number,
            world.admin.post(SET_LICENSE_EXPIRY, input={"licenseId": id, "expiresAt": FAR}),
            world.member.post(PROVISION_LICENSE, input=input),
        )

        seen[tuple(outcomes)] += 1
        assert await counted(world) == number + 1
    assert set(seen) <= {("OK", "INVALID"), ("INVALID", "OK")}


async def test_many_that_expired_on_one_site(world: World, themes: dict[str, str]) -> None:
    ids = [await expired(world, themes["aurora"]) for _ in range(3)]

    answers = await at_once(
        *(world.admin.post(SET_LICENSE_EXPIRY, input={"licenseId": id, "expiresAt": FAR}) for id in ids)
    )

    assert Counter(map(outcome, answers)) == {"OK": 1, "INVALID": 2}
    assert await counted(world) == 1
