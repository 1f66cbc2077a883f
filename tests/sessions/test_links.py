"""Emailed links as people and scanners open them: opening changes nothing, the button acts."""

import asyncio

import pytest

from tests.invitations.test_invitations import BOB, invited
from tests.support.links import (
    Arrange,
    Opened,
    claiming,
    heading,
    invitation,
    made_up,
    nothing_is_written,
    session_of,
    signing_in,
)
from tests.support.world import World

WHO = "{ viewer { user { email } memberships { role account { name } } } }"
INVITES = "Admin invites you to Acme"
OTHER_ADDRESS = "This invitation is for another address"
CLAIM = "Admin generated an API key for you"
CLAIMED = "This API key was already claimed"
USED = "This sign-in link was already used"
STATES: dict[str, tuple[Arrange, int, str]] = {
    "pending": (invitation("PENDING"), 200, INVITES),
    "pending, signed in": (invitation("PENDING", "invited"), 200, INVITES),
    "pending, session ended": (invitation("PENDING", "garbage"), 200, INVITES),
    "pending, wrong person": (invitation("PENDING", "wrong"), 403, OTHER_ADDRESS),
    "expired": (invitation("EXPIRED"), 410, "This invitation has expired"),
    "expired, wrong person": (invitation("EXPIRED", "wrong"), 410, "This invitation has expired"),
    "revoked": (invitation("REVOKED"), 410, "This invitation was withdrawn"),
    "declined": (invitation("DECLINED"), 410, "This invitation was declined"),
    "accepted": (invitation("ACCEPTED"), 410, "This invitation was already accepted"),
    "accepted by me": (invitation("ACCEPTED", "invited"), 200, "You are a member"),
    "accepted by another": (invitation("ACCEPTED", "wrong"), 403, OTHER_ADDRESS),
    "removed since": (invitation("REMOVED", "invited"), 410, "You are no longer on this team"),
    "resent since": (invitation("RESENT"), 404, "This invitation link is not valid"),
    "made up": (made_up("/join/" + "A" * 43), 404, "This invitation link is not valid"),
    "sign-in": (signing_in("OPEN"), 200, "Sign in to Team access"),
    "sign-in, signed in": (signing_in("OPEN", "wrong"), 200, "Sign in to Team access"),
    "sign-in expired": (signing_in("EXPIRED"), 410, "This sign-in link has expired"),
    "sign-in used": (signing_in("USED"), 410, USED),
    "sign-in used by another": (signing_in("USED", "wrong"), 410, USED),
    "claim": (claiming("UNCLAIMED"), 200, CLAIM),
    "claim, signed in": (claiming("UNCLAIMED", "member"), 200, CLAIM),
    "claim, session ended": (claiming("UNCLAIMED", "garbage"), 200, CLAIM),
    "claim, wrong person": (claiming("UNCLAIMED", "wrong"), 403, "This API key is for another address"),
    "claimed": (claiming("CLAIMED"), 200, CLAIMED),
    "claimed by me": (claiming("CLAIMED", "member"), 200, CLAIMED),
    "claimed by another": (claiming("CLAIMED", "wrong"), 403, "This API key is for another address"),
    "claim of a Viewer": (claiming("VIEWER", "member"), 403, "Your role has no API access"),
    "claim lapsed": (claiming("LAPSED"), 410, "This API key has expired"),
    "claim lapsed, wrong person": (claiming("LAPSED", "wrong"), 410, "This API key has expired"),
    "claimed and over": (claiming("CLAIMED AND OVER"), 410, "This API key has expired"),
    "claim revoked": (claiming("REVOKED"), 410, "This API key was revoked"),
    "claimed and revoked": (claiming("CLAIMED AND REVOKED"), 410, "This API key was revoked"),
    "claim, removed since": (claiming("REMOVED", "member"), 410, "You are no longer on this team"),
    "claim made up": (made_up("/claim/" + "A" * 43), 404, "This link to an API key is not valid"),
    "sign-in made up": (made_up("/sign-in/" + "A" * 43), 404, "This sign-in link is not valid"),
}
# What a button finds that leads nowhere.
CLOSED = [state for state, (_, status_code, _) in STATES.items() if status_code != 200]


@pytest.mark.parametrize("state", [*STATES, "sign-in used by me"])
async def test_opening_a_link_a_hundred_times_changes_nothing(world: World, state: str) -> None:
    arrange, status_code, title = STATES.get(state, (signing_in("USED", "same"), 303, ""))
    link = await arrange(world)

    async with nothing_is_written(world.superuser):
        answers = [await link.by(world.http, method) for method in ("GET", "HEAD") for _ in range(50)]

    assert {answer.status_code for answer in answers} == {status_code}
    assert {answer.content for answer in answers[50:]} == {b""}
    if title:
        assert {heading(answer) for answer in answers[:50]} == {title}
    else:
        assert {answer.headers["location"] for answer in answers} == {world.settings.app_url}


@pytest.mark.parametrize("state", CLOSED)
async def test_a_button_of_a_link_that_leads_nowhere_says_so(world: World, state: str) -> None:
    arrange, status_code, title = STATES[state]
    link = await arrange(world)

    async with nothing_is_written(world.superuser):
        answer = await link.by(world.http, "POST")

    assert (answer.status_code, heading(answer)) == (status_code, title)
    assert "set-cookie" not in answer.headers


async def test_join_joins_once_and_signs_in(world: World) -> None:
    link = await invitation("PENDING")(world)

    joined = await link.by(world.http, "POST")
    bob = session_of(joined, world)
    async with nothing_is_written(world.superuser):
        again = await Opened(link.path, bob.token).by(world.http, "POST")

    for answer in (joined, again):
        assert (answer.status_code, answer.headers["location"]) == (303, world.settings.app_url)
    assert "set-cookie" not in again.headers
    assert await bob.ask(WHO) == {
        "viewer": {"user": {"email": BOB}, "memberships": [{"role": "MEMBER", "account": {"name": "Acme"}}]}
    }


async def test_join_keeps_the_session_of_whoever_is_signed_in(world: World) -> None:
    link = await invitation("PENDING", "invited")(world)

    joined = await link.by(world.http, "POST")

    assert joined.status_code == 303
    assert "set-cookie" not in joined.headers
    assert heading(await link.by(world.http, "GET")) == "You are a member"


@pytest.mark.parametrize("arrange", [invitation("PENDING"), signing_in("OPEN")])
async def test_two_clicks_of_one_moment_both_succeed(world: World, arrange: Arrange) -> None:
    link = await (await arrange(world)).opened(world.http)
    # The connections are there already, so that both clicks arrive at once.
    await asyncio.gather(*(link.by(world.http, "GET") for _ in range(2)))

    answers = await asyncio.gather(*(link.by(world.http, "POST") for _ in range(2)))

    people = [session_of(answer, world) for answer in answers]
    assert [answer.status_code for answer in answers] == [303, 303]
    first, second = [await person.ask(WHO) for person in people]
    assert first == second
    assert len(first["viewer"]["memberships"]) == 1


async def test_decline_declines(world: World) -> None:
    link = await invitation("PENDING")(world)

    declined = await link.at("/decline").by(world.http, "POST")
    async with nothing_is_written(world.superuser):
        again = await link.at("/decline").by(world.http, "POST")

    for answer in (declined, again):
        assert (answer.status_code, heading(answer)) == (200, "You declined the invitation")
    shown = await link.by(world.http, "GET")
    assert (shown.status_code, heading(shown)) == (410, "This invitation was declined")


async def test_the_wrong_person_is_told_and_may_switch(world: World) -> None:
    link = await invitation("PENDING", "wrong")(world)

    shown = await link.by(world.http, "GET")
    switched = await link.at("/switch").by(world.http, "POST")

    assert "b•••@e•••.com" in shown.text
    assert "viewer@example.com" in shown.text
    assert BOB not in shown.text
    assert (switched.status_code, switched.headers["location"]) == (303, link.path)
    assert "Max-Age=0" in switched.headers["set-cookie"]
    # The session has ended, not just the cookie.
    assert (await world.viewer.errors(WHO))[0]["code"] == "UNAUTHENTICATED"
    assert heading(await Opened(link.path).by(world.http, "GET")) == INVITES


async def test_the_role_shown_is_the_one_held_now(world: World) -> None:
    link = await invitation("ACCEPTED", "invited")(world)
    await world.superuser.execute("UPDATE members SET role = 'VIEWER' WHERE email = $1", BOB)

    assert "<strong>Viewer</strong>" in (await link.by(world.http, "GET")).text


async def test_sign_in_signs_in_once(world: World) -> None:
    link = await signing_in("OPEN", "wrong")(world)

    signed_in = await link.by(world.http, "POST")
    person = session_of(signed_in, world)
    async with nothing_is_written(world.superuser):
        again = await Opened(link.path, person.token).by(world.http, "POST")
        elsewhere = await Opened(link.path).by(world.http, "POST")

    for answer in (signed_in, again):
        assert (answer.status_code, answer.headers["location"]) == (303, world.settings.app_url)
    assert "set-cookie" not in again.headers
    assert (elsewhere.status_code, heading(elsewhere)) == (410, USED)
    assert (await person.ask(WHO))["viewer"]["user"]["email"] == "member@example.com"


async def test_sign_out_ends_the_session(world: World) -> None:
    signed_out = await Opened("/sign-out", world.member.token).by(world.http, "POST")

    assert (signed_out.status_code, heading(signed_out)) == (200, "You are signed out")
    assert "Max-Age=0" in signed_out.headers["set-cookie"]
    assert (await world.member.errors(WHO))[0]["code"] == "UNAUTHENTICATED"


async def test_the_emailed_links_are_those_that_work(world: World) -> None:
    await world.http.post("/sign-in", data={"email": " Member@Example.com "})
    _, token = await invited(world)

    for path in (f"/sign-in/{await world.token_for('member@example.com')}", f"/join/{token}"):
        assert (await world.http.get(path)).status_code == 200
