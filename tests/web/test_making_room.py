"""Large request bodies and unread responses are dropped to make room for others."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from urllib.parse import unquote

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from tests.support.live import until
from tests.support.raw_connections import WAIT_SECONDS, RawConnection
from tests.support.serving import free_port, running
from tests.web.test_connection_limits import LIMITS, OTHER
from tests.web.test_http_connections import START, App, echo
from web.connection_limits import ConnectionLimits, ConnectionTable
from web.http_server import HttpServer, ServerConfig
from web.proxy_headers import Proxies

PATIENT = replace(LIMITS, header_seconds=WAIT_SECONDS, body_seconds=WAIT_SECONDS, send_seconds=60)
ALLOWED = 100_000
POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
GET = b"GET /%b HTTP/1.1\r\nhost: a\r\n\r\n"


@asynccontextmanager
async def serving(app: App, limits: ConnectionLimits) -> AsyncIterator[int]:
    port = free_port()
    server = HttpServer(ServerConfig(app, ConnectionTable(limits, Proxies(())), lifespan=False))
    async with running(server, port):
        yield port


async def status_of(connection: RawConnection) -> bytes:
    return await asyncio.wait_for(connection.reader.readline(), WAIT_SECONDS)


async def status_of_short(port: int, client: str) -> bytes:
    connection = await RawConnection.open(port, client)
    try:
        await connection.send(GET % b"short")
        return await status_of(connection)
    finally:
        connection.close()


@pytest.mark.parametrize("end", ["left", "answered", "refused"])
async def test_bodies_that_are_too_large_together_make_room(end: str) -> None:
    limits = replace(PATIENT, incoming_bytes=ALLOWED)
    table, port = ConnectionTable(limits, Proxies(())), free_port()
    async with running(HttpServer(ServerConfig(echo, table, lifespan=False)), port):
        small = await RawConnection.open(port, OTHER)
        await small.send(POST % 2 + b"a")
        large = [await RawConnection.open(port, f"127.0.1.{number % 2}") for number in range(1, 15)]
        for connection in large:
            await connection.send(POST % 20_000 + b"x" * 15_000)
        readings = [asyncio.create_task(status_of(connection)) for connection in large]
        await until(lambda: sum(reading.done() for reading in readings) >= 8)
        await asyncio.sleep(0.1)
        refused = [reading.result() for reading in readings if reading.done()]
        await small.send(b"b")

        assert await status_of(small) == b"HTTP/1.1 200 OK\r\n"
        assert {*refused} == {b"HTTP/1.1 503 Service Unavailable\r\n"}
        assert 8 <= len(refused) < len(large)
        for connection, reading in zip(large, readings, strict=True):
            if end == "answered" and not reading.done():
                await connection.send(b"x" * 5_000)
                assert await reading == b"HTTP/1.1 200 OK\r\n"
            if end == "refused":
                await connection.send(b"x" * 100_000)
            connection.close()
            reading.cancel()
        await until(lambda: not table._incoming_bytes)
        whole = await RawConnection.open(port, OTHER)
        await whole.send(POST % ALLOWED + b"x" * (ALLOWED - 1))
        await asyncio.sleep(0.1)
        await whole.send(b"x")
        assert await status_of(whole) == b"HTTP/1.1 200 OK\r\n"


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await receive()
    left = asyncio.ensure_future(receive())
    while scope["path"] == "/endless" and not left.done():
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        await asyncio.sleep(0)
    left.cancel()
    await send({"type": "http.response.body", "body": b"short"})


async def not_reading(port: int, client: str, request: bytes = GET % b"endless") -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connection.bind((client, 0))
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    await loop.sock_sendall(connection, request)
    return connection


@pytest.mark.parametrize(
    ("addresses", "client"), [(1, "127.0.1.1"), (3, OTHER)], ids=["of one address", "of many"]
)
async def test_answers_that_wait_for_long_make_room(addresses: int, client: str) -> None:
    async with serving(endless, replace(PATIENT, slow_send_seconds=0.3)) as port:
        held = [
            await not_reading(port, f"127.0.1.{number}")
            for number in range(1, addresses + 1)
            for _ in range(LIMITS.connections_per_address)
        ]

        # Some of them may not have waited for long yet.
        async with asyncio.timeout(WAIT_SECONDS):
            while await status_of_short(port, client) != b"HTTP/1.1 200 OK\r\n":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        for each in held:
            each.close()


async def test_answers_that_are_taken_in_make_no_room() -> None:
    async with serving(endless, replace(PATIENT, slow_send_seconds=1)) as port:
        held = [await RawConnection.open(port, "127.0.1.1") for _ in range(LIMITS.connections_per_address)]
        for connection in held:
            await connection.send(GET % b"endless")
        readings = [asyncio.create_task(_read_on(connection)) for connection in held]
        await asyncio.sleep(2)

        more = await RawConnection.open(port, "127.0.1.1")
        await more.send(GET % b"short")

        assert (await more.rest()).startswith(b"HTTP/1.1 429 ")
        assert not any(reading.done() for reading in readings)
        for reading, connection in zip(readings, held, strict=True):
            reading.cancel()
            connection.close()


async def _read_on(connection: RawConnection) -> None:
    data = b"x"
    while data:
        data = await connection.reader.read(65_536)


ANSWER = b"x" * 8_000_000
SMALLER = ANSWER[:6_000_000]
HANDSHAKE = (
    b"GET /%b HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
MESSAGES = 6


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the answer: six times on a WebSocket, with what the path names."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        text = {"type": "websocket.send", "text": ANSWER.decode() + unquote(scope["path"][1:])}
        with suppress(ClientDisconnected):
            await asyncio.gather(*(send(text) for _ in range(MESSAGES)))
        return
    body = SMALLER if scope["path"] == "/smaller" else ANSWER
    await send({**START, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


TWO_GETS = GET % b"" + b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


async def test_answers_that_wait_for_the_one_before_count() -> None:
    async with serving(large, replace(PATIENT, outgoing_bytes=MESSAGES * len(ANSWER))) as port:
        held = [await not_reading(port, "127.0.1.1", TWO_GETS) for _ in range(MESSAGES)]
        await asyncio.sleep(1)
        whole = [await received_by(each, 2 * len(ANSWER)) >= 2 * len(ANSWER) for each in held]

        assert whole.count(True) <= MESSAGES // 2


async def test_messages_count_with_the_memory_that_their_characters_take() -> None:
    limits = replace(PATIENT, outgoing_bytes=2 * MESSAGES * len(ANSWER))

    async with serving(large, limits) as port:
        held = await not_reading(port, OTHER, HANDSHAKE % b"%F0%9F%99%82")
        await asyncio.sleep(1)

        assert await received_by(held, MESSAGES * len(ANSWER)) < MESSAGES * len(ANSWER)


async def test_what_follows_a_dropped_body_does_not_count() -> None:
    async def large_or_echo(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(KeyError):  # The body is cut off.
            await (large if scope["method"] == "GET" else echo)(scope, receive, send)

    table, port = ConnectionTable(replace(PATIENT, incoming_bytes=ALLOWED), Proxies(())), free_port()
    chunks = (b"3e8\r\n" + b"x" * 1_000 + b"\r\n") * (ALLOWED // 1_000 + 20)
    post = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + chunks

    async with running(HttpServer(ServerConfig(large_or_echo, table, lifespan=False)), port):
        connection = await not_reading(port, OTHER, GET % b"")
        await asyncio.sleep(0.2)
        await asyncio.get_running_loop().sock_sendall(connection, post)

        await until(lambda: (len(table), table._incoming_bytes) == (0, 0))
        connection.close()


async def received_by(connection: socket.socket, wanted: int) -> int:
    loop, received = asyncio.get_running_loop(), 0
    with suppress(ConnectionResetError):
        while received < wanted and (data := await loop.sock_recv(connection, 1 << 20)):
            received += len(data)
    connection.close()
    return received


@pytest.mark.parametrize(
    ("request_", "connections", "wanted", "most_whole"),
    [(GET % b"", MESSAGES, len(ANSWER), 2), (HANDSHAKE % b"", 1, MESSAGES * len(ANSWER), 0)],
    ids=["responses", "messages"],
)
async def test_answers_that_nobody_reads_have_a_limit_together(
    request_: bytes, connections: int, wanted: int, most_whole: int
) -> None:
    limits = replace(PATIENT, outgoing_bytes=len(ANSWER))

    async with serving(large, limits) as port:
        # Never the address with the most, however many of the others have come.
        slow = await not_reading(port, OTHER, GET % b"smaller")
        held = [await not_reading(port, "127.0.1.1", request_) for _ in range(connections)]
        await asyncio.sleep(1)
        whole = [await received_by(each, wanted) >= wanted for each in held]

        assert whole.count(True) <= most_whole
        assert await received_by(slow, len(SMALLER)) >= len(SMALLER)
