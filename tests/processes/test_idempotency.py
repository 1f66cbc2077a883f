"""A retry with the same idempotency key changes nothing and returns the first result."""

from collections import Counter
from typing import Any

import pytest

from tests.processes.test_concurrency import at_once
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    CHANGE_ROLES,
    CREATE_ACCOUNT,
    INVITE_MANY,
    INVITE_ONE,
    PROVISION_LICENSE,
    REMOVE_MANY,
    REVOKE_INVITATION,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import GENERATE_API_KEY, Person, World

CHANGES = [
    "inviteMember",
    "inviteMembers",
    "changeMemberRoles",
    "removeMembers",
    "provisionLicense",
    "createAccount",
    "generateApiKey",
]


async def keyed(
    world: World, change: str, key: str, site: str = "a", by: Person | None = None, **extra: Any
) -> Any:
    """The change with its key; `site` makes the input another one."""
    email = f"{site}@example.com"
    in_account = {"accountId": world.account_id, "idempotencyKey": key, **extra}
    rows = [{"email": email, "role": "VIEWER"}, {"email": "member@example.com", "role": "VIEWER"}]
    new_role = {"memberId": world.viewer.member_id, "role": "MEMBER" if site == "a" else "ADMIN"}
    leaving = [(world.viewer if site == "a" else world.member).member_id]
    mutation, input = {
        "changeMemberRoles": (CHANGE_ROLES, {**in_account, "members": [new_role]}),
        "removeMembers": (REMOVE_MANY, {**in_account, "memberIds": leaving}),
        "inviteMember": (INVITE_ONE, {**in_account, "email": email, "role": "VIEWER"}),
        "inviteMembers": (INVITE_MANY, {**in_account, "invitations": rows}),
        "provisionLicense": (
            PROVISION_LICENSE,
            {**in_account, "themeId": await theme(world), "site": f"{site}.example.com"},
        ),
        "generateApiKey": (
            GENERATE_API_KEY,
            {**in_account, "memberId": world.member.member_id, "name": f"Key {site}"},
        ),
        "createAccount": (CREATE_ACCOUNT, {"name": f"Account {site}", "idempotencyKey": key}),
    }[change]
    return await (by or world.admin).change(mutation, **input)


async def theme(world: World) -> str:
    found: str = (await world.admin.ask('{ theme(slug: "aurora") { id } }'))["theme"]["id"]
    return found


@pytest.fixture(autouse=True)
def _themes(themes: dict[str, str]) -> None:
    """Five licenses of aurora may be provisioned."""


@pytest.mark.parametrize("change", CHANGES)
async def test_the_same_again_answers_as_the_first_time(world: World, change: str) -> None:
    first = await keyed(world, change, "k")
    assert not codes(first)

    async with nothing_changes(world):
        for _ in range(2):
            assert await keyed(world, change, "k") == first


@pytest.mark.parametrize("change", CHANGES)
async def test_another_input_with_the_same_key_is_a_conflict(world: World, change: str) -> None:
    await keyed(world, change, "k")

    async with nothing_changes(world):
        payload = await keyed(world, change, "k", "b")

    assert payload["userErrors"][0]["code"] == "IDEMPOTENCY_CONFLICT"
    assert payload["userErrors"][0]["path"] == ["idempotencyKey"]


async def test_another_change_with_the_same_key_is_a_conflict(world: World) -> None:
    await keyed(world, "inviteMember", "k")

    async with nothing_changes(world):
        assert user_error(await keyed(world, "provisionLicense", "k")) == (
            "IDEMPOTENCY_CONFLICT",
            ["idempotencyKey"],
        )


@pytest.mark.parametrize("change", CHANGES)
async def test_another_member_with_the_same_key_is_none_of_it(world: World, change: str) -> None:
    other = await world.join("ADMIN", "other@example.com")
    await keyed(world, change, "k")

    payload = await keyed(world, change, "k", "b", by=other)

    assert not codes(payload)


async def test_the_same_person_in_another_account_is_another_member(world: World) -> None:
    await keyed(world, "inviteMember", "k")
    account = (await world.admin.change(CREATE_ACCOUNT, name="Other", idempotencyKey="k"))["account"]

    payload = await keyed(world, "inviteMember", "k", accountId=account["id"])

    assert payload["invitation"]["status"] == "PENDING"


@pytest.mark.parametrize("change", CHANGES)
async def test_ten_at_once_are_one(world: World, change: str) -> None:
    done = "SELECT action, summary FROM audit_events WHERE outcome = 'ALLOWED' ORDER BY occurred_at, sequence"
    before = await world.superuser.fetch(done)

    answers = await at_once(*(keyed(world, change, "k") for _ in range(10)))

    assert answers == [answers[0]] * 10
    assert not codes(answers[0])
    events = await world.superuser.fetch(done)
    assert len(events) == len(before) + 1, events
    await chain.assert_whole(world.superuser)


async def test_five_accounts_of_one_name_at_once_are_five(world: World) -> None:
    answers = await at_once(*(world.admin.change(CREATE_ACCOUNT, name="Same") for _ in range(5)))

    assert Counter(map(str, map(codes, answers))) == {"[]": 5}
    assert len({answer["account"]["slug"] for answer in answers}) == 5


async def test_what_was_refused_may_be_tried_again_with_its_key(world: World) -> None:
    refused = await keyed(world, "inviteMember", "k", "member")
    assert user_error(refused) == ("ALREADY_MEMBER", ["email"])

    assert not codes(await keyed(world, "inviteMember", "k"))


async def test_a_replay_shows_what_became_of_it(world: World) -> None:
    first = await keyed(world, "inviteMember", "k")
    await world.admin.change(REVOKE_INVITATION, invitationId=first["invitation"]["id"])

    again = await keyed(world, "inviteMember", "k")

    assert again["invitation"] == {**first["invitation"], "status": "REVOKED"}


async def test_a_replay_needs_the_permission_as_of_now(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    input = {"accountId": world.account_id, "email": "a@example.com", "role": "VIEWER", "idempotencyKey": "k"}
    assert not codes(await other.change(INVITE_ONE, **input))
    await world.admin.change(CHANGE_ROLE, memberId=other.member_id, role="MEMBER")

    async with nothing_changes(world, denied=1):
        (forbidden,) = await other.errors(INVITE_ONE, input=input)
    assert forbidden == {"code": "FORBIDDEN", "permission": "INVITE_MEMBERS"}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_no_key(world: World, change: str, key: str) -> None:
    async with nothing_changes(world):
        payload = await keyed(world, change, key)
    assert payload["userErrors"][0]["path"] == ["idempotencyKey"]


async def test_a_key_of_any_characters(world: World) -> None:
    for key in ("ключ", " ", "'; --", "x" * 255):
        assert not codes(await keyed(world, "createAccount", key, key[:3] + "x"))
