"""Unknown host names are refused everywhere, against DNS rebinding."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from websockets import InvalidStatus, Subprotocol, connect

from settings import Settings
from tests.sessions.test_link_hostility import elsewhere
from tests.support.links import nothing_is_written
from tests.support.serving import free_port
from tests.support.world import World

PATHS = [
    "/",
    "/mailbox",
    "/mailbox/x",
    "/graphql",
    "/sign-in",
    "/static/icon.svg",
    "/nothing",
    "/leaked-keys",
]
FOREIGN = [
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil-localhost",
    "192.0.2.7",
    "0.0.0.0",  # noqa: S104
    "[::2]:PORT",
    "[::1",
    "127.0.0.1:PORT evil.example",
    "127.0.0.1:PORT, evil.example",
    "evil.example@127.0.0.1",
    "127.0.0.1/evil",
    "127.0.0.1:port",
    "127.1",
    "2130706433",
    "",
    "a" * 5_000,
    "ü.example",
]
OWN = [
    "127.0.0.1:PORT",
    "127.0.0.1",
    "localhost:PORT",
    "LOCALHOST",
    "localhost.",
    "me.localhost",
    "[::1]:PORT",
    "127.8.9.1",
]


async def status_of(world: World, path: str, *hosts: str, version: str = "1.1", extra: str = "") -> str:
    """Of a request as it is written here: no client library has a say in the Host."""
    port = str(world.settings.port)
    lines = [
        f"GET {path} HTTP/{version}",
        *(f"Host: {host.replace('PORT', port)}" for host in hosts),
        *([extra] if extra else []),
        "Connection: close",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", world.settings.port)
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.split(b" ")[1].decode() if b" " in answer else "closed"


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_foreign_host_is_refused_everywhere(world: World, host: str) -> None:
    async with nothing_is_written(world.superuser):
        statuses = {path: await status_of(world, path, host) for path in PATHS}

    assert set(statuses.values()) <= {"421", "400"}, statuses
    assert await status_of(world, "/health", "evil.example") == "200"


@pytest.mark.parametrize("host", OWN)
async def test_this_machine_s_names_are_its_own(world: World, host: str) -> None:
    assert await status_of(world, "/mailbox", host) == "200"


async def test_each_name_of_this_machine_is_as_good_as_the_one_in_public_url(world: World) -> None:
    async with elsewhere(world, port=free_port(), smtp_url="smtp://127.0.0.1:1") as there:
        assert await status_of(there, "/sign-in", "localhost:PORT") == "200"
        assert await status_of(there, "/sign-in", "evil.example") == "421"


async def test_no_host_or_two_are_refused(world: World) -> None:
    own = "127.0.0.1:PORT"

    assert await status_of(world, "/mailbox", version="1.0") == "421"
    assert await status_of(world, "/mailbox") in ("421", "400")
    assert await status_of(world, "/mailbox", own, "evil.example") in ("421", "400")
    assert await status_of(world, "/mailbox", "evil.example", own) in ("421", "400")
    assert await status_of(world, "/graphql", own, own) in ("421", "400")
    assert await status_of(world, "/health", version="1.0") == "200"


async def test_proxies_headers_have_no_say(world: World) -> None:
    for header in ("X-Forwarded-Host", "X-Host", "Forwarded: host", "X-Original-Host"):
        extra = f"{header}=127.0.0.1" if ":" in header else f"{header}: 127.0.0.1"
        assert await status_of(world, "/mailbox", "evil.example", extra=extra) == "421"
        extra = extra.replace("127.0.0.1", "evil.example")
        assert await status_of(world, "/mailbox", "127.0.0.1", extra=extra) == "200"


async def test_the_refusal_says_what_would_be_right(world: World) -> None:
    foreign = {"host": "<script>evil.example"}

    page = await world.http.get("/mailbox", headers=foreign)
    api = await world.http.post("/graphql", json={"query": "{ __typename }"}, headers=foreign)

    for answer in (page, api):
        assert answer.status_code == 421
        assert world.settings.public_url in answer.text
        assert "evil" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" in answer.headers
    assert api.json()["errors"][0]["extensions"] == {"code": "MISDIRECTED_REQUEST"}


async def test_a_rebound_page_opens_no_websocket(world: World) -> None:
    url = f"ws://127.0.0.1:{world.settings.port}/graphql"
    options: dict[str, Any] = {"subprotocols": [Subprotocol("graphql-transport-ws")]}

    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            url.replace("127.0.0.1", "evil.example"),
            host="127.0.0.1",
            origin=f"http://evil.example:{world.settings.port}",  # type: ignore[arg-type]
            **options,
        ):
            pass
    async with connect(url.replace("127.0.0.1", "localhost"), host="127.0.0.1", **options):
        pass

    assert refused.value.response.status_code == 421


async def test_a_form_of_a_rebound_page_signs_nobody_in(world: World) -> None:
    headers = {"host": "evil.example", "origin": "http://evil.example"}

    async with nothing_is_written(world.superuser):
        answer = await world.http.post("/sign-in", data={"email": "a@example.com"}, headers=headers)

    assert answer.status_code == 421


async def test_in_production_only_configured_names_count(world: World) -> None:
    settings: dict[str, Any] = {
        "public_url": "https://team.example",
        "allowed_hosts": "api.team.example, 10.1.2.3, [2001:db8::1]",
        "smtp_url": "smtp://127.0.0.1:1",
    }
    expected = {
        "team.example": "200",
        "Team.Example:443": "200",
        "api.team.example:8443": "200",
        "10.1.2.3": "200",
        "[2001:DB8:0::1]:80": "200",
        "127.0.0.1:PORT": "421",
        "localhost": "421",
        "x.team.example": "421",
        "team.example.evil.example": "421",
        "10.1.2.4": "421",
    }

    async with elsewhere(world, port=free_port(), **settings) as there:
        statuses = {host: await status_of(there, "/sign-in", host) for host in expected}
        probe = await status_of(there, "/health", "127.0.0.1:PORT")

    assert statuses == expected
    assert probe == "200"


@pytest.mark.parametrize(
    "value", ["*", "*.example.com", "https://team.example", "team.example:443", "a b", "[::1"]
)
def test_a_setting_that_no_host_header_could_be_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="host names or IP addresses without a port"):
        Settings(_env_file=None, allowed_hosts=value)
