"""Sessions begin, are listed, and end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx
import pytest

from tests.support.changes import REVOKE_SESSION, codes, nothing_changes, user_error
from tests.support.forms import FORMS
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.serving import free_port, serving
from tests.support.world import ACCEPT, INVITE, REQUEST_SIGN_IN, SIGN_IN, Person, World

SESSIONS = "{ viewer { sessions { id isCurrent userAgent ip createdAt lastUsedAt expiresAt } } }"
VIEWER = "{ viewer { user { email } } }"
SIGN_OUT = "mutation { signOut { userErrors { code } } }"
NEW = "new@example.com"


async def sessions(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await person.ask(SESSIONS))["viewer"]["sessions"]
    return found


async def link(world: World, email: str = NEW) -> str:
    await world.nobody.change(REQUEST_SIGN_IN, email=email)
    return await world.token_for(email)


async def is_ended(person: Person) -> bool:
    return [error["code"] for error in await person.errors(VIEWER)] == ["UNAUTHENTICATED"]


@asynccontextmanager
async def served(world: World, **settings: object) -> AsyncIterator[World]:
    """The same world, with an app that has settings of its own."""
    changed = world.settings.model_copy(update={"port": free_port(), **settings})
    url = f"http://127.0.0.1:{changed.port}"
    async with (
        serving(changed),
        httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=url, event_hooks=FORMS) as http,
    ):
        http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield World(http, changed, world.database, world.superuser, world.account_id)


# The link


async def test_a_link_signs_in_once(world: World) -> None:
    token = await link(world)

    first = await world.nobody.change(SIGN_IN, token=token)

    assert first["viewer"]["user"] | {"id": ""} == {"id": "", "name": "New", "email": NEW}
    async with nothing_changes(world):
        again = await world.nobody.change(SIGN_IN, token=token)
        assert user_error(again) == ("TOKEN_INVALID", ["token"])
        other = await world.member.change(SIGN_IN, token=token)
        assert user_error(other) == ("TOKEN_INVALID", ["token"])
        # A second click by the same person is no error, and no other session.
        own = await Person(world.http, token=first["sessionToken"]).change(SIGN_IN, token=token)
    assert (own["viewer"], own["sessionToken"], own["userErrors"]) == (first["viewer"], None, [])


async def test_a_link_works_for_ten_minutes(world: World) -> None:
    token = await link(world)
    lives = await world.superuser.fetchval(
        "SELECT expires_at - created_at FROM sign_in_links WHERE used_at IS NULL"
    )
    assert abs(lives - timedelta(minutes=10)) < timedelta(seconds=1)
    await world.superuser.execute("UPDATE sign_in_links SET expires_at = now()")

    async with nothing_changes(world):
        assert user_error(await world.nobody.change(SIGN_IN, token=token)) == ("TOKEN_INVALID", ["token"])


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\x07", "ü" * 5_000])
async def test_no_link(world: World, token: str) -> None:
    async with nothing_changes(world):
        assert user_error(await world.nobody.change(SIGN_IN, token=token)) == ("TOKEN_INVALID", ["token"])


@pytest.mark.parametrize("email", ["", "no address", "a@b", "a@example.com\nBcc: eve@example.com"])
async def test_no_address(world: World, email: str) -> None:
    async with nothing_changes(world):
        assert user_error(await world.nobody.change(REQUEST_SIGN_IN, email=email)) == ("INVALID", ["email"])


async def test_an_address_gets_so_many_emails_an_hour_known_or_not(world: World) -> None:
    for email in (NEW, "viewer@example.com"):
        before = len(await world.emails(email))
        for spelling in [email, email.upper()] * 5:
            assert (await world.nobody.change(REQUEST_SIGN_IN, email=spelling))["sentTo"] == email

        async with nothing_changes(world):
            refused = await world.nobody.change(REQUEST_SIGN_IN, email=email)

        assert user_error(refused) == ("TOO_MANY_REQUESTS", ["email"])
        wait = datetime.fromisoformat(refused["userErrors"][0]["retryAt"]) - datetime.now(UTC)
        assert timedelta(minutes=9) < wait <= timedelta(minutes=10)
        assert len(await world.emails(email)) == before + 10
    await world.superuser.execute("UPDATE sign_in_links SET created_at = created_at - interval '1 hour'")
    assert not codes(await world.nobody.change(REQUEST_SIGN_IN, email=NEW))


async def test_nobody_is_locked_out_by_who_asks_in_their_name(world: World) -> None:
    for _ in range(10):
        await world.nobody.change(REQUEST_SIGN_IN, email=NEW)
    assert codes(await world.nobody.change(REQUEST_SIGN_IN, email=NEW)) == ["TOO_MANY_REQUESTS"]
    newest = await world.token_for(NEW)
    assert (await world.nobody.change(SIGN_IN, token=newest))["sessionToken"]

    await world.superuser.execute("UPDATE sign_in_links SET expires_at = now()")
    again = await world.nobody.change(SIGN_IN, token=await link(world))
    assert again["sessionToken"]
    assert codes(await world.nobody.change(REQUEST_SIGN_IN, email=NEW)) == ["TOO_MANY_REQUESTS"]


async def test_where_sign_up_is_closed_only_invitations_make_people(world: World) -> None:
    await world.admin.change(INVITE, accountId=world.account_id, email="invited@example.com", role="VIEWER")
    open_link = await link(world, "early@example.com")
    async with served(world, sign_up="closed") as closed:
        # Told alike, but no email goes out.
        assert (await closed.nobody.change(REQUEST_SIGN_IN, email=NEW))["sentTo"] == NEW
        assert await world.emails(NEW) == []
        payload = await closed.nobody.change(SIGN_IN, token=open_link)
        assert user_error(payload) == ("TOKEN_INVALID", ["token"])
        assert await world.superuser.fetchval("SELECT count(*) FROM users WHERE email LIKE 'early%'") == 0
        known = await closed.nobody.change(SIGN_IN, token=await link(world, "member@example.com"))
        assert known["sessionToken"]
        joined = await closed.nobody.change(ACCEPT, token=await world.token_for("invited@example.com"))
        assert joined["sessionToken"]


# The sessions


async def test_sessions_are_listed_and_ended_one_by_one(world: World) -> None:
    second = await world.sign_in("member@example.com")

    assert [session["isCurrent"] for session in await sessions(second)] == [True, False]
    newest, oldest = await sessions(world.member)
    assert (newest["isCurrent"], oldest["isCurrent"]) == (False, True)
    lives = datetime.fromisoformat(oldest["expiresAt"]) - datetime.fromisoformat(oldest["createdAt"])
    assert abs(lives - timedelta(days=30)) < timedelta(seconds=5)
    assert oldest["ip"] == "127.0.0.1"
    assert oldest["userAgent"].startswith("python-httpx/")
    assert (await world.member.change(REVOKE_SESSION, sessionId=newest["id"]))["session"]["id"] == newest[
        "id"
    ]
    assert await is_ended(second)
    assert not await is_ended(world.member)
    assert not codes(await world.member.change(REVOKE_SESSION, sessionId=oldest["id"]))
    assert await is_ended(world.member)


async def test_nobody_ends_another_s_session(world: World) -> None:
    (id,) = [session["id"] for session in await sessions(world.member)]

    async with nothing_changes(world):
        for some_id in (id, "x", world.member.member_id, "session_" + "0" * 32):
            payload = await world.admin.change(REVOKE_SESSION, sessionId=some_id)
            assert user_error(payload) == ("NOT_FOUND", ["sessionId"])
    assert not await is_ended(world.member)


async def test_signing_out_ends_the_session_and_is_no_error_twice(world: World) -> None:
    await world.member.ask(SIGN_OUT)

    assert await is_ended(world.member)
    await world.nobody.ask(SIGN_OUT)


async def test_sessions_slide_and_are_written_once_a_minute_at_most(world: World) -> None:
    async def age(seconds: int) -> None:
        await world.superuser.execute(
            "UPDATE sessions SET last_used_at = now() - $1 * interval '1 second',"
            " expires_at = now() + interval '1 hour'",
            seconds,
        )

    await age(55)
    before = await sessions(world.member)
    assert await sessions(world.member) == before
    await age(65)
    await world.member.ask(VIEWER)
    (after,) = await sessions(world.member)
    assert after["lastUsedAt"] > before[0]["lastUsedAt"]
    left = datetime.fromisoformat(after["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    await world.member.ask(VIEWER)
    assert await sessions(world.member) == [after]


async def test_an_expired_session_is_none(world: World) -> None:
    await world.superuser.execute(
        "UPDATE sessions SET expires_at = now() FROM users"
        " WHERE users.id = user_id AND email = 'member@example.com'"
    )

    assert await is_ended(world.member)
    assert not await is_ended(world.viewer)


async def test_who_only_reads_does_not_wait_for_who_changes_its_membership(world: World) -> None:
    """That somebody was here is noted by the way, or not at all."""
    await world.superuser.execute("UPDATE sessions SET last_used_at = now() - interval '5 minutes'")
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT * FROM members FOR UPDATE")
        async with asyncio.timeout(20):
            await asyncio.gather(*(world.member.ask("{ account { name } }") for _ in range(10)))
