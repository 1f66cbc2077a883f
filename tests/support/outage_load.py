"""Clients of every kind, who go on while the database fails and comes back."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from tests.support.changes import INVITE_ONE
from tests.support.downloads import REQUEST_DOWNLOAD
from tests.support.world import World

LIMIT_SECONDS = 10
_PAUSE_SECONDS = 0.02
_LICENSE_CHECK_SECONDS = 2.5
"""A license may be checked 60 times a minute."""
_SERVED_SECONDS = 60
_TEAM = {"query": "{ account { name members { nodes { id role } } } }"}


@dataclass(frozen=True)
class Answer:
    client: str
    response: httpx.Response
    began_at: float
    seconds: float

    @property
    def is_served(self) -> bool:
        return self.response.status_code == 200

    def problem(self) -> str | None:
        """Anything but what was asked for, or 503 with the time after which to try again."""
        response = self.response
        if response.status_code == 503:
            missing = int(response.headers.get("retry-after", 0)) < 1
            return f"{self}: without Retry-After" if missing else None
        codes = _codes(response)
        return f"{self}: {response.text[:300]}" if response.status_code != 200 or codes else None

    def __str__(self) -> str:
        return f"{self.client} {self.response.status_code} after {self.seconds:.2f} s"


def _codes(response: httpx.Response) -> list[str]:
    if not response.headers.get("content-type", "").startswith("application/"):
        return []
    body = response.json() if response.headers["content-type"].startswith("application/json") else {}
    return [error["extensions"]["code"] for error in body.get("errors", ())]


@dataclass
class Load:
    """Each client sends its requests one after the other, and a change again, with the same key, until it is
    answered."""

    world: World
    api_key: str
    license_key: str
    license_id: str
    file_id: str
    answers: list[Answer] = field(default_factory=list)
    invited: dict[str, list[str]] = field(default_factory=dict)
    """Ids of acknowledged invitations, by the key of the request: one for each answer."""
    _numbers: "count[int]" = field(default_factory=count)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def clients(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        return {
            "session": self._session,
            "API key": self._with_api_key,
            "change": self._change,
            "change by API key": self._change_by_api_key,
            "license check": self._license_check,
            "download": self._download,
            "page": self._page,
        }

    @asynccontextmanager
    async def running(self, each: int = 2) -> AsyncIterator[None]:
        """Until `stop`: each client finishes what it has begun."""
        acts = [act for act in self.clients().values() for _ in range(each)]
        async with asyncio.TaskGroup() as tasks:
            self._tasks = [tasks.create_task(self._repeat(act)) for act in acts]
            try:
                yield
            finally:
                self._stopped.set()

    async def stop(self) -> None:
        self._stopped.set()
        await asyncio.wait(self._tasks)

    async def every_client_is_served(self, since: float | None = None) -> float:
        """Waits until each kind of client has been served by a request that began now or later. Returns the
        seconds that took."""
        begin = time.monotonic() if since is None else since
        async with asyncio.timeout(_SERVED_SECONDS):
            while self.clients().keys() - {  # noqa: ASYNC110
                each.client for each in self.answers if each.is_served and each.began_at >= begin
            }:  # fmt: skip
                await asyncio.sleep(_PAUSE_SECONDS)
        return time.monotonic() - begin

    def refused_twice(self, since: float) -> set[str]:
        """Kinds of clients of which two requests were answered 503 since then."""
        refused = Counter(
            each.client
            for each in self.answers
            if each.response.status_code == 503 and each.began_at + each.seconds >= since
        )
        return {client for client, times in refused.items() if times > 1}

    def assert_answers(self) -> None:
        problems = [problem for answer in self.answers if (problem := answer.problem())]
        assert not problems, "\n".join([f"{len(problems)} of {len(self.answers)}", *problems[:10]])

    async def assert_all_acknowledged_once(self) -> None:
        """Each acknowledged change is stored, and no repeated one was made twice."""
        stored = await self.world.superuser.fetch(
            "SELECT id, email FROM invitations WHERE email LIKE 'load-%'"
        )
        by_email = {row["email"]: row["id"].hex for row in stored}
        assert len(by_email) == len(stored)
        for key, ids in self.invited.items():
            assert {id.rpartition("_")[2] for id in ids} == {by_email.get(f"{key}@example.com")}, key
        events = await self.world.superuser.fetch(
            "SELECT target_id FROM audit_events WHERE action = 'MEMBER_INVITED' AND target_name LIKE 'load-%'"
        )
        assert sorted(row["target_id"].hex for row in events) == sorted(by_email.values())

    async def _repeat(self, act: Callable[[], Awaitable[None]]) -> None:
        while not self._stopped.is_set():
            await act()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _send(self, client: str, method: str, path: str, **options: Any) -> httpx.Response:
        began_at = time.monotonic()
        response = await self.world.http.request(method, path, **options)
        self.answers.append(Answer(client, response, began_at, time.monotonic() - began_at))
        return response

    async def _graphql(self, client: str, token: str | None, body: Any) -> httpx.Response:
        return await self._send(
            client, "POST", "/graphql", json=body, headers={"authorization": f"Bearer {token}"}
        )

    async def _session(self) -> None:
        await self._graphql("session", self.world.admin.token, _TEAM)

    async def _with_api_key(self) -> None:
        await self._graphql("API key", self.api_key, _TEAM)

    async def _change(self) -> None:
        await self._invite("change", self.world.admin.token)

    async def _change_by_api_key(self) -> None:
        await self._invite("change by API key", self.api_key)

    async def _invite(self, client: str, token: str | None) -> None:
        key = f"load-{next(self._numbers)}"
        input = {
            "accountId": self.world.account_id,
            "email": f"{key}@example.com",
            "role": "VIEWER",
            "idempotencyKey": key,
        }
        body = {"query": INVITE_ONE, "variables": {"input": input}}
        response = await self._graphql(client, token, body)
        while response.status_code == 503:
            await asyncio.sleep(_PAUSE_SECONDS)
            response = await self._graphql(client, token, body)
        payload = response.json()["data"]["inviteMember"]
        assert not payload["userErrors"], payload
        self.invited.setdefault(key, []).append(payload["invitation"]["id"])

    async def _license_check(self) -> None:
        body = {"key": self.license_key, "site": "a.example.com"}
        await self._send("license check", "POST", "/licenses/verify", json=body)
        await asyncio.sleep(_LICENSE_CHECK_SECONDS)

    async def _download(self) -> None:
        """The link, and what it leads to. A transfer that has begun can be cut off."""
        input = {"licenseId": self.license_id, "fileId": self.file_id}
        body = {"query": REQUEST_DOWNLOAD, "variables": {"input": input}}
        response = await self._graphql("link to a download", self.world.member.token, body)
        if response.status_code == 200:
            url = httpx.URL(response.json()["data"]["requestThemeDownload"]["download"]["url"])
            await self._send("download", "GET", url.path)

    async def _page(self) -> None:
        cookie = f"{self.world.settings.session_cookie}={self.world.admin.token}"
        response = await self._send(
            "page", "GET", "/graphql", headers={"accept": "text/html", "cookie": cookie}
        )
        assert response.headers["content-type"].startswith("text/html")
