"""Two servers behind nginx are replaced one after the other: no request is lost, and subscriptions resume
without a gap."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from websockets import ConnectionClosed, InvalidStatus

from tests.support.changes import UPDATE_ACCOUNT
from tests.support.graphql_ws import connected
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.killed_servers import served
from tests.support.live import head
from tests.support.nginx import NGINX, proxied
from tests.support.serving import free_port
from tests.support.world import World

CLIENTS = 16
PAUSE_SECONDS = CLIENTS / 500
VIEWER = {"query": "{ viewer { user { email } } }"}
JSON = {"content-type": "application/json"}
LOG = """subscription ($id: ID!, $after: BigInt) { auditLogAppended(accountId: $id, afterSequence: $after) {
  sequence action } }"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class Clients:
    """Clients of the proxy, until `stop` is set."""

    def __init__(self, world: World, url: str, after: int) -> None:
        self.world, self.url = world, url
        self.stop = asyncio.Event()
        self.read = self.changed = self.connections = 0
        self.failures: list[object] = []
        self.sequences = [after]

    async def ask(self) -> None:
        limits = httpx.Limits(max_connections=1)
        headers = {"authorization": f"Bearer {self.world.admin.token}"}
        async with httpx.AsyncClient(
            verify=NO_AUTHORITIES, limits=limits, headers=headers, timeout=20
        ) as http:
            while not self.stop.is_set():
                self.read += await self._send(http, VIEWER)
                await asyncio.sleep(PAUSE_SECONDS)

    async def change(self) -> None:
        headers = {"authorization": f"Bearer {self.world.admin.token}"}
        async with httpx.AsyncClient(verify=NO_AUTHORITIES, headers=headers, timeout=20) as http:
            while not self.stop.is_set():
                input = {"accountId": self.world.account_id, "name": f"Acme {self.changed}"}
                body = {"query": UPDATE_ACCOUNT, "variables": {"input": input}}
                self.changed += await self._send(http, body)
                await asyncio.sleep(0.05)

    async def _send(self, http: httpx.AsyncClient, body: dict[str, Any]) -> int:
        try:
            response = await http.post(f"{self.url}/graphql", content=orjson.dumps(body), headers=JSON)
        except httpx.TransportError as error:
            self.failures.append(error)
            return 0
        if response.status_code != 200 or b'"errors"' in response.content:
            self.failures.append((response.status_code, response.text))
            return 0
        return 1

    async def listen(self) -> None:
        while not self.stop.is_set():
            try:
                async with connected(self.url, self.world.admin.token) as socket:
                    self.connections += 1
                    await self._take(socket)
            except (ConnectionClosed, InvalidStatus):
                await asyncio.sleep(0.1)

    async def _take(self, socket: Any) -> None:
        events = await socket.subscribe(LOG, id=self.world.account_id, after=self.sequences[-1])
        closed = asyncio.create_task(socket.connection.wait_closed())
        while True:
            event = asyncio.create_task(events.next())
            await asyncio.wait((closed, event), return_when=asyncio.FIRST_COMPLETED)
            if not event.done():
                event.cancel()
                return
            self.sequences.append(int(event.result()["sequence"]))


async def test_no_request_is_lost_while_servers_are_replaced(world: World, tmp_path: Path) -> None:
    after = await head(world)
    ports = [free_port(), free_port()]
    settings = {"SHUTDOWN_DELAY_SECONDS": "2", "RATE_LIMIT_PER_MINUTE": "1000000"}
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(served(world, port, **settings)) for port in ports]
        url = await stack.enter_async_context(proxied(tmp_path, [f"127.0.0.1:{port}" for port in ports]))
        clients = Clients(world, url, after)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CLIENTS):
                tasks.create_task(clients.ask())
            tasks.create_task(clients.change())
            listening = tasks.create_task(clients.listen())
            for (process, _), port in zip(servers, ports, strict=True):
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 30) == 0
                await stack.enter_async_context(served(world, port, **settings))
            clients.stop.set()
            last = await head(world)
            async with asyncio.timeout(20):
                while clients.sequences[-1] < last:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            listening.cancel()
        names = await world.superuser.fetchval(
            "SELECT count(*) FROM audit_events WHERE action = 'ACCOUNT_UPDATED'"
        )

    assert clients.failures == []
    assert clients.read > CLIENTS
    assert clients.changed > 1
    assert names == clients.changed
    assert clients.connections > 1
    assert clients.sequences == list(range(after, last + 1))
