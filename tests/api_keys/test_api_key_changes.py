"""Generation and rotation of API keys: permissions, events, emails and effects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.api_keys import ApiScope
from permissions.tokens import is_api_key, shown_prefix
from resolvers.api_keys.mutations import MOST_KEYS
from tests.processes.test_concurrency import at_once, in_either_order
from tests.support.changes import (
    CHANGE_ROLE,
    REMOVE,
    ROTATE_API_KEY,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.contracts import ROLES
from tests.support.keys import claimed, generate, generated, newest_email, newest_event, works
from tests.support.stored_keys import store_api_key
from tests.support.world import GENERATE_API_KEY, World

WEEK = 7 * 86_400
NEVER_GENERATED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an empty name": ({"name": " "}, "INVALID", "name"),
    "a long name": ({"name": "x" * 101}, "INVALID", "name"),
    "no scopes": ({"scopes": []}, "INVALID", "scopes"),
    "the past": ({"expiresAt": "2001-01-01T00:00:00Z"}, "INVALID", "expiresAt"),
    "far away": ({"expiresAt": "2099-01-01T00:00:00Z"}, "INVALID", "expiresAt"),
    "no member": ({"memberId": "member_" + "0" * 32}, "NOT_FOUND", "memberId"),
    "no id": ({"memberId": "nobody"}, "NOT_FOUND", "memberId"),
    "no account": ({"accountId": "account_" + "0" * 32}, "NOT_FOUND", "accountId"),
}


@pytest.mark.usefixtures("each_executor")
async def test_one_s_own_key_works_at_once_and_its_secret_is_shown_once(world: World) -> None:
    payload = await generate(
        world, scopes=["PROVISION", "READ", "READ"], expiresAt="2030-01-01T00:00:00+02:00"
    )

    key, secret = payload["apiKey"], payload["secret"]
    assert is_api_key(secret)
    assert await works(world, secret)
    assert key == {
        "id": key["id"], "name": "Shop", "prefix": shown_prefix(secret), "status": "ACTIVE",
        "scopes": ["READ", "PROVISION"], "expiresAt": "2029-12-31T22:00:00.000000Z",
        "member": {"id": world.admin.member_id}, "createdBy": {"id": world.admin.member_id},
    }  # fmt: skip
    event = await newest_event(world)
    assert (event["action"], event["summary"], event["targetId"]) == (
        "API_KEY_GENERATED",
        "Admin generated the API key Shop",
        key["id"],
    )
    assert event["details"]["scopes"] == ["READ", "PROVISION"]
    subject, text = await newest_email(world, world.admin.email)
    assert subject == "New API key Shop"
    assert "1 January 2030" not in text
    assert "31 December 2029, 22:00 UTC" in text
    stored = str(await world.rows()) + str(await world.events()) + text
    assert secret not in stored


async def test_a_key_has_all_scopes_where_none_is_named_and_a_member_s_own_id_is_oneself(
    world: World,
) -> None:
    payload = await generate(world, memberId=world.admin.member_id)

    assert payload["apiKey"]["scopes"] == list(ApiScope)
    assert await works(world, payload["secret"])


async def test_a_key_for_a_member_waits_for_that_member(world: World) -> None:
    payload = await generate(world, memberId=world.member.member_id)

    assert payload["secret"] is None
    assert (payload["apiKey"]["status"], payload["apiKey"]["prefix"]) == ("UNCLAIMED", "ta_")
    assert (await newest_event(world))["summary"] == "Admin generated the API key Shop for Member"
    subject, text = await newest_email(world, world.member.email)
    assert subject == "Claim your API key for Acme"
    assert f"{world.settings.public_url}/claim/{await world.token_for(world.member.email)}\n" in text
    assert [email.to for email in await world.emails(world.admin.email)] == [world.admin.email]


@pytest.mark.parametrize("case", NEVER_GENERATED)
async def test_what_is_no_key(world: World, case: str) -> None:
    input, code, path = NEVER_GENERATED[case]

    async with nothing_changes(world):
        assert user_error(await generate(world, **input)) == (code, [path])


async def test_a_time_needs_its_offset(world: World) -> None:
    async with nothing_changes(world):
        answer = await world.admin.post(
            GENERATE_API_KEY,
            input={"accountId": world.account_id, "name": "Shop", "expiresAt": "2030-01-01T00:00:00"},
        )

    assert "an offset" in answer["errors"][0]["message"]


async def test_a_viewer_cannot_be_given_a_key_nor_somebody_who_left(world: World) -> None:
    async with nothing_changes(world):
        payload = await generate(world, memberId=world.viewer.member_id)
        assert user_error(payload) == ("ROLE_WITHOUT_API_ACCESS", ["memberId"])
        assert "assign the role Member" in payload["userErrors"][0]["message"]
    await world.admin.change(REMOVE, memberId=world.viewer.member_id)
    assert user_error(await generate(world, memberId=world.viewer.member_id)) == ("NOT_ACTIVE", ["memberId"])


async def test_nobody_of_another_account_is_given_a_key(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        assert user_error(await generate(world, memberId=stranger.member_id)) == ("NOT_FOUND", ["memberId"])
        assert user_error(await generate(world, by=stranger)) == ("NOT_FOUND", ["accountId"])


async def test_a_member_has_so_many_keys_and_not_more(world: World) -> None:
    for number in range(MOST_KEYS - 1):
        await store_api_key(world, world.admin.member_id, f"One of many {number}")
    await store_api_key(world, world.admin.member_id, "Over", expires_at="now()")

    answers = await at_once(*(generate(world) for _ in range(3)))

    assert sorted(codes(answer) for answer in answers) == [[], ["INVALID"], ["INVALID"]]
    (message, *_) = (error["message"] for answer in answers for error in answer["userErrors"])
    assert message == "Admin has 100 API keys, the maximum: revoke one first."
    assert not codes(await generate(world, memberId=world.member.member_id))


@pytest.mark.parametrize("whose", ["ADMIN", "MEMBER"])
async def test_the_same_again_answers_with_the_key_and_no_secret(world: World, whose: str) -> None:
    input: dict[str, Any] = {"memberId": world.people[whose].member_id, "idempotencyKey": "k"}

    answers = await at_once(*(generate(world, **input) for _ in range(5)))

    assert len({answer["apiKey"]["id"] for answer in answers}) == 1
    assert len([answer for answer in answers if answer["secret"]]) == (whose == "ADMIN")
    assert len(await world.emails(world.people[whose].email)) == 2  # By the first one they came here.
    assert actions(await world.events()).count("API_KEY_GENERATED") == 1
    async with nothing_changes(world):
        assert codes(await generate(world, **input, name="Other")) == ["IDEMPOTENCY_CONFLICT"]


@pytest.mark.usefixtures("each_executor")
async def test_a_rotated_key_has_another_secret_at_once(world: World) -> None:
    script = await claimed(world, world.member)

    payload = await world.member.change(ROTATE_API_KEY, apiKeyId=script.member_id)

    assert payload["apiKey"] == {
        "id": script.member_id, "prefix": shown_prefix(payload["secret"]), "status": "ACTIVE"
    }  # fmt: skip
    assert [await works(world, secret) for secret in (script.token, payload["secret"])] == [False, True]
    event = await newest_event(world)
    assert (event["action"], event["summary"]) == ("API_KEY_ROTATED", "Member rotated the API key Shop")
    assert event["details"] == {
        "overlapSeconds": 0, "prefix": [shown_prefix(script.token or ""), payload["apiKey"]["prefix"]]
    }  # fmt: skip
    subject, text = await newest_email(world, world.member.email)
    assert subject == "New secret of the API key Shop"
    assert "has stopped working" in text


async def test_an_overlap_is_of_the_newest_old_secret_alone(world: World) -> None:
    id, first = await generated(world)

    second = (await world.admin.change(ROTATE_API_KEY, apiKeyId=id, overlapSeconds=WEEK))["secret"]
    assert [await works(world, secret) for secret in (first, second)] == [True, True]
    assert "replace it by then" in (await newest_email(world, world.admin.email))[1]
    third = (await world.admin.change(ROTATE_API_KEY, apiKeyId=id, overlapSeconds=1))["secret"]
    assert [await works(world, secret) for secret in (first, second, third)] == [False, True, True]
    await world.superuser.execute("UPDATE api_keys SET previous_expires_at = now()")
    assert [await works(world, secret) for secret in (second, third)] == [False, True]


@pytest.mark.parametrize("seconds", [-1, WEEK + 1])
async def test_an_overlap_lasts_no_longer_than_a_week(world: World, seconds: int) -> None:
    id, secret = await generated(world)

    async with nothing_changes(world):
        payload = await world.admin.change(ROTATE_API_KEY, apiKeyId=id, overlapSeconds=seconds)
        assert user_error(payload) == ("INVALID", ["overlapSeconds"])
    assert await works(world, secret)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("revoked_at = now()", "was revoked"),
        ("expires_at = now()", "has expired"),
        ("claimed_at = NULL, key_hash = NULL", "has not been claimed yet"),
    ],
)
async def test_only_a_key_that_works_is_rotated(world: World, columns: str, says: str) -> None:
    id, _ = await generated(world)
    await world.superuser.execute(f"UPDATE api_keys SET {columns}")

    async with nothing_changes(world):
        payload = await world.admin.change(ROTATE_API_KEY, apiKeyId=id)
        assert user_error(payload) == ("NOT_ACTIVE", ["apiKeyId"])
    assert says in payload["userErrors"][0]["message"]


async def test_nobody_rotates_the_key_of_another_not_even_an_admin(world: World) -> None:
    script = await claimed(world, world.member)

    for person in (world.admin, world.viewer):
        async with nothing_changes(world, denied=1):
            answer = await person.post(ROTATE_API_KEY, input={"apiKeyId": script.member_id})
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "FORBIDDEN", "permission": "GENERATE_API_KEYS"}
        assert "revoke it, and generate a new one" in error["message"]
    denied = (await world.events())[1]
    assert denied["summary"] == "Admin tried to rotate an API key, which is for that member alone"
    assert await works(world, script.token)


async def test_a_demotion_and_a_generation_of_one_moment(world: World) -> None:
    """A Viewer has no key but one that was there first."""
    for number in range(6):
        input = {"accountId": world.account_id, "name": "Shop", "memberId": world.member.member_id}
        answers = await in_either_order(
            number,
            world.admin.post(GENERATE_API_KEY, input=input),
            world.admin.post(CHANGE_ROLE, input={"memberId": world.member.member_id, "role": "VIEWER"}),
        )

        newest = actions(await world.events())[:2]
        assert answers[1] == "OK"
        if answers[0] == "OK":
            assert newest == ["MEMBER_ROLE_CHANGED", "API_KEY_GENERATED"]
        else:
            assert answers[0] == "ROLE_WITHOUT_API_ACCESS"
            assert newest[0] == "MEMBER_ROLE_CHANGED"
        await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="MEMBER")


async def test_an_admin_who_is_demoted_in_that_moment_generates_nothing(world: World) -> None:
    other = await world.join("ADMIN", "other@example.com")
    for number in range(4):
        generation, _ = await in_either_order(
            number,
            other.post(GENERATE_API_KEY, input={"accountId": world.account_id, "name": "Shop"}),
            world.admin.post(CHANGE_ROLE, input={"memberId": other.member_id, "role": "MEMBER"}),
        )

        newest = await newest_event(world)
        if generation == "OK":
            assert newest["action"] == "MEMBER_ROLE_CHANGED"
        else:
            assert generation == "FORBIDDEN"
            assert newest["outcome"] == "DENIED"
        await world.admin.change(CHANGE_ROLE, memberId=other.member_id, role="ADMIN")


@pytest.mark.parametrize("role", ROLES)
async def test_generating_is_for_admins(world: World, role: str) -> None:
    answer = await world.people[role].post(
        GENERATE_API_KEY, input={"accountId": world.account_id, "name": "Shop"}
    )

    assert ("errors" in answer) == (role != "ADMIN")


async def test_a_key_that_expires_within_a_week_has_been_told_of(world: World) -> None:
    soon, later = (datetime.now(UTC) + timedelta(days=days) for days in (6, 8))
    for name, at in (("soon", soon), ("later", later)):
        await generate(world, name=name, expiresAt=at.isoformat())

    told = await world.superuser.fetch("SELECT name FROM api_keys WHERE expiry_notified_at IS NOT NULL")

    assert [row["name"] for row in told] == ["soon"]
