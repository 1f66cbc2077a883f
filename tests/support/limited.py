"""Servers with other limits than the tests' usual server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from tests.support.http_clients import loopback_client
from tests.support.serving import free_port, serving
from tests.support.world import Person, World
from web.app_state import State

VIEWER = "{ viewer { user { email } } }"


@asynccontextmanager
async def limited(
    world: World, *, per_minute: int = 0, per_address: int = 0, **settings: Any
) -> AsyncIterator[tuple[World, State]]:
    """The same world through another server, with that server's state."""
    update = {
        "port": free_port(),
        "rate_limit_per_minute": per_minute,
        "rate_limit_per_minute_per_address": per_address,
        **settings,
    }
    changed = world.settings.model_copy(update=update)
    url = f"http://127.0.0.1:{changed.port}"
    async with (
        serving(changed) as server,
        loopback_client(url) as http,
    ):
        people = {role: replace(person, http=http) for role, person in world.people.items()}
        app: Any = server.config.app
        there = World(http, changed, world.database, world.superuser, world.account_id, people)
        yield there, app.state.team_access


async def asked(
    person: Person, query: str | list[str] = VIEWER, token: str | None = None, **headers: str
) -> httpx.Response:
    """A list is sent as a batch."""
    token = token or person.token
    if token:
        headers["authorization"] = f"Bearer {token}"
    body: Any = {"query": query} if isinstance(query, str) else [{"query": each} for each in query]
    return await person.http.post("/graphql", json=body, headers=headers)


async def statuses(person: Person, count: int, token: str | None = None) -> list[int]:
    return [(await asked(person, token=token)).status_code for _ in range(count)]
