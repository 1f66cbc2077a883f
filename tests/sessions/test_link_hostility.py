"""Attacks on emailed links and their pages, and settings that lead to other sites."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from settings import Settings
from tests.invitations.test_invitations import BOB, invite, invited
from tests.support.http_clients import loopback_client
from tests.support.links import (
    Opened,
    claiming,
    emailed_link,
    heading,
    invitation,
    nothing_is_written,
)
from tests.support.serving import free_port, serving
from tests.support.world import GENERATE_API_KEY, World

MANGLED = [
    *(
        "A" * 42,
        "A" * 44,
        "x" * 5_000,
        "%00",
        "a%00b",
        "%ff%fe",
        "%F0%9F%A6%84",
        "a%2Fb",
        "..%2F..",
        "%2e%2e",
    ),
    *("%0d%0aSet-Cookie:x=y", "%22%3E%3Cscript%3E", "{token}", "%25", "a%3Fb%23c"),
]
BUTTONS = ["/join/{}", "/join/{}/decline", "/join/{}/switch", "/sign-in/{}", "/claim/{}", "/claim/{}/switch"]
ELSEWHERE = "https://app.example.com:8443/team?tab=1"


@pytest.mark.parametrize("token", MANGLED)
async def test_a_mangled_token_is_no_link(world: World, token: str) -> None:
    async with nothing_is_written(world.superuser):
        for path in ("/join/{}", "/sign-in/{}", "/claim/{}"):
            for method in ("GET", "HEAD", "POST"):
                answer = await Opened(path.format(token)).by(world.http, method)
                assert answer.status_code == 404, (method, path)
                if method != "HEAD":
                    assert heading(answer)
        declined = await world.http.post(f"/join/{token}/decline")
        switched = [await world.http.post(f"/{kind}/{token}/switch") for kind in ("join", "claim")]

    assert declined.status_code == 404
    for answer in switched:
        assert answer.status_code in (303, 404)
        # To here, and to nothing but a link's page, whatever the token was.
        assert re.fullmatch(r"(/(join|claim)/[^/\s?#]+)?", answer.headers.get("location", ""))


@pytest.mark.parametrize("path", [*BUTTONS, "/sign-in", "/sign-out"])
async def test_a_page_of_another_site_presses_no_button(world: World, path: str) -> None:
    _, token = await invited(world)
    if "sign-in/" in path:
        token = await emailed_link(world, BOB)
    if "claim/" in path:
        token = (await claiming("UNCLAIMED")(world)).path.rpartition("/")[2]
    target = Opened(path.format(token), world.member.token if path == "/sign-out" else None)

    async with nothing_is_written(world.superuser):
        answer = await target.by(world.http, "POST", origin="https://evil.example")

    assert (answer.status_code, heading(answer)) == (403, "This form was not sent from this site")
    assert "set-cookie" not in answer.headers
    own = await target.by(world.http, "POST", origin=world.settings.public_url)
    assert own.status_code in (200, 303, 400)


@pytest.mark.parametrize(
    ("body", "status_code"),
    [
        (b"", 400),
        (b"email=", 400),
        (b"email=nobody", 400),
        (b"email=a%40b.example%00", 400),
        (b"email=%ff%fe", 400),
        (b"\xff\xfe", 400),
        (b"&".join(b"f%d=1" % number for number in range(21)), 400),
        (b"email=" + b"a" * 300 + b"%40example.com", 400),
        (b"email=" + b"a" * 16_384, 413),
        (b"email=<script>alert(1)</script>", 400),
    ],
)
async def test_a_form_that_holds_no_address_sends_nothing(
    world: World, body: bytes, status_code: int
) -> None:
    async with nothing_is_written(world.superuser):
        answer = await world.http.post("/sign-in", content=body)

    assert answer.status_code == status_code
    assert heading(answer)
    assert "<script" not in answer.text


@pytest.mark.parametrize("name", ["next", "redirect", "url", "app_url", "return_to"])
async def test_nobody_is_led_elsewhere(world: World, name: str) -> None:
    token = await emailed_link(world, "member@example.com")
    headers = {"x-forwarded-host": "evil.example", "referer": "https://evil.example"}
    headers["origin"] = world.settings.public_url

    answer = await world.http.post(
        f"/sign-in/{token}?{name}=https://evil.example", data={name: "//evil.example"}, headers=headers
    )

    assert (answer.status_code, answer.headers["location"]) == (303, world.settings.app_url)


PAGES = [
    "/",
    "/sign-in",
    "/mailbox",
    "/nothing",
    "/join/x",
    "/sign-in/x",
    "/claim/x",
    "/mailbox/x",
    "/static/nothing",
]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_kept_by_nobody_and_framed_by_nobody(world: World, path: str) -> None:
    _check_headers(await world.http.get(path))


async def test_redirects_are_kept_by_nobody(world: World) -> None:
    pending = await invitation("PENDING", "wrong")(world)
    token = await emailed_link(world, "member@example.com")

    for path in (f"/sign-in/{token}", f"{pending.path}/switch", pending.path):
        answer = await world.http.post(path)
        assert answer.status_code == 303
        for name, value in {"cache-control": "no-store", "referrer-policy": "strict-origin"}.items():
            assert answer.headers[name] == value


def _check_headers(answer: httpx.Response) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "strict-origin"
    policy = answer.headers["content-security-policy"]
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert "x-request-id" in answer.headers


@asynccontextmanager
async def elsewhere(world: World, **changes: Any) -> AsyncIterator[World]:
    """The same account, served with other settings."""
    settings = Settings(_env_file=None, **{**world.settings.model_dump(include=KEPT), **changes})
    async with serving(settings), loopback_client(f"http://127.0.0.1:{settings.port}") as http:
        yield World(http, settings, world.database, world.superuser, world.account_id, dict(world.people))


KEPT = {"database_url", "data_dir", "log_level"}


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
async def test_a_cookie_is_for_this_site_alone(world: World, scheme: str, secure: bool) -> None:
    token = await emailed_link(world, "member@example.com")

    async with elsewhere(world, port=free_port(), public_url=f"{scheme}://team.example") as there:
        answer = await there.http.post(f"/sign-in/{token}", headers={"origin": f"{scheme}://team.example"})

    _, *flags = answer.headers["set-cookie"].split("; ")
    assert answer.status_code == 303
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(flags)
    assert ("Secure" in flags) is secure
    assert not [flag for flag in flags if flag.startswith("Domain")]


async def test_links_lead_to_an_app_with_pages_of_its_own(world: World) -> None:
    links = {
        "join_link": "https://app.example.com/#/join?t={token}",
        "sign_in_link": "https://app.example.com/in/{token}",
        "claim_link": "https://app.example.com/keys/{token}",
    }
    async with elsewhere(world, port=free_port(), **links) as there:
        there.people["ADMIN"].http = there.http
        await invite(there)
        await there.http.post("/sign-in", data={"email": "member@example.com"})
        key = {"accountId": there.account_id, "memberId": there.member.member_id, "name": "Shop"}
        await there.admin.change(GENERATE_API_KEY, **key)

    invitation_email = (await world.emails(BOB))[-1]
    sign_in_email, claim_email = (await world.emails("member@example.com"))[-2:]
    for email, link in (
        (claim_email, r"https://app\.example\.com/keys/[\w-]{43}"),
        (invitation_email, r"https://app\.example\.com/#/join\?t=[\w-]{43}"),
        (sign_in_email, r"https://app\.example\.com/in/[\w-]{43}"),
    ):
        assert re.search(rf"^{link}$", email.text, re.MULTILINE)
        assert len(re.findall(rf'href="{link}"', email.html)) == 2
        assert world.settings.public_url not in email.text + email.html


async def test_pages_lead_on_to_an_app_of_another_origin(world: World) -> None:
    _, token = await invited(world)
    sign_in_token = await emailed_link(world, "member@example.com")

    async with elsewhere(world, port=free_port(), app_url=ELSEWHERE) as there:
        for path in (f"/join/{token}", f"/sign-in/{sign_in_token}"):
            shown, pressed = await there.http.get(path), await there.http.post(path)
            # Browsers hold the policy of the page against where its form leads in the end.
            assert (
                "form-action 'self' https://app.example.com:8443;" in shown.headers["content-security-policy"]
            )
            assert (pressed.status_code, pressed.headers["location"]) == (303, ELSEWHERE)


async def test_a_closed_house_tells_nobody_who_lives_there(world: World) -> None:
    async with elsewhere(world, port=free_port(), sign_up="closed") as there:
        known, unknown = [
            await there.http.post("/sign-in", data={"email": email})
            for email in ("member@example.com", "stranger@example.com")
        ]
        link = f"/sign-in/{await emailed_link(world, 'stranger@example.com')}"
        async with nothing_is_written(world.superuser):
            opened = [await there.http.get(link), await there.http.post(link)]

    assert known.status_code == unknown.status_code == 200
    assert known.text.replace("member@", "stranger@") == unknown.text
    assert [email.to for email in await world.emails("stranger@example.com")] == []
    assert {(answer.status_code, heading(answer)) for answer in opened} == {
        (404, "This sign-in link is not valid")
    }


async def test_too_many_emails_are_refused_and_say_when(world: World) -> None:
    answers = await asyncio.gather(
        *(world.http.post("/sign-in", data={"email": "new@example.com"}) for _ in range(12))
    )

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 10 + [429] * 2
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert heading(refused) == "Too many emails"
    assert 540 < int(refused.headers["retry-after"]) <= 600
    assert "<time" in refused.text
    assert len(await world.emails("new@example.com")) == 10
