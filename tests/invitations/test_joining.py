"""Invitations are accepted and declined, also repeatedly and by other people."""

import pytest

from tests.invitations.test_invitations import BOB, end, invite, invited
from tests.support.changes import (
    DECLINE,
    RESEND,
    REVOKE_INVITATION,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import ACCEPT, Person, World

PREVIEW = """query ($token: String!) { invitation(token: $token) {
  accountName role status invitedByName maskedEmail expiresAt } }"""


async def test_a_declined_invitation_is_declined_once(world: World) -> None:
    _, token = await invited(world)

    for _ in range(2):
        assert (await world.nobody.change(DECLINE, token=token))["invitation"] == {"status": "DECLINED"}

    (event,) = await world.events(actions=["INVITATION_DECLINED"])
    assert event["summary"] == f"{BOB} declined the invitation"
    assert not codes(await invite(world))


async def test_a_second_click_by_the_same_person_is_no_error(world: World) -> None:
    _, token = await invited(world)
    first = await world.nobody.change(ACCEPT, token=token, name="Bob")
    bob = Person(world.http, BOB, first["sessionToken"])

    async with nothing_changes(world):
        second = await bob.change(ACCEPT, token=token)

    assert second["userErrors"] == []
    assert (second["member"], second["sessionToken"]) == (first["member"], None)


async def test_somebody_else_is_told_whom_the_invitation_is_for(world: World) -> None:
    _, token = await invited(world)

    async with nothing_changes(world):
        for change in (ACCEPT, DECLINE):
            payload = await world.viewer.change(change, token=token)
            assert user_error(payload) == ("WRONG_EMAIL", ["token"])
    payload = await world.viewer.change(ACCEPT, token=token)
    (error,) = payload["userErrors"]
    assert (error["invitedMaskedEmail"], error["signedInEmail"]) == ("b•••@e•••.com", "viewer@example.com")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\x07", "é" * 200])
async def test_no_token(world: World, token: str) -> None:
    async with nothing_changes(world):
        for change in (ACCEPT, DECLINE):
            assert user_error(await world.nobody.change(change, token=token)) == ("TOKEN_INVALID", ["token"])
        assert (await world.nobody.ask(PREVIEW, token=token))["invitation"] is None


ENDED = [
    ("ACCEPTED", "INVITATION_ALREADY_USED", "INVITATION_ALREADY_USED", "INVITATION_ALREADY_USED"),
    ("DECLINED", "NOT_ACTIVE", "NOT_ACTIVE", "NOT_ACTIVE"),
    ("REVOKED", "INVITATION_REVOKED", None, "INVITATION_REVOKED"),
    ("EXPIRED", None, None, "INVITATION_EXPIRED"),
]


@pytest.mark.parametrize(("how", "resend", "revoke", "accept"), ENDED)
async def test_what_has_ended(
    world: World, how: str, resend: str | None, revoke: str | None, accept: str
) -> None:
    id = await end(world, how)
    token = await world.token_for(BOB)

    async with nothing_changes(world):
        assert user_error(await world.nobody.change(ACCEPT, token=token)) == (accept, ["token"])
        if how != "DECLINED":
            assert user_error(await world.nobody.change(DECLINE, token=token)) == (accept, ["token"])
        if resend:
            assert user_error(await world.admin.change(RESEND, invitationId=id)) == (resend, ["invitationId"])
    revoked = await world.admin.change(REVOKE_INVITATION, invitationId=id)
    assert codes(revoked) == ([revoke] if revoke else [])
    assert (await world.nobody.ask(PREVIEW, token=token))["invitation"]["status"] == (
        "REVOKED" if revoke is None else how
    )
    # A second withdrawal is no news.
    assert actions(await world.events()).count("INVITATION_REVOKED") == (revoke is None)
