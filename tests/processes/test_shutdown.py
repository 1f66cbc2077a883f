"""A server that shuts down answers what it has received, and tells clients to connect to another one."""

import asyncio
import json
import signal
import socket
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from fcntl import ioctl
from termios import FIONREAD
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import websockets

from resolvers.denials import MOST_ALIKE
from tests.processes.test_faults import account_held
from tests.support.graphql_ws import connected
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.killed_servers import served
from tests.support.live import append
from tests.support.locks import until_waiting
from tests.support.world import INVITE, Person, World

CONNECTIONS = 8
DELAY_SECONDS = 3
MEMBER_CHANGED = "subscription { viewerMemberChanged { member { role } } }"
RESTARTS = (1012, "The server restarts")
REFUSED = MOST_ALIKE + 5
INVITATION = {"email": "grace@example.com", "role": "ADMIN"}
LOG = (
    """subscription ($id: ID!) { auditLogAppended(accountId: $id, afterSequence: 0) { sequence details } }"""
)
_PAGE = (
    "node(id: $id) { ... on Account { auditLog(first: 100) { nodes { summary details actor { name } } } } }"
)
HEAVY = f"query ($id: ID!) {{ {' '.join(f'page{number}: {_PAGE}' for number in range(10))} }}"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(verify=NO_AUTHORITIES, limits=limits, timeout=10) as client:
        yield client


async def test_requests_are_answered_until_the_delay_is_over(world: World, client: httpx.AsyncClient) -> None:
    """A proxy that keeps connections open sends requests on them until they are closed."""
    asked = {"query": "{ viewer { user { email } } }"}
    headers = {"authorization": f"Bearer {world.admin.token}"}
    statuses: list[int] = []
    closing: list[bool] = []

    async with served(world, SHUTDOWN_DELAY_SECONDS=str(DELAY_SECONDS)) as (process, url):

        async def ask() -> None:
            with suppress(httpx.ConnectError):
                while True:
                    response = await client.post(f"{url}/graphql", json=asked, headers=headers)
                    statuses.append(response.status_code)
                    closing.append(response.headers.get("connection") == "close")

        asking = [asyncio.create_task(ask()) for _ in range(CONNECTIONS)]
        async with connected(url, world.admin.token) as socket:
            await socket.subscribe(MEMBER_CHANGED)
            assert await socket.is_open()
            before = (await client.get(f"{url}/readyz")).json()
            process.send_signal(signal.SIGTERM)
            assert await socket.closed() == RESTARTS
        ready = await client.get(f"{url}/readyz")
        alive = await client.get(f"{url}/livez")
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connected(url, world.admin.token):
                pass
        await asyncio.gather(*asking)
        assert await asyncio.to_thread(process.wait, 10) == 0

    assert before == {"status": "ready", "checks": {"database": None, "tables": None, "shutdown": None}}
    assert ready.status_code == 503
    assert ready.json()["checks"]["shutdown"] == "The server is shutting down."
    assert int(ready.headers["retry-after"]) > 0
    assert alive.status_code == 200
    assert refused.value.response.status_code == 503
    assert set(statuses) == {200}
    # Each connection was closed by the server's announcement, so that no request met a closed one.
    assert sum(closing) > CONNECTIONS
    assert all(closing[-CONNECTIONS:])


async def test_a_second_signal_ends_the_delay(world: World, client: httpx.AsyncClient) -> None:
    async with served(world, SHUTDOWN_DELAY_SECONDS="300") as (process, url):
        process.send_signal(signal.SIGTERM)
        while (await client.get(f"{url}/readyz")).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

        process.send_signal(signal.SIGTERM)

        assert await asyncio.to_thread(process.wait, 20) == 0


async def test_after_a_second_signal_new_clients_are_refused_while_a_change_is_finished(
    world: World, client: httpx.AsyncClient
) -> None:
    async with served(world, SHUTDOWN_DELAY_SECONDS="300") as (process, url):
        admin = Person(
            httpx.AsyncClient(base_url=url, verify=NO_AUTHORITIES, timeout=60), token=world.admin.token
        )
        async with admin.http:
            async with account_held(world):
                change = asyncio.create_task(
                    admin.post(INVITE, input=INVITATION | {"accountId": world.account_id})
                )
                await until_waiting(world.superuser)
                process.send_signal(signal.SIGTERM)
                while (await client.get(f"{url}/readyz")).status_code == 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

                process.send_signal(signal.SIGTERM)

                async with asyncio.timeout(8):
                    while await _is_admitted(url):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                assert not change.done()
            assert not (await change)["data"]["inviteMember"]["userErrors"]
        assert await asyncio.to_thread(process.wait, 20) == 0


async def _is_admitted(url: str) -> bool:
    """Whether a new connection is made, be it answered or not."""
    address = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def test_a_server_with_tables_of_another_version_is_not_ready(
    world: World, superuser: asyncpg.Connection
) -> None:
    revision = await superuser.fetchval("SELECT version_num FROM alembic_version")
    await superuser.execute("UPDATE alembic_version SET version_num = '9999_later'")
    try:
        ready = await world.http.get("/readyz")
        health = await world.http.get("/health")
    finally:
        await superuser.execute("UPDATE alembic_version SET version_num = $1", revision)

    assert ready.status_code == 503
    assert ready.json()["checks"] == {
        "database": None,
        "tables": "The database has the tables of another version: run `team-access migrate` of this"
        " version.",
        "shutdown": None,
    }
    assert health.status_code == 200


@asynccontextmanager
async def unread_stream(url: str, world: World) -> AsyncIterator[None]:
    """A subscription over HTTP whose client has read nothing of it for so long that the server waits."""
    address = urlsplit(url)
    body = json.dumps({"query": LOG, "variables": {"id": world.account_id}}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {address.netloc}\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {world.admin.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect((address.hostname, address.port))
        client.sendall(head.encode() + body)
        queued, before = array("i", [0]), -1
        while not queued[0] or queued[0] != before:
            before = queued[0]
            await asyncio.sleep(1)
            ioctl(client.fileno(), FIONREAD, queued)
        yield


async def test_counted_refusals_are_logged_though_clients_delay_the_end(
    world: World, client: httpx.AsyncClient
) -> None:
    """A stream that nobody reads, and requests without an end."""
    await append(world, 1_500, bytes_each=16_000)
    heavy = [{"query": HEAVY, "variables": {"id": world.account_id}}] * 10
    headers = {"authorization": f"Bearer {world.admin.token}"}
    async with served(world, WORKERS="1") as (process, url):
        viewer = Person(httpx.AsyncClient(base_url=url, verify=NO_AUTHORITIES), token=world.viewer.token)
        async with viewer.http:
            for _ in range(REFUSED):
                await viewer.errors(INVITE, input=INVITATION | {"accountId": world.account_id})

        async def ask() -> None:
            with suppress(httpx.TransportError):
                while True:
                    await client.post(f"{url}/graphql", json=heavy, headers=headers, timeout=60)

        async with unread_stream(url, world):
            asking = [asyncio.create_task(ask()) for _ in range(4)]
            await asyncio.sleep(1)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
            await asyncio.gather(*asking)

    refusals = await world.events(actions=["MEMBER_INVITED"], outcome="DENIED")
    assert "more times" in refusals[0]["summary"]
    assert len(refusals) == MOST_ALIKE + 1
