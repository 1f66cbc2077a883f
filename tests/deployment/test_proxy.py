"""nginx with the configuration that is deployed: TLS, WebSockets, clients, and sizes of bodies."""

import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import trustme
from websockets import connect

from tests.support.changes import UPDATE_ACCOUNT
from tests.support.forked_commands import ROOT
from tests.support.graphql_ws import PROTOCOL
from tests.support.killed_servers import served
from tests.support.nginx import HOST, NGINX, deployed
from tests.support.serving import free_port
from tests.support.world import World

CLIENT = "127.0.0.7"
FORGED = "203.0.113.9"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass(frozen=True)
class Proxy:
    http: int
    https: int
    tls: ssl.SSLContext

    def client(self) -> httpx.AsyncClient:
        """Client that resolves the host name to nginx, from an address of its own."""
        transport = httpx.AsyncHTTPTransport(verify=self.tls, local_address=CLIENT)
        return httpx.AsyncClient(transport=transport, timeout=20)

    async def request(self, method: str, url: str, **options: object) -> httpx.Response:
        parts = httpx.URL(url)
        headers = {"host": HOST, **options.pop("headers", {})}  # type: ignore[dict-item]
        port = self.https if parts.scheme == "https" else self.http
        async with self.client() as client:
            request = client.build_request(
                method,
                parts.copy_with(host="127.0.0.1", port=port),
                headers=headers,
                **options,  # type: ignore[arg-type]
            )
            request.extensions["sni_hostname"] = HOST
            return await client.send(request)


@pytest_asyncio.fixture
async def proxy(world: World, tmp_path: Path) -> AsyncIterator[Proxy]:
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert(HOST)
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    settings = {"TRUSTED_PROXIES": "127.0.0.1/32"}
    async with (
        served(world, port, f"https://{HOST}", **settings),
        deployed(tmp_path, [f"127.0.0.1:{port}"]) as (http, https),
    ):
        yield Proxy(http, https, tls)


async def test_http_is_redirected_to_https(proxy: Proxy) -> None:
    redirected = await proxy.request("GET", f"http://{HOST}/join/token?a=b")
    answered = await proxy.request("GET", f"https://{HOST}/livez")

    assert (redirected.status_code, redirected.headers["location"]) == (308, f"https://{HOST}/join/token?a=b")
    assert answered.status_code == 200
    assert "max-age=" in answered.headers["strict-transport-security"]


async def test_the_address_of_the_client_is_the_one_that_connected(proxy: Proxy, world: World) -> None:
    input = {"accountId": world.account_id, "name": "Acme Themes"}

    answer = await proxy.request(
        "POST",
        f"https://{HOST}/graphql",
        json={"query": UPDATE_ACCOUNT, "variables": {"input": input}},
        headers={"authorization": f"Bearer {world.admin.token}", "x-forwarded-for": FORGED},
    )

    assert answer.json()["data"]["updateAccount"]["userErrors"] == []
    sql = "SELECT ip FROM audit_events WHERE action = 'ACCOUNT_UPDATED'"
    assert [row[0] for row in await world.superuser.fetch(sql)] == [CLIENT]


async def test_web_sockets_pass(proxy: Proxy, world: World) -> None:
    url = f"wss://{HOST}:{proxy.https}/graphql"

    async with connect(url, host="127.0.0.1", ssl=proxy.tls, subprotocols=[PROTOCOL], proxy=None) as socket:
        await socket.send(
            f'{{"type": "connection_init", "payload": {{"authorization": "Bearer {world.admin.token}"}}}}'
        )
        answer = await socket.recv()

    assert '"connection_ack"' in str(answer)


@pytest.mark.parametrize(("kilobytes", "media_type"), [(300, "application/json"), (1_100, "text/html")])
async def test_the_server_refuses_large_bodies_and_the_proxy_larger_ones(
    proxy: Proxy, kilobytes: int, media_type: str
) -> None:
    body = b'{"query": "{ viewer { id } }"' + b" " * (kilobytes * 1024) + b"}"

    refused = await proxy.request(
        "POST", f"https://{HOST}/graphql", content=body, headers={"content-type": "application/json"}
    )

    assert refused.status_code == 413
    assert refused.headers["content-type"].startswith(media_type)


async def test_another_host_name_is_refused(proxy: Proxy) -> None:
    refused = await proxy.request("GET", f"https://{HOST}/", headers={"host": "other.example"})

    assert refused.status_code == 421


def test_the_ports_are_those_of_the_units() -> None:
    text = (ROOT / "deploy" / "nginx-servers.conf").read_text()

    assert re.findall(r"^server 127\.0\.0\.1:(\d+) max_fails=0;$", text, re.MULTILINE) == ["8001", "8002"]


async def test_the_log_has_no_path_that_opens_something(proxy: Proxy, tmp_path: Path) -> None:
    for scheme in ("http", "https"):
        for page in ("sign-in", "join", "claim", "download"):
            await proxy.request("GET", f"{scheme}://{HOST}/{page}/s3cret?token=s3cret")
    await proxy.request("GET", f"https://{HOST}/health")

    lines = (tmp_path / "access.log").read_text().splitlines()
    assert len(lines) == 9
    assert "s3cret" not in "".join(lines)
    assert " GET /join/ 308 " in lines[1]
    assert " GET /health 200 " in lines[-1]
    assert lines[-1].startswith(CLIENT)
