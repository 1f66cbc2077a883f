"""A sign-in link opens one session, also with concurrent clicks, repeated clicks and other browsers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.support.changes import END_SESSIONS, codes, nothing_changes, user_error
from tests.support.links import Opened, browser_of, emailed_link, heading, session_of
from tests.support.world import REQUEST_SIGN_IN, SIGN_IN, World

EMAIL = "member@example.com"
WHO = "{ viewer { user { email } } }"
OTHER_BROWSER = "A" * 43


async def sessions_of(world: World, email: str = EMAIL) -> int:
    number: int = await world.superuser.fetchval(
        "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE email = $1", email
    )
    return number


async def warm_up(world: World, connections: int) -> None:
    """So that requests that are sent at once arrive at once."""
    await asyncio.gather(*(world.http.get("/health") for _ in range(connections)))


@pytest.mark.parametrize("email", [EMAIL, "new@example.com"])
async def test_forty_requests_at_once_open_one_session(world: World, email: str) -> None:
    token = await emailed_link(world, email)
    before = await sessions_of(world, email)
    await warm_up(world, 40)

    payloads: list[Any] = await asyncio.gather(
        *(world.nobody.change(SIGN_IN, token=token) for _ in range(40))
    )

    assert sum(payload["sessionToken"] is not None for payload in payloads) == 1
    assert sorted(map(codes, payloads)) == [[]] + [["TOKEN_INVALID"]] * 39
    assert await sessions_of(world, email) == before + 1


async def test_forty_clicks_of_one_browser_at_once_get_the_same_session(world: World) -> None:
    link = await Opened(f"/sign-in/{await emailed_link(world, EMAIL)}").opened(world.http)
    before = await sessions_of(world)
    await warm_up(world, 40)

    answers = await asyncio.gather(*(link.by(world.http, "POST") for _ in range(40)))

    assert {answer.status_code for answer in answers} == {303}
    assert len({session_of(answer, world).token for answer in answers}) == 1
    assert await sessions_of(world) == before + 1


async def test_forty_browsers_at_once_open_one_session(world: World) -> None:
    path = f"/sign-in/{await emailed_link(world, EMAIL)}"
    before = await sessions_of(world)
    links = await asyncio.gather(*(Opened(path).opened(world.http) for _ in range(40)))

    answers = await asyncio.gather(*(link.by(world.http, "POST") for link in links))

    assert sorted(answer.status_code for answer in answers) == [303] + [410] * 39
    assert await sessions_of(world) == before + 1


async def test_a_repeated_click_gets_the_same_session_for_as_long_as_links_live(world: World) -> None:
    link = await Opened(f"/sign-in/{await emailed_link(world, EMAIL)}").opened(world.http)
    first = session_of(await link.by(world.http, "POST"), world)

    async with nothing_changes(world):
        again = await link.by(world.http, "POST")
        elsewhere = await Opened(link.path, browser=OTHER_BROWSER).by(world.http, "POST")
    await world.superuser.execute("UPDATE sessions SET created_at = created_at - interval '10 minutes'")
    later = await link.by(world.http, "POST")

    assert session_of(again, world).token == first.token
    for answer in (elsewhere, later):
        assert (answer.status_code, heading(answer)) == (410, "This sign-in link was already used")
        assert "ta_session" not in answer.headers.get("set-cookie", "")


async def test_repeated_clicks_of_somebody_who_is_signed_in_leave_a_session_that_works(world: World) -> None:
    link = await Opened(f"/sign-in/{await emailed_link(world, EMAIL)}", world.member.token).opened(world.http)
    await warm_up(world, 10)

    answers = await asyncio.gather(*(link.by(world.http, "POST") for _ in range(10)))
    late = [await link.by(world.http, "POST") for _ in range(2)]
    new = session_of(answers[0], world)
    own = await Opened(link.path, new.token, link.browser).by(world.http, "POST")

    assert {session_of(answer, world).token for answer in (*answers, *late)} == {new.token}
    assert own.status_code == 303
    assert (await new.ask(WHO))["viewer"]["user"]["email"] == EMAIL
    assert (await world.member.errors(WHO))[0]["code"] == "UNAUTHENTICATED"


async def test_a_session_that_has_ended_does_not_come_back(world: World) -> None:
    link = await Opened(f"/sign-in/{await emailed_link(world, EMAIL)}").opened(world.http)
    first = session_of(await link.by(world.http, "POST"), world)
    await first.ask("mutation { signOut { userErrors { code } } }")

    again = await link.by(world.http, "POST")

    assert again.status_code == 410
    assert "ta_session" not in again.headers.get("set-cookie", "")


@pytest.mark.parametrize("signed_in", [False, True])
async def test_a_session_that_an_account_refuses_does_not_come_back(world: World, signed_in: bool) -> None:
    link = await Opened(f"/sign-in/{await emailed_link(world, EMAIL)}").opened(world.http)
    first = session_of(await link.by(world.http, "POST"), world)
    await world.admin.change(END_SESSIONS, memberId=world.member.member_id)
    link = Opened(link.path, first.token if signed_in else None, link.browser)

    async with nothing_changes(world):
        for method in ("POST", "GET"):
            again = await link.by(world.http, method)
            assert (again.status_code, heading(again)) == (410, "This sign-in link was already used")
            assert "ta_session" not in again.headers.get("set-cookie", "")
        payload = await first.change(SIGN_IN, token=link.path.rpartition("/")[2])
        assert user_error(payload) == ("TOKEN_INVALID", ["token"])

    new = await Opened(f"/sign-in/{await emailed_link(world, EMAIL)}", first.token).opened(world.http)
    second = session_of(await new.by(world.http, "POST"), world)
    assert (await second.ask("{ account { members { totalCount } } }"))["account"]["members"][
        "totalCount"
    ] == 3
    assert session_of(await new.by(world.http, "POST"), world).token == second.token


async def test_a_client_without_cookies_gets_one_session_and_no_second(world: World) -> None:
    await world.nobody.change(REQUEST_SIGN_IN, email=EMAIL)
    token = await world.token_for(EMAIL)

    first = await world.nobody.change(SIGN_IN, token=token)
    again = await world.nobody.change(SIGN_IN, token=token)

    assert first["sessionToken"]
    assert (codes(again), again["sessionToken"]) == (["TOKEN_INVALID"], None)


async def test_links_live_for_ten_minutes(world: World) -> None:
    await world.nobody.change(REQUEST_SIGN_IN, email=EMAIL)

    lifetime = await world.superuser.fetchval(
        "SELECT max(expires_at - created_at) FROM sign_in_links WHERE used_at IS NULL"
    )

    assert abs(lifetime - timedelta(minutes=10)) < timedelta(seconds=1)


async def test_the_browser_that_asked_signs_in_with_one_click(world: World) -> None:
    sent = await world.http.post("/sign-in", data={"email": EMAIL})
    link = Opened(f"/sign-in/{await world.token_for(EMAIL)}", browser=browser_of(sent))

    shown = await link.by(world.http, "GET")
    signed_in = await link.by(world.http, "POST")

    assert 'name="email"' not in shown.text
    assert (await session_of(signed_in, world).ask(WHO))["viewer"]["user"]["email"] == EMAIL


@pytest.mark.parametrize("typed", [None, "", "viewer@example.com", "member@example.co", "x" * 500, "\0"])
async def test_another_browser_has_to_confirm_the_address(world: World, typed: str | None) -> None:
    await world.http.post("/sign-in", data={"email": EMAIL})
    path = f"/sign-in/{await world.token_for(EMAIL)}"
    link = await Opened(path).opened(world.http)
    before = await sessions_of(world)

    shown = await link.by(world.http, "GET")
    refused = await link.by(world.http, "POST", None if typed is None else {"email": typed})
    confirmed = await link.by(world.http, "POST", {"email": " Member@Example.com "})

    assert 'name="email"' in shown.text
    assert EMAIL not in shown.text
    assert refused.status_code == (200 if typed is None else 400)
    assert "ta_session" not in refused.headers.get("set-cookie", "")
    assert (await session_of(confirmed, world).ask(WHO))["viewer"]["user"]["email"] == EMAIL
    assert await sessions_of(world) == before + 1


async def test_whoever_is_signed_in_as_the_addressee_confirms_nothing(world: World) -> None:
    await world.http.post("/sign-in", data={"email": EMAIL})
    path = f"/sign-in/{await world.token_for(EMAIL)}"

    answer = await Opened(path, world.member.token).by(world.http, "POST")

    assert answer.status_code == 303


async def test_a_link_is_over_after_five_wrong_addresses(world: World) -> None:
    await world.http.post("/sign-in", data={"email": EMAIL})
    link = await Opened(f"/sign-in/{await world.token_for(EMAIL)}").opened(world.http)

    for number in range(5):
        await link.by(world.http, "POST", {"email": f"guess{number}@example.com"})
    confirmed = await link.by(world.http, "POST", {"email": EMAIL})

    assert (confirmed.status_code, heading(confirmed)) == (410, "This sign-in link has expired")
    assert "ta_session" not in confirmed.headers.get("set-cookie", "")


async def test_the_link_cookie_is_for_this_site_and_for_scripts_of_nobody(world: World) -> None:
    sent = await world.http.post("/sign-in", data={"email": EMAIL})

    (cookie,) = sent.headers.get_list("set-cookie")
    _, *flags = cookie.split("; ")
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"} <= set(flags)
    assert not [flag for flag in flags if flag.startswith("Domain")]
    made_up = await world.http.post("/sign-in", data={"email": EMAIL}, headers={"cookie": "ta_browser=x"})
    assert len(browser_of(made_up)) == 43
