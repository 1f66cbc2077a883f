"""Roles of many members change, and many members are removed, by one request with an outcome for each."""

from collections import Counter
from typing import Any

import pytest

from tests.processes.test_concurrency import in_either_order
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    CHANGE_ROLES,
    PROVISION_LICENSE,
    REMOVE,
    REMOVE_MANY,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.stored_keys import store_api_key
from tests.support.world import Person, World

pytestmark = pytest.mark.usefixtures("each_executor")


async def change_roles(world: World, *rows: tuple[str, str], by: Person | None = None) -> Any:
    members = [{"memberId": id, "role": role} for id, role in rows]
    return await (by or world.admin).change(CHANGE_ROLES, accountId=world.account_id, members=members)


async def remove(world: World, *ids: str, by: Person | None = None, **input: Any) -> Any:
    return await (by or world.admin).change(
        REMOVE_MANY, accountId=world.account_id, memberIds=list(ids), **input
    )


def outcomes(payload: Any) -> list[str]:
    """The member's role, or the code and path of the only error."""
    assert payload["userErrors"] == []
    return [
        result["member"]["role"]
        if result["member"]
        else " ".join([*codes(result), *result["userErrors"][0]["path"]])
        for result in payload["results"]
    ]


async def test_each_of_many_roles_has_its_own_outcome(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    gone = await world.join("VIEWER", "gone@example.com")
    await world.admin.change(REMOVE, memberId=gone.member_id)
    await world.superuser.execute("DELETE FROM pgqueuer")
    before = len(await world.events())

    payload = await change_roles(
        world,
        (world.viewer.member_id, "MEMBER"),
        (world.member.member_id, "MEMBER"),
        (world.admin.member_id, "VIEWER"),
        (stranger.member_id, "ADMIN"),
        ("x", "ADMIN"),
        (gone.member_id, "ADMIN"),
        (world.viewer.member_id, "ADMIN"),
    )

    assert outcomes(payload) == [
        "MEMBER",
        "MEMBER",
        "OWNER_PROTECTED members 2 memberId",
        "NOT_FOUND members 3 memberId",
        "NOT_FOUND members 4 memberId",
        "NOT_ACTIVE members 5 memberId",
        "INVALID members 6 memberId",
    ]
    events = await world.events()
    assert len(events) == before + 1
    assert events[0]["summary"] == "Admin changed the role of Viewer from Viewer to Member"
    assert events[0]["details"] == {"role": ["VIEWER", "MEMBER"]}
    assert [email.to for email in await world.emails()] == [world.viewer.email]


async def test_an_admin_is_in_its_own_list(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    rows = [(other.member_id, "VIEWER"), (world.viewer.member_id, "ADMIN"), (world.admin.member_id, "ADMIN")]

    payload = await change_roles(world, *rows, by=other)

    assert outcomes(payload) == ["VIEWER", "ADMIN", "ADMIN"]
    async with nothing_changes(world, denied=1):
        members = [{"memberId": "x", "role": "ADMIN"}]
        (forbidden,) = await other.errors(
            CHANGE_ROLES, input={"accountId": world.account_id, "members": members}
        )
    assert forbidden == {"code": "FORBIDDEN", "permission": "ASSIGN_ROLES"}


async def test_each_of_many_removals_has_its_own_outcome(world: World, themes: dict[str, str]) -> None:
    heir = await world.join("VIEWER", "heir@example.com")
    for number, holder in enumerate((world.member, world.member, world.viewer)):
        input = {"themeId": themes["aurora"], "site": f"s{number}.example.com", "holderId": holder.member_id}
        await world.admin.change(PROVISION_LICENSE, accountId=world.account_id, **input)
    await store_api_key(world, world.member.member_id, "Shop", "READ")
    await world.superuser.execute("DELETE FROM pgqueuer")
    ids = [world.viewer.member_id, world.admin.member_id, world.member.member_id, world.viewer.member_id, "x"]

    payload = await remove(world, *ids, transferLicensesTo=heir.member_id)

    assert outcomes(payload) == [
        "VIEWER",
        "OWNER_PROTECTED memberIds 1",
        "MEMBER",
        "INVALID memberIds 3",
        "NOT_FOUND memberIds 4",
    ]
    assert all(result["member"]["removedAt"] for result in payload["results"] if result["member"])
    holders = await world.superuser.fetch(
        "SELECT email, count(*) FROM licenses JOIN members ON members.id = holder_id GROUP BY 1"
    )
    assert [tuple(row) for row in holders] == [("heir@example.com", 3)]
    events = (await world.events())[:3]
    assert actions(events) == ["MEMBER_REMOVED", "MEMBER_REMOVED", "API_KEY_REVOKED"]
    assert events[0]["summary"] == "Admin removed Member, and 2 licenses went to Heir"
    assert events[1]["details"] == {"role": ["VIEWER", None], "licenses": 1, "licensesTo": "Heir"}
    texts = {email.to: email.text for email in await world.emails()}
    assert len(await world.emails()) == len(texts) == 3
    assert "gave you 3 licenses, until now of 2 members." in texts["heir@example.com"]
    assert "- Shop\n" in texts[world.member.email]
    assert "1 license that you held went to Heir." in texts[world.viewer.email]


@pytest.mark.parametrize(("heir", "expected"), [("x", "NOT_FOUND"), ("VIEWER", "NOT_ACTIVE")])
async def test_without_an_heir_nobody_is_removed(world: World, heir: str, expected: str) -> None:
    ids = [world.member.member_id, world.viewer.member_id]
    to = world.viewer.member_id if heir == "VIEWER" else heir

    async with nothing_changes(world):
        payload = await remove(world, *ids, transferLicensesTo=to)

    assert user_error(payload) == (expected, ["transferLicensesTo"])


@pytest.mark.parametrize("size", [0, 1_001])
async def test_too_few_or_too_many_are_refused(world: World, size: int) -> None:
    async with nothing_changes(world):
        roles = await change_roles(world, *[(f"x{number}", "ADMIN") for number in range(size)])
        removed = await remove(world, *[f"x{number}" for number in range(size)])

    assert user_error(roles) == ("INVALID", ["members"])
    assert user_error(removed) == ("INVALID", ["memberIds"])
    for payload in (roles, removed):
        assert "1,000" in payload["userErrors"][0]["message"]


async def test_a_request_whose_answer_was_lost_is_repeated_without_a_key(world: World) -> None:
    rows = [(world.viewer.member_id, "MEMBER"), (world.member.member_id, "VIEWER")]
    assert outcomes(await change_roles(world, *rows)) == ["MEMBER", "VIEWER"]
    async with nothing_changes(world):
        assert outcomes(await change_roles(world, *rows)) == ["MEMBER", "VIEWER"]

    assert outcomes(await remove(world, world.viewer.member_id)) == ["MEMBER"]
    async with nothing_changes(world):
        assert outcomes(await remove(world, world.viewer.member_id)) == ["NOT_ACTIVE memberIds 0"]


async def test_a_thousand(world: World) -> None:
    emails = [f"p{number}@example.com" for number in range(999)]
    await world.superuser.execute(
        "WITH made AS (INSERT INTO users (id, email, name, created_at)"
        " SELECT gen_random_uuid(), email, 'Person', now() FROM unnest($1::text[]) AS email"
        " RETURNING id, email)"
        " INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at)"
        " SELECT (SELECT id FROM accounts), gen_random_uuid(), id, 'Person', email, 'VIEWER', false, now()"
        " FROM made",
        emails,
    )
    stored = await world.superuser.fetch("SELECT id FROM members WHERE email = ANY($1)", emails)
    ids = [f"member_{row['id'].hex}" for row in stored] + [world.admin.member_id]
    await world.superuser.execute("DELETE FROM pgqueuer")

    payload = await change_roles(world, *[(id, "MEMBER") for id in ids])
    removed = await remove(world, *ids)

    assert Counter(outcomes(payload)) == {"MEMBER": 999, "OWNER_PROTECTED members 999 memberId": 1}
    assert Counter(outcomes(removed)) == {"MEMBER": 999, "OWNER_PROTECTED memberIds 999": 1}
    assert Counter(email.to for email in await world.emails()) == dict.fromkeys(emails, 2)
    counts = await world.superuser.fetch(
        "SELECT action, count(*) FROM audit_events WHERE action LIKE 'MEMBER_R%' GROUP BY 1"
    )
    assert {row["action"]: row["count"] for row in counts} == {
        "MEMBER_ROLE_CHANGED": 999,
        "MEMBER_REMOVED": 999,
    }
    await chain.assert_whole(world.superuser)


async def test_a_list_of_roles_crosses_a_removal(world: World) -> None:
    seen = Counter[str]()
    for number in range(25):
        person = await world.join("VIEWER", f"p{number}@example.com")
        rows = [{"memberId": id, "role": "MEMBER"} for id in (person.member_id, world.viewer.member_id)]

        answers = await in_either_order(
            number,
            world.admin.post(CHANGE_ROLES, input={"accountId": world.account_id, "members": rows}),
            world.admin.post(REMOVE, input={"memberId": person.member_id}),
        )

        assert answers == ["OK", "OK"]
        await world.admin.change(CHANGE_ROLE, memberId=world.viewer.member_id, role="VIEWER")
        events = await world.superuser.fetch(
            "SELECT action FROM audit_events WHERE target_name = $1 AND action LIKE 'MEMBER_R%'"
            " ORDER BY sequence",
            f"P{number}",
        )
        role = await world.superuser.fetchval(
            "SELECT role FROM members WHERE email = $1 AND removed_at IS NOT NULL", person.email
        )
        done = [event["action"] for event in events]
        due = ["MEMBER_ROLE_CHANGED", "MEMBER_REMOVED"] if role == "MEMBER" else ["MEMBER_REMOVED"]
        assert done == due
        seen[role] += 1
    assert seen.total() == 25
    await chain.assert_whole(world.superuser)
