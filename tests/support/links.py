"""Links in every state, and browsers that open them."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import httpx

from resolvers.sessions.mutations import sign_in_link
from tests.invitations.test_invitations import BOB, invited, let_time_run_out
from tests.support.changes import CHANGE_ROLE, DECLINE, REMOVE, RESEND, REVOKE_API_KEY, REVOKE_INVITATION
from tests.support.world import ACCEPT, CLAIM_API_KEY, GENERATE_API_KEY, SIGN_IN, Person, World

# Reading may update the time of last use, at most once a minute.
TOUCHED = {"sessions": {"last_used_at", "expires_at"}, "members": {"last_active_at"}}


@dataclass(frozen=True)
class Opened:
    """Link, and the token of the session in which it is opened, if any."""

    path: str
    session: str | None = None
    browser: str | None = None
    """Value of the browser's link cookie."""

    async def by(
        self, http: httpx.AsyncClient, method: str, form: dict[str, str] | None = None, /, **headers: str
    ) -> httpx.Response:
        cookies = {"ta_session": self.session, "ta_browser": self.browser}
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        return await http.request(
            method, self.path, data=form, headers={**({"cookie": cookie} if cookie else {}), **headers}
        )

    async def opened(self, http: httpx.AsyncClient) -> "Opened":
        """The same link in a browser that has loaded its page."""
        return replace(self, browser=browser_of(await self.by(http, "GET")))

    def at(self, suffix: str) -> "Opened":
        return replace(self, path=self.path + suffix)


Arrange = Callable[[World], Awaitable[Opened]]


def invitation(state: str, visitor: str = "nobody") -> Arrange:
    async def arrange(world: World) -> Opened:
        sessions = {"nobody": None, "wrong": world.viewer.token, "garbage": "garbage"}
        if visitor == "invited" and state != "ACCEPTED":
            sessions["invited"] = (await world.sign_in(BOB)).token
        id, token = await invited(world)
        joined = await _end(world, state, id, token)
        return Opened(f"/join/{token}", {"invited": joined, **sessions}[visitor])

    return arrange


async def _end(world: World, state: str, id: str, token: str) -> str | None:
    """Ends the session of the person who joined."""
    if state in ("ACCEPTED", "REMOVED"):
        payload = await world.nobody.change(ACCEPT, token=token)
        if state == "REMOVED":
            await world.admin.change(REMOVE, memberId=payload["member"]["id"])
        session: str = payload["sessionToken"]
        return session
    match state:
        case "DECLINED":
            await world.nobody.change(DECLINE, token=token)
        case "REVOKED":
            await world.admin.change(REVOKE_INVITATION, invitationId=id)
        case "EXPIRED":
            await let_time_run_out(world)
        case "RESENT":
            await world.admin.change(RESEND, invitationId=id)
    return None


def signing_in(state: str, visitor: str = "nobody") -> Arrange:
    async def arrange(world: World) -> Opened:
        token = await emailed_link(world, "member@example.com", 0 if state == "EXPIRED" else 900)
        sessions = {"nobody": None, "wrong": world.viewer.token, "same": world.member.token}
        if state == "USED":
            await world.nobody.change(SIGN_IN, token=token)
        return Opened(f"/sign-in/{token}", sessions[visitor])

    return arrange


def claiming(state: str, visitor: str = "nobody") -> Arrange:
    """The link of a key that the Admin generated for the Member."""

    async def arrange(world: World) -> Opened:
        member = {"accountId": world.account_id, "memberId": world.member.member_id}
        payload = await world.admin.change(GENERATE_API_KEY, **member, name="Shop")
        token = await world.token_for(world.member.email)
        if state in ("CLAIMED", "CLAIMED AND OVER", "CLAIMED AND REVOKED"):
            await world.nobody.change(CLAIM_API_KEY, token=token)
        if state in ("REVOKED", "CLAIMED AND REVOKED"):
            await world.admin.change(REVOKE_API_KEY, apiKeyId=payload["apiKey"]["id"])
        if state == "REMOVED":
            await world.admin.change(REMOVE, memberId=world.member.member_id)
        if state == "VIEWER":
            await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="VIEWER")
        columns = {"LAPSED": "claim_expires_at = now()", "CLAIMED AND OVER": "expires_at = now()"}
        if state in columns:
            await world.superuser.execute(f"UPDATE api_keys SET {columns[state]}")
        sessions = {"nobody": None, "wrong": world.viewer.token, "member": world.member.token}
        return Opened(f"/claim/{token}", {**sessions, "garbage": "garbage"}[visitor])

    return arrange


def made_up(path: str) -> Arrange:
    async def arrange(world: World) -> Opened:
        return Opened(path)

    return arrange


async def emailed_link(world: World, email: str, lifetime_seconds: int = 900) -> str:
    link, token = sign_in_link(email, lifetime_seconds)
    await world.superuser.execute(
        "INSERT INTO sign_in_links (token_hash, email, created_at, expires_at) VALUES ($1, $2, now(), $3)",
        link.token_hash,
        link.email,
        link.expires_at,
    )
    return token


@asynccontextmanager
async def nothing_is_written(superuser: asyncpg.Connection) -> AsyncIterator[None]:
    """Asserts that the block writes to no table, including the log and sessions."""
    before = await _everything(superuser)
    yield
    after = await _everything(superuser)
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


async def _everything(superuser: asyncpg.Connection) -> dict[str, list[dict[str, Any]]]:
    tables = await superuser.fetch(
        "SELECT relname AS name FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    return {
        table["name"]: sorted(
            (
                {name: value for name, value in row.items() if name not in TOUCHED.get(table["name"], ())}
                for row in await superuser.fetch(f"SELECT * FROM {table['name']}")
            ),
            key=repr,
        )
        for table in tables
    }


def heading(response: httpx.Response) -> str:
    found = re.search("<h1>(.*?)</h1>", response.text, re.DOTALL)
    assert found, response.text
    return re.sub("<.*?>", "", found[1])


def session_of(response: httpx.Response, world: World) -> Person:
    """Person who is signed in by the response's cookie."""
    return Person(world.http, token=_cookie(response, "ta_session"))


def browser_of(response: httpx.Response) -> str:
    """Value of the link cookie that the answer sets."""
    return _cookie(response, "ta_browser")


def _cookie(response: httpx.Response, name: str) -> str:
    for header in response.headers.get_list("set-cookie"):
        found = re.match(rf"{name}=([\w-]{{43}});", header)
        if found:
            return found[1]
    raise AssertionError(f"sets no {name}: {response.headers.get_list('set-cookie')}")
