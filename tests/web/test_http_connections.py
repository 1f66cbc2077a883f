"""Other uses of HTTP connections: upgrades, pipelining, slow readers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from starlette.types import Receive, Scope, Send

from tests.support.raw_connections import WAIT_SECONDS, RawConnection
from tests.support.serving import free_port, running
from tests.web.test_connection_limits import LIMITS, PATIENT
from web.connection_limits import ConnectionLimits, ConnectionTable
from web.http_server import HttpServer, ServerConfig
from web.proxy_headers import Proxies

App = Callable[[Scope, Receive, Send], Awaitable[None]]
START = {"type": "http.response.start", "status": 200, "headers": []}
HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n"


LAST = b"GET /next HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


@asynccontextmanager
async def serving(app: App, limits: ConnectionLimits = PATIENT) -> AsyncIterator[int]:
    port = free_port()
    server = HttpServer(ServerConfig(app, ConnectionTable(limits, Proxies(())), lifespan=False))
    async with running(server, port):
        yield port


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request's path and body."""
    body, more = scope["path"].encode() + b" ", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await send(START)
    await send({"type": "http.response.body", "body": b"<" + body.replace(b"\r\n", b"") + b">"})


def asking_for(protocol: bytes, method: bytes = b"POST", body: bytes = HIDDEN) -> bytes:
    head = b"%b /a HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: %b\r\ncontent-length: %d\r\n\r\n"
    return head % (method, protocol, len(body)) + body


@pytest.mark.parametrize("protocol", [b"h2c", b"anything"])
@pytest.mark.parametrize("split_at", [0, 20, 2_000])
async def test_the_body_of_who_asks_for_another_protocol_is_no_request(
    protocol: bytes, split_at: int
) -> None:
    request = asking_for(protocol)
    after_head = request.index(b"\r\n\r\n") + 4 + split_at

    async with serving(echo) as port:
        connection = await RawConnection.open(port)
        await connection.send(request[:after_head])
        await asyncio.sleep(0.05)
        await connection.send(request[after_head:] + LAST)
        answers = await connection.rest()

    assert answers.count(b"HTTP/1.1 200") == 2
    assert b"</hidden" not in answers
    assert b"GET /hidden HTTP/1.1host: a>" in answers
    assert b"</next >" in answers


async def test_many_requests_for_another_protocol_are_answered_in_turn() -> None:
    async with serving(echo) as port:
        connection = await RawConnection.open(port)
        await connection.send(asking_for(b"h2c", b"GET", b"") * 3 + LAST)
        answers = await connection.rest()

    assert answers.count(b"</a >") == 3


async def test_a_tunnel_is_refused() -> None:
    async with serving(echo) as port:
        connection = await RawConnection.open(port)
        await connection.send(b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n")

        assert (await connection.rest()).startswith(b"HTTP/1.1 400")


async def test_who_leaves_a_pipeline_of_requests_is_known_to_have_left() -> None:
    begun, left = asyncio.Event(), asyncio.Event()
    paths = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async with serving(app) as port:
        connection = await RawConnection.open(port)
        await connection.send(b"GET /first HTTP/1.1\r\nhost: a\r\n\r\n" + HIDDEN)
        await asyncio.wait_for(begun.wait(), WAIT_SECONDS)
        connection.close()

        await asyncio.wait_for(left.wait(), WAIT_SECONDS)

    assert paths == ["/first"]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_who_takes_in_a_long_answer_slowly_gets_all_of_it(version: bytes) -> None:
    size = 8 * 1024 * 1024
    # Far less than the answer takes, and more than a busy machine keeps this process waiting.
    limits = replace(LIMITS, send_seconds=1.5)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.body", "body": b"x" * size})

    received = 0
    async with serving(app, limits) as port:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            slow.connect(("127.0.0.1", port))
            slow.sendall(b"GET / HTTP/%b\r\nhost: a\r\n\r\n" % version)
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            while received < size:
                data = await asyncio.wait_for(loop.sock_recv(slow, 65_536), WAIT_SECONDS)
                assert data, f"{received:,} bytes"
                received += len(data.partition(b"\r\n\r\n")[2]) if not received else len(data)
                await asyncio.sleep(0.03)

    assert received == size


HANDSHAKE = (
    b"%b /graphql HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%b\r\n"
)
NO_HANDSHAKES = {
    "method": HANDSHAKE % (b"POST", b"content-length: 1\r\n"),
    "long line": HANDSHAKE % (b"GET", b"x-a: " + b"a" * 10_000 + b"\r\n"),
    "many headers": HANDSHAKE % (b"GET", b"x-a: a\r\n" * 200),
    "key": HANDSHAKE.replace(b"AAA==", b"==") % (b"GET", b""),
    "version": HANDSHAKE.replace(b": 13", b": 12") % (b"GET", b""),
}


@pytest.mark.parametrize("sent", NO_HANDSHAKES.values(), ids=NO_HANDSHAKES.keys())
async def test_a_handshake_that_is_none_is_refused(sent: bytes) -> None:
    async with serving(echo) as port:
        connection = await RawConnection.open(port)
        await connection.send(sent)
        answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-content-type-options: nosniff" in answer
    assert b"content-security-policy: default-src 'none'" in answer


async def test_a_body_in_thousands_of_small_chunks_is_refused() -> None:
    async with serving(echo) as port:
        connection = await RawConnection.open(port)
        await connection.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
        await connection.send(b"1\r\na\r\n" * 40_000)
        await connection.send(b"0\r\n\r\n")

        answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"too many small chunks" in answer
