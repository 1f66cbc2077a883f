"""The role of a pending invitation is changed, by a new email with a new link."""

import pytest

from tests.invitations.test_invitations import BOB, end, invitations, invited
from tests.processes.test_concurrency import in_either_order
from tests.support.changes import (
    CHANGE_INVITATION_ROLE,
    INVITE_MANY,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.limited import limited
from tests.support.world import ACCEPT, INVITE, World


async def test_the_email_states_the_new_role_and_the_previous_link_is_not_valid(world: World) -> None:
    id, old_token = await invited(world)
    await world.superuser.execute(
        "UPDATE invitations SET delivery = 'SENT', sent_at = now(), expires_at = now() + interval '1 hour'"
    )

    changed = await world.admin.change(CHANGE_INVITATION_ROLE, invitationId=id, role="VIEWER")

    assert (changed["invitation"]["role"], changed["invitation"]["delivery"]) == ("VIEWER", "QUEUED")
    left = "SELECT expires_at - now() > interval '6 days' FROM invitations WHERE email = $1"
    assert await world.superuser.fetchval(left, BOB)
    newest = (await world.emails(BOB))[-1]
    assert "as Viewer" in newest.text
    assert user_error(await world.nobody.change(ACCEPT, token=old_token)) == ("TOKEN_INVALID", ["token"])
    joined = await world.nobody.change(ACCEPT, token=await world.token_for(BOB))
    assert joined["member"]["role"] == "VIEWER"
    (event,) = await world.events(actions=["INVITATION_ROLE_CHANGED"])
    assert event["summary"] == f"Admin changed the role of the invitation of {BOB} from Member to Viewer"
    assert event["details"] == {"role": ["MEMBER", "VIEWER"], "emails": 2}


async def test_the_same_role_sends_no_email(world: World) -> None:
    id, token = await invited(world)

    async with nothing_changes(world):
        assert not codes(await world.admin.change(CHANGE_INVITATION_ROLE, invitationId=id, role="MEMBER"))

    assert not codes(await world.nobody.change(ACCEPT, token=token))


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("ACCEPTED", "INVITATION_ALREADY_USED"),
        ("DECLINED", "NOT_ACTIVE"),
        ("REVOKED", "INVITATION_REVOKED"),
        ("EXPIRED", "INVITATION_EXPIRED"),
    ],
)
async def test_an_invitation_that_ended_keeps_its_role(world: World, how: str, code: str) -> None:
    id = await end(world, how)

    async with nothing_changes(world):
        refused = await world.admin.change(CHANGE_INVITATION_ROLE, invitationId=id, role="VIEWER")

    assert user_error(refused) == (code, ["invitationId"])


async def test_an_invitation_of_another_account_is_not_found(world: World) -> None:
    id, _ = await invited(world)
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        for some_id in (id, world.account_id, "x"):
            refused = await stranger.change(CHANGE_INVITATION_ROLE, invitationId=some_id, role="ADMIN")
            assert user_error(refused) == ("NOT_FOUND", ["invitationId"])


async def test_a_change_of_the_role_counts_as_an_email_to_the_address(world: World) -> None:
    async with limited(world, invitation_emails_per_hour=2) as (there, _):
        admin = there.admin
        made = await admin.change(INVITE, accountId=world.account_id, email=BOB, role="VIEWER")
        id = made["invitation"]["id"]
        assert not codes(await admin.change(CHANGE_INVITATION_ROLE, invitationId=id, role="ADMIN"))

        async with nothing_changes(there):
            refused = await admin.change(CHANGE_INVITATION_ROLE, invitationId=id, role="MEMBER")

    assert user_error(refused) == ("TOO_MANY_REQUESTS", ["invitationId"])


async def test_nobody_joins_with_a_role_that_the_opened_link_does_not_state(world: World) -> None:
    seen = set()
    for number in range(25):
        email = f"p{number}@example.com"
        made = await world.admin.change(INVITE, accountId=world.account_id, email=email, role="ADMIN")
        token = await world.token_for(email)
        change = {"invitationId": made["invitation"]["id"], "role": "VIEWER"}

        outcomes = await in_either_order(
            number,
            world.admin.post(CHANGE_INVITATION_ROLE, input=change),
            world.nobody.post(ACCEPT, input={"token": token}),
        )

        role = await world.superuser.fetchval("SELECT role FROM members WHERE email = $1", email)
        assert (*outcomes, role) in {
            ("OK", "TOKEN_INVALID", None),
            ("INVITATION_ALREADY_USED", "OK", "ADMIN"),
        }
        seen.add(role)
    assert seen


async def test_each_invitation_of_many_has_its_own_message(world: World) -> None:
    rows = [
        {"email": "a@example.com", "role": "VIEWER", "message": " Hello Ada \n"},
        {"email": "b@example.com", "role": "VIEWER"},
        {"email": "c@example.com", "role": "VIEWER", "message": "a\x07b"},
        {"email": "d@example.com", "role": "VIEWER", "message": "x" * 1_000},
    ]

    payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)

    messages = [result["invitation"] and result["invitation"]["message"] for result in payload["results"]]
    assert messages == ["Hello Ada", None, None, "x" * 1_000]
    (error,) = payload["results"][2]["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID", ["invitations", "2", "message"])
    assert "> Hello Ada\n" in (await world.emails("a@example.com"))[-1].text
    assert "> " not in (await world.emails("b@example.com"))[-1].text
    assert {row["email"] for row in await invitations(world, statuses=["PENDING"])} == {
        "a@example.com",
        "b@example.com",
        "d@example.com",
    }


async def test_a_message_that_is_too_long_refuses_the_list(world: World) -> None:
    rows = [{"email": "a@example.com", "role": "VIEWER", "message": "x" * 1_001}]

    async with nothing_changes(world):
        payload = await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)

    assert user_error(payload) == ("INVALID", ["invitations", "0", "message"])
