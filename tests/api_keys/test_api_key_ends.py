"""Revocation of API keys: immediate and permanent, with an event and emails."""

import pytest

from permissions.tokens import is_api_key
from tests.processes.test_concurrency import in_either_order
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLE,
    REMOVE,
    REVOKE_API_KEY,
    ROTATE_API_KEY,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.keys import WHO, claimed, generate, generated, newest_email, newest_event, works
from tests.support.stored_keys import with_key
from tests.support.world import CLAIM_API_KEY, GENERATE_API_KEY, World


async def test_a_viewer_rotates_and_revokes_its_own(world: World) -> None:
    script = await claimed(world, world.member)
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="VIEWER")

    rotated = await world.member.change(ROTATE_API_KEY, apiKeyId=script.member_id)
    revoked = await world.member.change(REVOKE_API_KEY, apiKeyId=script.member_id)

    assert is_api_key(rotated["secret"])
    assert revoked["apiKey"]["status"] == "REVOKED"
    assert revoked["apiKey"]["revokedBy"] == {"id": world.member.member_id}


@pytest.mark.usefixtures("each_executor")
async def test_an_admin_revokes_another_s_key_and_its_member_is_told(world: World) -> None:
    script = await claimed(world, world.member)
    sent = len(await world.emails(world.admin.email))

    payload = await world.admin.change(REVOKE_API_KEY, apiKeyId=script.member_id)

    assert payload["apiKey"]["status"] == "REVOKED"
    assert not await works(world, script.token)
    event = await newest_event(world)
    assert (event["action"], event["summary"]) == (
        "API_KEY_REVOKED",
        "Admin revoked the API key Shop of Member",
    )
    assert event["details"]["status"] == ["ACTIVE", "REVOKED"]
    assert (await newest_email(world, world.member.email))[0] == "Revoked: the API key Shop"
    assert len(await world.emails(world.admin.email)) == sent
    async with nothing_changes(world):
        assert await world.admin.change(REVOKE_API_KEY, apiKeyId=script.member_id) == payload


async def test_who_revokes_its_own_key_needs_no_email(world: World) -> None:
    script = await claimed(world, world.member)
    sent = len(await world.emails())

    assert not codes(await world.member.change(REVOKE_API_KEY, apiKeyId=script.member_id))

    assert len(await world.emails()) == sent
    assert (await newest_event(world))["summary"] == "Member revoked the API key Shop"


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("claimed_at = NULL, key_hash = NULL", ["API_KEY_REVOKED"]),
        ("expires_at = now()", ["API_KEY_REVOKED", "API_KEY_EXPIRED"]),
        ("expires_at = now(), expired_at = now()", ["API_KEY_REVOKED"]),
    ],
)
async def test_what_does_not_work_is_revoked_too(world: World, columns: str, told: list[str]) -> None:
    """And the log is told first of what was over by then."""
    id, _ = await generated(world)
    await world.superuser.execute(f"UPDATE api_keys SET {columns}")

    assert (await world.admin.change(REVOKE_API_KEY, apiKeyId=id))["apiKey"]["status"] == "REVOKED"

    assert actions(await world.events())[: len(told) + 1] == [*told, "API_KEY_GENERATED"]


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_whoever_generates_none_revokes_no_other_s(world: World, role: str) -> None:
    id, secret = await generated(world)

    async with nothing_changes(world, denied=1):
        answer = await world.people[role].post(REVOKE_API_KEY, input={"apiKeyId": id})
    assert [error["extensions"] for error in answer["errors"]] == [
        {"code": "FORBIDDEN", "permission": "GENERATE_API_KEYS"}
    ]
    assert await works(world, secret)


async def test_a_key_of_another_account_is_none(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    id, _ = await generated(world)

    async with nothing_changes(world):
        for mutation in (ROTATE_API_KEY, REVOKE_API_KEY):
            for asked in (id, "api_key_" + "0" * 32, "nonsense", world.admin.member_id):
                assert user_error(await stranger.change(mutation, apiKeyId=asked)) == (
                    "NOT_FOUND",
                    ["apiKeyId"],
                )


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER"])
async def test_a_key_makes_no_changes_of_keys(world: World, role: str) -> None:
    script = await with_key(world, world.people[role], "READ", "PROVISION")
    await script.ask(WHO)  # Which notes when it was last used.
    changes = [
        (GENERATE_API_KEY, {"accountId": world.account_id, "name": "Mine"}),
        (ROTATE_API_KEY, {"apiKeyId": script.member_id}),
        (REVOKE_API_KEY, {"apiKeyId": script.member_id}),
    ]

    # The change that was refused, and the call that asked for it.
    for mutation, input in changes:
        async with nothing_changes(world, denied=2):
            assert await script.errors(mutation, input=input) == [
                {"code": "FORBIDDEN", "permission": "GENERATE_API_KEYS"}
            ]
    async with nothing_changes(world, denied=1):
        assert await script.errors(CLAIM_API_KEY, input={"token": "x"}) == [{"code": "FORBIDDEN"}]


async def test_the_keys_of_a_removed_member_end_with_one_email(world: World) -> None:
    await claimed(world, world.member)
    await generate(world, memberId=world.member.member_id, name="Waiting")

    await world.admin.change(REMOVE, memberId=world.member.member_id)

    subject, text = await newest_email(world, world.member.email)
    assert subject == "You were removed from Acme"
    assert "- Shop\n- Waiting\n" in text
    assert actions(await world.events())[:3] == ["MEMBER_REMOVED", "API_KEY_REVOKED", "API_KEY_REVOKED"]


async def test_a_rotation_and_a_revocation_of_one_moment(world: World) -> None:
    """Whichever comes first, no secret works afterwards."""
    for number in range(4):
        script = await claimed(world, world.member)
        rotate = world.member.post(ROTATE_API_KEY, input={"apiKeyId": script.member_id, "overlapSeconds": 60})
        revoke = world.admin.post(REVOKE_API_KEY, input={"apiKeyId": script.member_id})

        rotated, revoked = await in_either_order(number, rotate, revoke)

        assert rotated in ("OK", "NOT_ACTIVE")
        assert revoked == "OK"
        assert not await works(world, script.token)
        rows = await world.superuser.fetch("SELECT revoked_at FROM api_keys")
        assert None not in [row["revoked_at"] for row in rows]
    await chain.assert_whole(world.superuser)


async def test_a_key_of_a_removed_member_does_not_work_even_where_it_is_not_revoked(world: World) -> None:
    script = await claimed(world, world.member)
    await world.admin.change(REMOVE, memberId=world.member.member_id)
    await world.superuser.execute("UPDATE api_keys SET revoked_at = NULL, revoked_by_id = NULL")

    (error,) = (await script.post("{ account { name } }"))["errors"]

    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["message"] == "The member that this API key belongs to is no longer a member of the account."
