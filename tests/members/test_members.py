"""Roles change, members are removed and leave, and the owner remains."""

import asyncio
from typing import Any

import pytest

from tests.support.changes import (
    CHANGE_ROLE,
    LEAVE,
    PROVISION_LICENSE,
    REMOVE,
    TRANSFER_OWNERSHIP,
    UPDATE_PROFILE,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.locks import until_waiting
from tests.support.world import Person, World

MEMBERS = """query ($filter: MemberFilter, $order: MemberOrder) { account {
  members(filter: $filter, orderBy: $order) { totalCount nodes { id name role removedAt } } } }"""
OWN = "{ account { id viewerMember { role permissions } } }"
HOLDERS = "{ account { licenses(orderBy: SITE) { nodes { holder { id } } } } }"


async def license_for(world: World, themes: dict[str, str], holder: Person, count: int = 1) -> None:
    for number in range(count):
        payload = await world.admin.change(
            PROVISION_LICENSE,
            accountId=world.account_id,
            themeId=themes["aurora"],
            site=f"s{number}.example.com",
            holderId=holder.member_id,
        )
        assert not codes(payload)


async def holders(world: World) -> set[str]:
    nodes = (await world.admin.ask(HOLDERS))["account"]["licenses"]["nodes"]
    return {node["holder"]["id"] for node in nodes}


async def test_a_role_holds_from_the_next_request_on(world: World) -> None:
    changed = await world.admin.change(CHANGE_ROLE, memberId=world.viewer.member_id, role="ADMIN")

    assert changed["member"]["role"] == "ADMIN"
    own = (await world.viewer.ask(OWN))["account"]["viewerMember"]
    assert own["role"] == "ADMIN"
    assert "INVITE_MEMBERS" in own["permissions"]
    event = (await world.events())[0]
    assert event["summary"] == "Admin changed the role of Viewer from Viewer to Admin"
    assert event["details"] == {"role": ["VIEWER", "ADMIN"]}


async def test_the_same_role_again_is_no_news(world: World) -> None:
    async with nothing_changes(world):
        for person, role in ((world.viewer, "VIEWER"), (world.admin, "ADMIN")):
            assert not codes(await world.admin.change(CHANGE_ROLE, memberId=person.member_id, role=role))


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_the_owner_is_always_an_admin(world: World, role: str) -> None:
    other = await world.join("ADMIN", "other@example.com")
    async with nothing_changes(world):
        for admin in (world.admin, other):
            payload = await admin.change(CHANGE_ROLE, memberId=world.admin.member_id, role=role)
            assert user_error(payload) == ("OWNER_PROTECTED", ["memberId"])
            payload = await admin.change(REMOVE, memberId=world.admin.member_id)
            assert user_error(payload) == ("OWNER_PROTECTED", ["memberId"])
        payload = await world.admin.change(LEAVE, accountId=world.account_id)
        assert user_error(payload) == ("OWNER_PROTECTED", ["accountId"])


@pytest.mark.parametrize("id", ["x", "member_" + "0" * 32, "ACCOUNT", "STRANGER"])
async def test_no_member(world: World, id: str) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    id = {"ACCOUNT": world.account_id, "STRANGER": stranger.member_id}.get(id, id)
    async with nothing_changes(world):
        payload = await world.admin.change(CHANGE_ROLE, memberId=id, role="ADMIN")
        assert user_error(payload) == ("NOT_FOUND", ["memberId"])
        assert user_error(await world.admin.change(REMOVE, memberId=id)) == ("NOT_FOUND", ["memberId"])


@pytest.mark.parametrize("heir", [None, "VIEWER"])
async def test_a_removed_member_s_licenses_go_to_the_owner_or_to_who_is_named(
    world: World, themes: dict[str, str], heir: str | None
) -> None:
    await license_for(world, themes, world.member, 2)
    to = world.people[heir].member_id if heir else None

    removed = await world.admin.change(REMOVE, memberId=world.member.member_id, transferLicensesTo=to)

    assert removed["member"]["removedAt"]
    assert await holders(world) == {to or world.admin.member_id}
    event = (await world.events())[0]
    name = heir.title() if heir else "Admin"
    assert event["summary"] == f"Admin removed Member, and 2 licenses went to {name}"
    assert event["details"] == {"role": ["MEMBER", None], "licenses": 2, "licensesTo": name}


@pytest.mark.parametrize(
    ("heir", "expected"),
    [("x", "NOT_FOUND"), ("STRANGER", "NOT_FOUND"), ("ITSELF", "NOT_ACTIVE"), ("REMOVED", "NOT_ACTIVE")],
)
async def test_nobody_to_take_the_licenses_over(world: World, heir: str, expected: str) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    await world.admin.change(REMOVE, memberId=world.viewer.member_id)
    heirs = {
        "STRANGER": stranger.member_id,
        "ITSELF": world.member.member_id,
        "REMOVED": world.viewer.member_id,
    }
    async with nothing_changes(world):
        payload = await world.admin.change(
            REMOVE, memberId=world.member.member_id, transferLicensesTo=heirs.get(heir, heir)
        )
    assert user_error(payload) == (expected, ["transferLicensesTo"])


async def test_a_removed_member_is_out_at_once_and_its_record_stays(world: World) -> None:
    await world.admin.change(REMOVE, memberId=world.member.member_id)

    assert await world.member.ask("{ account { id } viewer { memberships { id } } }") == {
        "account": None,
        "viewer": {"memberships": []},
    }
    async with nothing_changes(world):
        for change, input in (
            (CHANGE_ROLE, {"role": "ADMIN"}),
            (REMOVE, {}),
        ):
            payload = await world.admin.change(change, memberId=world.member.member_id, **input)
            assert user_error(payload) == ("NOT_ACTIVE", ["memberId"])
        payload = await world.member.change(LEAVE, accountId=world.account_id)
        assert user_error(payload) == ("NOT_FOUND", ["accountId"])
    found = (await world.admin.ask(MEMBERS, filter={"includeRemoved": True}))["account"]["members"]
    assert [bool(node["removedAt"]) for node in found["nodes"]] == [False, True, False]


async def test_an_admin_may_remove_itself_unless_it_is_the_owner(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")

    assert not codes(await other.change(REMOVE, memberId=other.member_id))

    assert (await other.ask("{ account { id } }"))["account"] is None


async def test_who_leaves_hands_its_licenses_to_the_owner(world: World, themes: dict[str, str]) -> None:
    await license_for(world, themes, world.viewer)

    left = await world.viewer.change(LEAVE, accountId=world.account_id)

    assert left["member"]["removedAt"]
    assert await holders(world) == {world.admin.member_id}
    event = (await world.events())[0]
    assert (event["action"], event["summary"]) == (
        "MEMBER_LEFT",
        "Viewer left the account, and 1 license went to Admin",
    )


async def test_the_former_owner_may_leave(world: World) -> None:
    await world.admin.change(TRANSFER_OWNERSHIP, accountId=world.account_id, memberId=world.member.member_id)

    assert not codes(await world.admin.change(LEAVE, accountId=world.account_id))

    assert actions(await log(world.member))[:2] == ["MEMBER_LEFT", "OWNERSHIP_TRANSFERRED"]


async def log(person: Person) -> list[dict[str, Any]]:
    query = "{ account { auditLog { nodes { action outcome } } } }"
    nodes: list[dict[str, Any]] = (await person.ask(query))["account"]["auditLog"]["nodes"]
    return nodes


@pytest.mark.parametrize(
    ("by", "variables", "names"),
    [
        ("VIEWER", {}, "Admin Member Viewer"),
        ("VIEWER", {"filter": {"roles": ["ADMIN", "VIEWER"]}}, "Admin Viewer"),
        ("VIEWER", {"filter": {"search": "MEM"}}, "Member"),
        # A search by address would tell addresses to those who may not see them.
        ("VIEWER", {"filter": {"search": "viewer@"}}, ""),
        ("ADMIN", {"filter": {"search": "viewer@"}}, "Viewer"),
        ("VIEWER", {"filter": {"search": "%"}}, ""),
        ("VIEWER", {"order": "NAME"}, "Admin Member Viewer"),
        ("VIEWER", {"filter": {"roles": []}}, ""),
    ],
)
async def test_orders_and_filters(world: World, by: str, variables: dict[str, Any], names: str) -> None:
    found = (await world.people[by].ask(MEMBERS, **variables))["account"]["members"]

    assert [node["name"] for node in found["nodes"]] == names.split()
    assert found["totalCount"] == len(found["nodes"])


async def test_a_person_s_name_is_told_to_each_of_its_teams(world: World) -> None:
    payload = await world.member.change(UPDATE_PROFILE, name="  Ada   Lovelace ")

    assert payload["user"]["name"] == "Ada Lovelace"
    event = (await world.events())[0]
    assert event["action"] == "MEMBER_RENAMED"
    assert event["details"] == {"name": ["Member", "Ada Lovelace"]}
    async with nothing_changes(world):
        await world.member.change(UPDATE_PROFILE, name="Ada Lovelace")
        assert user_error(await world.member.change(UPDATE_PROFILE, name=" ")) == ("INVALID", ["name"])


async def test_who_is_removed_while_it_renames_itself_is_renamed_where_it_still_is(world: World) -> None:
    """Held between the person's own name and its account's."""
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT * FROM accounts FOR UPDATE")
        renaming = asyncio.create_task(world.member.change(UPDATE_PROFILE, name="Ada"))
        await until_waiting(world.superuser)
        await world.superuser.execute(
            "UPDATE members SET removed_at = now() WHERE email = $1", world.member.email
        )

    payload = await renaming
    assert (payload["userErrors"], payload["user"]) == ([], {"name": "Ada"})
