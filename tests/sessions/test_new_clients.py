"""A person is told by email of a sign-in from a client that it has not used before."""

from typing import Any

import pytest

from resolvers.sessions.clients import client_name, network_of
from tests.support.changes import INVITE_ONE
from tests.support.world import ACCEPT, REQUEST_SIGN_IN, SIGN_IN, Person, World

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)


async def sign_in(world: World, email: str, user_agent: str, **headers: str) -> list[str]:
    """Signs in, and returns the subjects of the emails that this caused."""
    await world.nobody.change(REQUEST_SIGN_IN, email=email)
    token = await world.token_for(email)
    before = len(await world.emails(email))
    answer = await world.http.post(
        "/graphql",
        json={"query": SIGN_IN, "variables": {"input": {"token": token}}},
        headers={"user-agent": user_agent, **headers},
    )
    payload: dict[str, Any] = answer.json()["data"]["signIn"]
    assert not payload["userErrors"], payload
    return [message.subject for message in (await world.emails(email))[before:]]


async def test_a_client_is_new_once(world: World) -> None:
    email = world.member.email

    assert await sign_in(world, email, FIREFOX.format(140)) == [
        "New sign-in to Team access: Firefox on Linux"
    ]
    assert await sign_in(world, email, FIREFOX.format(141)) == []
    assert await sign_in(world, email, CHROME) == ["New sign-in to Team access: Chrome on Windows"]
    text = (await world.emails(email))[-1].text
    assert "127.0.0.1" in text.replace("\u2060", "")


async def test_the_very_first_sign_in_is_not_new(world: World) -> None:
    email = "founder@example.com"

    assert await sign_in(world, email, CHROME) == []
    assert await sign_in(world, email, FIREFOX.format(140)) != []


async def test_who_joined_signed_in_by_that_is_told_of_another_client(world: World) -> None:
    email = "new@example.com"
    input = {"accountId": world.account_id, "email": email, "role": "VIEWER"}
    await world.admin.change(INVITE_ONE, **input)
    token = await world.token_for(email)
    joined = await world.http.post(
        "/graphql",
        json={"query": ACCEPT, "variables": {"input": {"token": token}}},
        headers={"user-agent": CHROME},
    )
    assert joined.json()["data"]["acceptInvitation"]["sessionToken"]
    assert len(await world.emails(email)) == 1

    assert await sign_in(world, email, CHROME) == []
    assert await sign_in(world, email, FIREFOX.format(140)) != []


async def test_the_same_program_in_another_network_is_new(world: World) -> None:
    email = world.member.email
    await sign_in(world, email, CHROME)

    await world.superuser.execute("UPDATE sessions SET ip = '198.51.100.7'")

    assert await sign_in(world, email, CHROME) != []
    assert await sign_in(world, email, CHROME) == []


async def test_a_session_that_has_ended_is_known_and_one_of_another_person_is_not(world: World) -> None:
    email = world.member.email
    await sign_in(world, email, CHROME)
    await world.superuser.execute("UPDATE sessions SET ended_at = now(), expires_at = now()")

    assert await sign_in(world, email, CHROME) == []
    assert await sign_in(world, world.viewer.email, CHROME) != []


async def test_a_repeated_sign_in_with_one_link_sends_one_email(world: World) -> None:
    email = world.member.email
    await world.nobody.change(REQUEST_SIGN_IN, email=email)
    token = await world.token_for(email)
    for _ in range(2):
        await world.http.post(
            "/graphql",
            json={"query": SIGN_IN, "variables": {"input": {"token": token}}},
            headers={"user-agent": CHROME},
        )

    subjects = [message.subject for message in await world.emails(email)]
    assert subjects.count("New sign-in to Team access: Chrome on Windows") == 1


async def test_a_browser_that_is_signed_in_as_the_person_is_known_in_each_network(world: World) -> None:
    email = world.member.email
    await sign_in(world, email, CHROME)
    person: Person = await world.sign_in(email)
    await world.superuser.execute("UPDATE sessions SET ip = '198.51.100.7'")
    cookie = {"cookie": f"{world.settings.cookie_prefix}ta_session={person.token}"}

    assert await sign_in(world, email, CHROME, **cookie, origin=world.settings.public_url) == []


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX.format(128), "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/142.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("curl/8.5.0", "curl"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("", "an unknown program"),
        (" (x)", "an unknown program"),
        (None, "an unknown program"),
    ],
)
def test_the_name_of_a_client_has_no_version(user_agent: str | None, name: str) -> None:
    assert client_name(user_agent) == name


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.9", "203.0.7.1", True),
        ("203.0.113.9", "203.1.113.9", False),
        ("2001:db8:1::1", "2001:db8:ffff::2", True),
        ("2001:db8::1", "2001:db9::1", False),
        ("::ffff:203.0.113.9", "203.0.0.1", True),
        (None, None, True),
        (None, "203.0.113.9", False),
    ],
)
def test_a_network_is_that_of_a_provider(one: str | None, other: str | None, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same
