"""Rate limits across processes, WebSockets and pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app import create_app
from tests.support.graphql_ws import connected
from tests.support.http_clients import loopback_client
from tests.support.limited import VIEWER, asked, limited
from tests.support.serving import free_port, running
from tests.support.world import World
from web import recent_tokens
from web.http_server import http_server
from web.rate_limits import RateLimits
from web.recent_tokens import RecentTokens


@asynccontextmanager
async def process(world: World, limits: RateLimits) -> AsyncIterator[httpx.AsyncClient]:
    """One of the processes of a server, which share the limits."""
    port = free_port()
    settings = world.settings.model_copy(update={"port": port})
    async with (
        running(http_server(create_app(settings, limits)), port),
        loopback_client(f"http://127.0.0.1:{port}") as http,
    ):
        yield http


async def test_a_credential_that_has_no_requests_left_has_none_in_another_process(world: World) -> None:
    settings = {"rate_limit_per_minute": 2, "rate_limit_per_minute_per_address": 0}
    limits = RateLimits(world.settings.model_copy(update=settings))
    headers = {"authorization": f"Bearer {world.admin.token}"}

    async with process(world, limits) as first, process(world, limits) as second:
        answers = [
            await http.post("/graphql", json={"query": VIEWER}, headers=headers)
            for http in (first, first, second)
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_a_websocket_is_not_refused_for_the_requests_of_another_credential(world: World) -> None:
    async with limited(world, per_minute=3) as (there, state):
        url = f"http://127.0.0.1:{there.settings.port}"
        refused = [(await asked(there.member)).status_code for _ in range(4)][-1]

        async with connected(url, there.admin.token) as socket:
            answer = await (await socket.subscribe(VIEWER)).next()

        assert refused == 429
        assert state.rate_limiter.has_refused_recently
        assert answer["user"]["email"]


async def test_the_page_at_the_endpoint_has_a_limit(world: World) -> None:
    async with limited(world, per_address=2) as (there, _):
        pages = [await there.http.get("/graphql", headers={"accept": "text/html"}) for _ in range(3)]

    assert [page.status_code for page in pages] == [200, 200, 429]
    assert pages[-1].headers["content-type"].startswith("text/html")
    assert int(pages[-1].headers["retry-after"]) > 0


def test_the_tokens_that_were_used_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_tokens, "_MAX_TOKENS", 2)
    tokens = RecentTokens[int]()

    for number, token in enumerate((b"a", b"b", b"c")):
        tokens.remember(token, number)
    used = tokens.get(b"a")
    tokens.remember(b"d", 3)

    assert used == 0
    assert [tokens.get(token) for token in (b"a", b"b", b"c", b"d")] == [0, None, 2, 3]
