"""An invitation signs in only a person that it creates."""

import asyncio
from typing import Any

import pytest

from tests.invitations.test_invitations import invited
from tests.support.changes import END_SESSIONS, codes, nothing_changes
from tests.support.links import Opened, browser_of, heading, session_of
from tests.support.world import ACCEPT, INVITE, Person, World

WHO = "{ viewer { user { email } memberships { role account { name } } } }"
ADA = "ada@example.com"


async def invited_elsewhere(world: World, email: str = ADA) -> str:
    """The token of an invitation to a stranger's account; `email` is in no way asked."""
    stranger = await world.found("Trap", "stranger@example.com")
    account_id = (await stranger.ask("{ account { id } }"))["account"]["id"]
    payload = await stranger.change(INVITE, accountId=account_id, email=email, role="VIEWER")
    assert not payload["userErrors"]
    return await world.token_for(email)


async def count(world: World, table: str) -> int:
    number: int = await world.superuser.fetchval(f"SELECT count(*) FROM {table}")
    return number


async def test_a_stranger_s_invitation_gives_nobody_a_session_of_its_addressee(world: World) -> None:
    token = await invited_elsewhere(world, "admin@example.com")
    before = await count(world, "sessions")

    payload = await world.nobody.change(ACCEPT, token=token)

    assert (payload["userErrors"], payload["sessionToken"]) == ([], None)
    assert (payload["member"]["name"], payload["member"]["role"]) == ("Admin", "VIEWER")
    assert await count(world, "sessions") == before
    memberships = (await world.admin.ask(WHO))["viewer"]["memberships"]
    assert [each["account"]["name"] for each in memberships] == ["Acme", "Trap"]


async def test_the_page_joins_whoever_exists_and_offers_a_sign_in_link(world: World) -> None:
    token = await invited_elsewhere(world, "admin@example.com")
    link = Opened(f"/join/{token}")

    joined = await link.by(world.http, "POST")
    emails = len(await world.emails("admin@example.com"))
    sent = await link.at("/sign-in").by(world.http, "POST")

    assert (joined.status_code, heading(joined)) == (200, "You joined Trap")
    assert "ta_session" not in joined.headers.get("set-cookie", "")
    assert f'action="/join/{token}/sign-in"' in joined.text
    assert (sent.status_code, heading(sent)) == (200, "Check your email")
    assert "admin@example.com" not in joined.text + sent.text
    assert "a•••@e•••.com" in sent.text
    assert len(await world.emails("admin@example.com")) == emails + 1
    sign_in = Opened(f"/sign-in/{await world.token_for('admin@example.com')}", None, browser_of(sent))
    signed_in = session_of(await sign_in.by(world.http, "POST"), world)
    assert (await signed_in.ask(WHO))["viewer"]["user"]["email"] == "admin@example.com"


async def test_a_sign_in_link_is_sent_only_once_the_invitation_is_accepted(world: World) -> None:
    token = await invited_elsewhere(world)
    emails = len(await world.emails())

    pending = await world.http.post(f"/join/{token}/sign-in")
    unknown = await world.http.post("/join/" + "A" * 43 + "/sign-in")

    assert (pending.status_code, heading(pending)) == (200, "Stranger invites you to Trap")
    assert unknown.status_code == 404
    assert len(await world.emails()) == emails


async def test_the_second_invitation_of_a_new_person_signs_nobody_in(world: World) -> None:
    _, first_token = await invited(world, ADA)
    second_token = await invited_elsewhere(world)

    first = await world.nobody.change(ACCEPT, token=first_token)
    second = await world.nobody.change(ACCEPT, token=second_token)

    assert first["sessionToken"]
    assert (codes(second), second["sessionToken"]) == ([], None)
    assert await count(world, f"members WHERE email = '{ADA}'") == 2


async def test_whoever_signed_in_once_is_signed_in_by_no_invitation(world: World) -> None:
    await world.sign_in(ADA)
    _, token = await invited(world, ADA)

    payload = await world.nobody.change(ACCEPT, token=token)

    assert (codes(payload), payload["sessionToken"]) == ([], None)


async def test_a_sign_in_link_that_was_never_used_creates_nobody(world: World) -> None:
    await world.http.post("/sign-in", data={"email": ADA})
    _, token = await invited(world, ADA)

    assert (await world.nobody.change(ACCEPT, token=token))["sessionToken"]


async def test_whoever_is_signed_in_notices_nothing(world: World) -> None:
    ada = await world.sign_in(ADA)
    _, token = await invited(world, ADA)
    before = await count(world, "sessions")

    answer = await Opened(f"/join/{token}", ada.token).by(world.http, "POST")

    assert (answer.status_code, answer.headers["location"]) == (303, world.settings.app_url)
    assert "ta_session" not in answer.headers.get("set-cookie", "")
    assert await count(world, "sessions") == before
    assert len((await ada.ask(WHO))["viewer"]["memberships"]) == 1


@pytest.mark.parametrize("_repetition", range(3))
async def test_two_invitations_of_a_new_person_at_once_make_one_session(
    world: World, _repetition: int
) -> None:
    tokens = [(await invited(world, ADA))[1], await invited_elsewhere(world)]
    await asyncio.gather(*(world.http.get("/health") for _ in tokens))

    payloads = await asyncio.gather(*(world.nobody.change(ACCEPT, token=token) for token in tokens))

    assert [codes(payload) for payload in payloads] == [[], []]
    assert sum(payload["sessionToken"] is not None for payload in payloads) == 1


async def test_forty_clicks_at_once_make_one_session(world: World) -> None:
    _, token = await invited(world, ADA)
    await asyncio.gather(*(world.http.get("/health") for _ in range(40)))

    payloads: list[Any] = await asyncio.gather(*(world.nobody.change(ACCEPT, token=token) for _ in range(40)))

    assert [codes(payload) for payload in payloads] == [[]] * 40
    assert sum(payload["sessionToken"] is not None for payload in payloads) == 1
    assert await count(world, f"sessions JOIN users u ON u.id = user_id WHERE email = '{ADA}'") == 1


async def test_the_browser_that_joined_gets_its_session_again_and_no_other_does(world: World) -> None:
    _, token = await invited(world, ADA)
    browser = browser_of(await world.http.get(f"/join/{token}"))
    link = Opened(f"/join/{token}", None, browser)

    first = session_of(await link.by(world.http, "POST"), world)
    async with nothing_changes(world):
        again = session_of(await link.by(world.http, "POST"), world)
        elsewhere = await Opened(link.path).by(world.http, "POST")

    assert again.token == first.token
    assert (elsewhere.status_code, heading(elsewhere)) == (410, "This invitation was already accepted")
    assert "ta_session" not in elsewhere.headers.get("set-cookie", "")
    await Person(world.http, token=first.token).ask("mutation { signOut { userErrors { code } } }")
    ended = await link.by(world.http, "POST")
    assert (ended.status_code, heading(ended)) == (410, "This invitation was already accepted")


async def test_a_session_that_the_account_refuses_does_not_come_back(world: World) -> None:
    _, token = await invited(world, ADA)
    link = await Opened(f"/join/{token}").opened(world.http)
    first = session_of(await link.by(world.http, "POST"), world)
    member_id = (await first.ask("{ account { viewerMember { id } } }"))["account"]["viewerMember"]["id"]
    await world.admin.change(END_SESSIONS, memberId=member_id)

    async with nothing_changes(world):
        again = await link.by(world.http, "POST")

    assert (again.status_code, heading(again)) == (410, "This invitation was already accepted")
    assert "ta_session" not in again.headers.get("set-cookie", "")
