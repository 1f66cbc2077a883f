"""Concurrent changes over connections of their own keep limits, and the log has no gap."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import Any

import pytest

from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    INVITE_ONE,
    REMOVE,
    SET_LIMITS,
    TRANSFER_OWNERSHIP,
    UPDATE_PROFILE,
    codes,
)
from tests.support.limited import limited
from tests.support.stored_keys import with_key
from tests.support.world import PROVISION, Person, World

BOB = "bob@example.com"


@pytest.fixture(autouse=True)
async def _log_is_whole(world: World) -> AsyncIterator[None]:
    yield
    await chain.assert_whole(world.superuser)


async def at_once(*waiting: Awaitable[Any]) -> list[Any]:
    async with asyncio.timeout(30):
        return await asyncio.gather(*waiting)


def outcome(answer: dict[str, Any]) -> str:
    """`OK`, or the code of the error of either kind."""
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    (payload,) = answer["data"].values()
    return codes(payload)[0] if payload["userErrors"] else "OK"


async def outcomes(*answers: Awaitable[dict[str, Any]]) -> list[str]:
    return [outcome(answer) for answer in await at_once(*answers)]


async def in_either_order(number: int, *answers: Awaitable[dict[str, Any]]) -> list[str]:
    """The outcomes as given, whichever of the two set out first."""
    order = 1 if number % 2 else -1
    return (await outcomes(*answers[::order]))[::order]


async def people(world: World, count: int, role: str) -> list[Person]:
    """Members with sessions, made past the API: fifty times joining is another test's matter."""
    emails = [f"{role.lower()}{number}@example.com" for number in range(count)]
    first = await world.join(role, f"{role.lower()}0@example.com")
    await world.superuser.execute(
        "INSERT INTO users (id, email, name, created_at)"
        " SELECT gen_random_uuid(), email, 'Someone', now() FROM unnest($1::text[]) AS email",
        emails[1:],
    )
    await world.superuser.execute(
        "INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at)"
        " SELECT (SELECT id FROM accounts), gen_random_uuid(), id, name, email, $2, false, now()"
        " FROM users WHERE email = ANY($1)",
        emails[1:],
        role,
    )
    tokens = {f"token-{email}": email for email in emails[1:]}
    await world.superuser.execute(
        "INSERT INTO sessions (id, user_id, token_hash, created_at, last_used_at, expires_at, ends_at)"
        " SELECT gen_random_uuid(), users.id, sha256(convert_to('token-' || email, 'UTF8')), now(), now(),"
        " now() + interval '1 day', now() + interval '1 day' FROM users WHERE email = ANY($1)",
        emails[1:],
    )
    return [first, *(Person(world.http, email, token) for token, email in tokens.items())]


# Licenses


async def test_fifty_members_provision_ten_licenses(world: World, themes: dict[str, str]) -> None:
    await world.grant("aurora", 5)
    members = await people(world, 50, "MEMBER")

    answers = await at_once(
        *(
            member.post(
                PROVISION,
                input={
                    "accountId": world.account_id,
                    "themeId": themes["aurora"],
                    "site": f"s{number}.example.com",
                },
            )
            for number, member in enumerate(members)
        )
    )

    assert Counter(map(outcome, answers)) == {"OK": 10, "LICENSE_LIMIT_REACHED": 40}
    refused = [answer["data"]["provisionLicense"]["userErrors"] for answer in answers]
    assert {(error["limit"], error["used"]) for errors in refused for error in errors} == {(10, 10)}
    await assert_licenses(world, 10)


async def test_the_cap_of_active_licenses(world: World, themes: dict[str, str]) -> None:
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxActiveLicenses=3)

    answers = await outcomes(
        *(
            person.post(
                PROVISION,
                input={
                    "accountId": world.account_id,
                    "themeId": themes["aurora"],
                    "site": f"{number}.{person.email.split('@')[0]}.example.com",
                },
            )
            for person in (world.admin, world.member)
            for number in range(10)
        )
    )

    assert Counter(answers) == {"OK": 3, "LICENSE_LIMIT_REACHED": 17}
    await assert_licenses(world, 3)


async def assert_licenses(world: World, count: int) -> None:
    """As many rows as are counted as provisioned, and an event for each."""
    licenses = await world.superuser.fetch("SELECT id FROM licenses WHERE status = 'ACTIVE'")
    events = await world.superuser.fetch(
        "SELECT target_id AS id FROM audit_events"
        " WHERE action = 'LICENSE_PROVISIONED' AND outcome = 'ALLOWED'"
    )
    assert sorted(row["id"] for row in licenses) == sorted(row["id"] for row in events)
    assert len(licenses) == await world.superuser.fetchval("SELECT provisioned FROM entitlements") == count


@pytest.mark.parametrize("credential", ["session", "API key"])
async def test_a_demotion_crosses_a_provision(world: World, themes: dict[str, str], credential: str) -> None:
    await world.grant("aurora", 50)
    is_key = credential == "API key"
    member = await with_key(world, world.member, "READ", "PROVISION") if is_key else world.member
    seen = Counter[str]()
    for number in range(25):
        provision = {
            "accountId": world.account_id,
            "themeId": themes["aurora"],
            "site": f"s{number}.example.com",
        }
        pair = [
            member.post(PROVISION, input=provision),
            world.admin.post(CHANGE_ROLE, input={"memberId": world.member.member_id, "role": "VIEWER"}),
        ]
        provisioned, demoted = await in_either_order(number, *pair)
        await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="MEMBER")
        assert demoted == "OK"
        seen[provisioned] += 1

    assert set(seen) <= {"OK", "FORBIDDEN"}
    await assert_licenses(world, seen["OK"])
    await assert_acted_within_their_role(world)


async def assert_acted_within_their_role(world: World) -> None:
    """As the log tells it: nobody provisioned between a demotion and the promotion after it."""
    role = "MEMBER"
    for event in await world.superuser.fetch(
        "SELECT action, outcome, details::jsonb AS details FROM audit_events"
        " WHERE action IN ('MEMBER_ROLE_CHANGED', 'LICENSE_PROVISIONED') ORDER BY sequence"
    ):
        if event["action"] == "MEMBER_ROLE_CHANGED":
            role = "VIEWER" if '"VIEWER"]' in event["details"] else "MEMBER"
        else:
            assert event["outcome"] == ("ALLOWED" if role == "MEMBER" else "DENIED")


# Roles and ownership


async def test_two_admins_demote_each_other_a_hundred_times(world: World) -> None:
    joined = [await world.join("ADMIN", f"{name}@example.com") for name in ("ada", "bea")]
    roles = "SELECT id, role FROM members WHERE role = 'ADMIN' AND NOT is_owner"
    async with limited(world) as (there, _):
        ada, bea = [replace(person, http=there.http) for person in joined]
        for number in range(100):
            pair = [
                ada.post(CHANGE_ROLE, input={"memberId": bea.member_id, "role": "MEMBER"}),
                bea.post(CHANGE_ROLE, input={"memberId": ada.member_id, "role": "MEMBER"}),
            ]

            answers = await in_either_order(number, *pair)

            assert sorted(answers) == ["FORBIDDEN", "OK"]
            (admin,) = await world.superuser.fetch(roles)
            (demoted,) = [person for person in (ada, bea) if person.member_id[-32:] != admin["id"].hex]
            await world.admin.change(CHANGE_ROLE, memberId=demoted.member_id, role="ADMIN")

    # Refusals beyond the tenth in a minute are one event with their number, written when the server ends.
    counts = await world.superuser.fetch(
        "SELECT outcome, sum(coalesce((details->>'repeated')::int, 1)) AS count FROM audit_events"
        " WHERE action = 'MEMBER_ROLE_CHANGED' GROUP BY outcome"
    )
    assert {row["outcome"]: row["count"] for row in counts} == {"ALLOWED": 200, "DENIED": 100}


async def test_an_heir_is_removed_while_the_ownership_moves_to_it(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    seen = Counter[tuple[str, ...]]()
    for number in range(15):
        heir = await world.join("MEMBER", f"heir{number}@example.com")
        owner = world.admin
        pair = [
            owner.post(TRANSFER_OWNERSHIP, input={"accountId": world.account_id, "memberId": heir.member_id}),
            other.post(REMOVE, input={"memberId": heir.member_id}),
        ]

        transferred, removed = await in_either_order(number, *pair)

        assert (transferred, removed) in {("OK", "OWNER_PROTECTED"), ("NOT_ACTIVE", "OK")}
        seen[transferred, removed] += 1
        if transferred == "OK":
            world.people["ADMIN"] = heir
        owners = await world.superuser.fetch("SELECT role, removed_at FROM members WHERE is_owner")
        assert [tuple(row) for row in owners] == [("ADMIN", None)]
    assert len(seen) > 0


async def test_everybody_leaves_renames_and_acts_at_once(world: World, themes: dict[str, str]) -> None:
    """Nothing waits for each other for ever, whatever locks what."""
    admins = [await world.join("ADMIN", f"admin{number}@example.com") for number in range(4)]
    account = {"accountId": world.account_id}
    seen: list[str] = []
    for number in range(5):
        seen += await outcomes(
            *(admin.post(UPDATE_PROFILE, input={"name": f"Name {number}"}) for admin in admins),
            *(
                admin.post(CHANGE_ROLE, input={"memberId": world.member.member_id, "role": role})
                for admin, role in zip(admins, ("ADMIN", "MEMBER", "VIEWER", "MEMBER"), strict=True)
            ),
            *(
                admin.post(INVITE_ONE, input={**account, "email": f"n{number}@example.com", "role": "VIEWER"})
                for admin in admins
            ),
            world.member.post(
                PROVISION,
                input={**account, "themeId": themes["aurora"], "site": f"s{number}.example.com"},
            ),
            world.member.post(UPDATE_PROFILE, input={"name": f"Member {number}"}),
        )

    assert set(seen) <= {"OK", "FORBIDDEN", "ALREADY_INVITED"}
    assert Counter(seen)["ALREADY_INVITED"] == 15
    names = await world.superuser.fetch(
        "SELECT users.name = members.name AS same FROM members JOIN users ON users.id = user_id"
    )
    assert all(row["same"] for row in names)
