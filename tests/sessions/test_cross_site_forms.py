"""Forms of other sites are refused (login CSRF), and sessions remain."""

from typing import Any

import httpx
import pytest

from tests.invitations.test_invitations import BOB, invited
from tests.sessions.test_link_hostility import elsewhere
from tests.support.changes import codes
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.links import Opened, claiming, emailed_link, heading, nothing_is_written, session_of
from tests.support.serving import free_port
from tests.support.world import ACCEPT, REQUEST_SIGN_IN, SIGN_IN, World

WHO = "{ viewer { user { email } } }"
PATHS = [
    *("/sign-in", "/sign-in/{}", "/sign-out"),
    *("/join/{}", "/join/{}/decline", "/join/{}/switch", "/join/{}/sign-in", "/claim/{}", "/claim/{}/switch"),
]
REFUSED: list[dict[str, str]] = [
    {},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "https://evil.example"},
    {"origin": "http://sibling.127.0.0.1.nip.io"},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "https://OWN"},
    {"origin": "http://OWN.evil.example"},
    {"origin": "http://OWN@evil.example"},
    {"origin": "http://OWN http://evil.example"},
    {"origin": "http://["},
    {"origin": "https://evil.example", "referer": "http://OWN/sign-in"},
    {"origin": "null", "referer": "http://OWN/sign-in"},
    {"referer": "https://evil.example/?http://OWN/"},
    {"referer": "http://OWN.evil.example/"},
    {"referer": "nowhere"},
    {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
]


async def target(world: World, path: str) -> Opened:
    if "claim" in path:
        token = (await claiming("UNCLAIMED")(world)).path.rpartition("/")[2]
    elif "join" in path:
        _, token = await invited(world)
    else:
        token = await emailed_link(world, BOB)
    return Opened(path.format(token), world.member.token if path == "/sign-out" else None)


@pytest.mark.parametrize("path", PATHS)
async def test_only_pages_of_this_site_press_buttons(world: World, path: str) -> None:
    opened, netloc = await target(world, path), f"127.0.0.1:{world.settings.port}"

    async with (
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=world.settings.public_url) as browser,
        nothing_is_written(world.superuser),
    ):
        answers = [
            await opened.by(
                browser, "POST", **{name: value.replace("OWN", netloc) for name, value in headers.items()}
            )
            for headers in REFUSED
        ]

    for answer in answers:
        assert (answer.status_code, heading(answer)) == (403, "This form was not sent from this site")
        assert world.settings.public_url in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://OWN"},
        {"origin": "http://OWN", "sec-fetch-site": "same-origin"},
        {"referer": "http://OWN/sign-in"},
        {"referer": "http://OWN"},
    ],
)
async def test_a_page_of_this_site_presses_its_buttons(world: World, headers: dict[str, str]) -> None:
    link = Opened(f"/sign-in/{await emailed_link(world, BOB)}")
    sent = {k: v.replace("OWN", f"127.0.0.1:{world.settings.port}") for k, v in headers.items()}

    answer = await link.by(world.http, "POST", **sent)

    assert answer.status_code == 303


async def test_two_origins_are_none(world: World) -> None:
    link = f"/sign-in/{await emailed_link(world, BOB)}"
    own = world.settings.public_url
    headers = [("origin", own), ("origin", "https://evil.example")]

    async with nothing_is_written(world.superuser):
        answer = await world.http.post(link, headers=headers)

    assert answer.status_code == 403


async def test_behind_a_proxy_the_origin_is_that_of_the_public_url_or_an_allowed_one(world: World) -> None:
    settings: dict[str, Any] = {"allowed_origins": "https://app.example", "port": free_port()}
    statuses = {}

    async with elsewhere(world, public_url="https://team.example", **settings) as there:
        for origin in (
            "https://team.example",
            "https://app.example",
            "http://team.example",
            "https://x.example",
        ):
            link = f"/sign-in/{await emailed_link(world, BOB)}"
            answer = await there.http.post(link, headers={"origin": origin})
            statuses[origin] = answer.status_code

    assert statuses == {
        "https://team.example": 303,
        "https://app.example": 303,
        "http://team.example": 403,
        "https://x.example": 403,
    }


async def test_a_host_s_own_origin_is_that_of_its_name_and_the_public_url_s_scheme(world: World) -> None:
    settings: dict[str, Any] = {"allowed_hosts": "api.team.example", "port": free_port()}
    statuses = {}

    async with elsewhere(world, public_url="https://team.example", **settings) as there:
        for host, origin in (
            ("api.team.example", "https://api.team.example"),
            ("api.team.example", "http://api.team.example"),
            ("team.example", "https://api.team.example"),
        ):
            link = f"/sign-in/{await emailed_link(world, BOB)}"
            answer = await there.http.post(link, headers={"host": host, "origin": origin})
            statuses[host, origin] = answer.status_code

    assert list(statuses.values()) == [303, 403, 403]


async def test_the_page_says_whose_session_it_replaces_and_ends_it(world: World) -> None:
    link = Opened(f"/sign-in/{await emailed_link(world, BOB)}", world.viewer.token)

    shown = await link.by(world.http, "GET")
    signed_in = session_of(await link.by(world.http, "POST"), world)

    assert "viewer@example.com" in shown.text
    assert "ends that session" in shown.text.replace("\n", " ")
    assert (await world.viewer.errors(WHO))[0]["code"] == "UNAUTHENTICATED"
    assert (await signed_in.ask(WHO))["viewer"]["user"]["email"] == BOB


async def test_one_s_own_session_is_replaced_without_a_word(world: World) -> None:
    link = Opened(f"/sign-in/{await emailed_link(world, 'viewer@example.com')}", world.viewer.token)

    shown = await link.by(world.http, "GET")
    signed_in = session_of(await link.by(world.http, "POST"), world)

    assert "ends that session" not in shown.text.replace("\n", " ")
    assert (await world.viewer.errors(WHO))[0]["code"] == "UNAUTHENTICATED"
    assert (await signed_in.ask(WHO))["viewer"]["user"]["email"] == "viewer@example.com"


async def test_a_link_that_does_not_work_ends_no_session(world: World) -> None:
    token = await emailed_link(world, BOB)
    await world.nobody.change(SIGN_IN, token=token)

    answer = await Opened(f"/sign-in/{token}", world.viewer.token).by(world.http, "POST")

    assert answer.status_code == 410
    assert (await world.viewer.ask(WHO))["viewer"]["user"]["email"] == "viewer@example.com"


async def test_a_client_with_a_session_of_its_own_in_the_header_keeps_it(world: World) -> None:
    token = await emailed_link(world, BOB)

    signed_in = await world.viewer.change(SIGN_IN, token=token)

    assert signed_in["sessionToken"]
    assert (await world.viewer.ask(WHO))["viewer"]["user"]["email"] == "viewer@example.com"


async def scripted(world: World, query: str, site: str | None, **input: Any) -> httpx.Response:
    """As a page's script asks; browsers of before 2023 send no Sec-Fetch-Site."""
    headers = {"origin": world.settings.public_url}
    if site is not None:
        headers["sec-fetch-site"] = site
    return await world.http.post(
        "/graphql", json={"query": query, "variables": {"input": input}}, headers=headers
    )


@pytest.mark.parametrize(
    ("site", "is_told"), [("same-origin", False), (None, False), ("same-site", True), ("none", True)]
)
async def test_a_script_of_this_site_gets_the_session_in_its_cookie_alone(
    world: World, site: str, is_told: bool
) -> None:
    answers = {
        "signIn": await scripted(world, SIGN_IN, site, token=await emailed_link(world, BOB)),
        "acceptInvitation": await scripted(
            world, ACCEPT, site, token=(await invited(world, "new@example.com"))[1]
        ),
    }

    for name, answer in answers.items():
        session = session_of(answer, world)
        payload = answer.json()["data"][name]
        assert codes(payload) == []
        assert payload["sessionToken"] == (session.token if is_told else None)
        assert (str(session.token) in answer.text) is is_told
        assert (await session.ask(WHO))["viewer"]


@pytest.mark.parametrize("site", ["same-origin", None])
async def test_a_link_that_a_script_of_this_site_asked_for_belongs_to_its_browser(
    world: World, site: str | None
) -> None:
    await scripted(world, REQUEST_SIGN_IN, site, email="member@example.com")

    shown = await world.http.get(f"/sign-in/{await world.token_for('member@example.com')}")

    assert 'name="email"' in shown.text


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://["])
async def test_a_client_that_is_no_page_of_this_site_is_told_its_session(
    world: World, origin: str | None
) -> None:
    token = await emailed_link(world, BOB)

    answer = await world.http.post(
        "/graphql",
        json={"query": SIGN_IN, "variables": {"input": {"token": token}}},
        headers={"origin": origin} if origin else {},
    )

    assert answer.json()["data"]["signIn"]["sessionToken"] == session_of(answer, world).token


async def test_under_https_cookies_are_the_host_s_own(world: World) -> None:
    async with elsewhere(world, port=free_port(), public_url="https://team.example") as there:
        link = f"/sign-in/{await emailed_link(world, BOB)}"
        answer = await there.http.post(link, headers={"origin": "https://team.example"})
        names = {header.partition("=")[0] for header in answer.headers.get_list("set-cookie")}
        token = next(
            header.partition("=")[2].partition(";")[0]
            for header in answer.headers.get_list("set-cookie")
            if "ta_session" in header
        )
        seen = [
            await there.http.post("/graphql", json={"query": WHO}, headers={"cookie": f"{name}={token}"})
            for name in ("__Host-ta_session", "ta_session")
        ]

    assert names == {"__Host-ta_session", "__Host-ta_browser"}
    for header in answer.headers.get_list("set-cookie"):
        assert {"Secure", "Path=/", "HttpOnly"} <= set(header.split("; "))
    assert [each.json().get("data") for each in seen] == [
        {"viewer": {"user": {"email": BOB}}},
        {"viewer": None},
    ]


async def test_a_session_that_a_sibling_host_has_planted_is_none_under_https(world: World) -> None:
    async with elsewhere(world, port=free_port(), public_url="https://team.example") as there:
        cookies = f"ta_session={world.viewer.token}; __Host-ta_session={world.member.token}"
        answer = await there.http.post("/graphql", json={"query": WHO}, headers={"cookie": cookies})

    assert answer.json()["data"] == {"viewer": {"user": {"email": "member@example.com"}}}
