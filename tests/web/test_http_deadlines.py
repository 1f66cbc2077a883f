"""Deadlines of requests whose body, or whose response, is not read at once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.types import Receive, Scope, Send

from tests.support.raw_connections import WAIT_SECONDS, RawConnection
from tests.support.serving import free_port, running
from tests.web.test_http_connections import START, App, echo
from tests.web.test_making_room import ALLOWED, GET, PATIENT, POST
from web.connection_limits import ConnectionLimits, ConnectionTable
from web.error_pages import ErrorPageMiddleware
from web.http_server import HttpServer, ServerConfig
from web.proxy_headers import Proxies

SMALL_BUFFER = 4_096


@asynccontextmanager
async def serving(app: App, limits: ConnectionLimits = PATIENT) -> AsyncIterator[int]:
    """Whose connections have small buffers."""
    port = free_port()
    server = HttpServer(ServerConfig(app, ConnectionTable(limits, Proxies(())), lifespan=False))
    async with running(server, port, SMALL_BUFFER):
        yield port


async def with_small_buffer(port: int) -> RawConnection:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    return RawConnection(*await asyncio.open_connection(sock=connection, limit=SMALL_BUFFER))


async def test_a_client_that_waits_for_leave_to_send_the_body_gets_it() -> None:
    async with serving(echo) as port:
        connection = await RawConnection.open(port)
        await connection.send(
            b"POST /a HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 4\r\n\r\n"
        )
        leave = await asyncio.wait_for(connection.reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
        await connection.send(b"body")
        answer = await asyncio.wait_for(connection.reader.readuntil(b">"), WAIT_SECONDS)
        connection.close()

    assert leave == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"</a body>")


async def test_a_body_that_is_too_large_by_itself_is_refused() -> None:
    async with serving(echo, replace(PATIENT, incoming_bytes=ALLOWED)) as port:
        connection = await RawConnection.open(port)
        await connection.send(POST % (2 * ALLOWED) + b"x" * (ALLOWED + 1))

        answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"More than 100,000 bytes of request bodies are being received" in answer


async def test_the_time_in_which_the_app_does_not_read_the_body_is_not_the_clients() -> None:
    async def read_later(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(1)
        await echo(scope, receive, send)

    limits = replace(PATIENT, body_seconds=0.5, keep_alive_seconds=0.5, body_bytes_per_second=10**9)
    async with serving(read_later, limits) as port:
        connection = await RawConnection.open(port)
        sending = asyncio.create_task(connection.send(POST % 1_000_000 + b"x" * 1_000_000))
        answer = await connection.rest()
        await sending

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"x") == 1_000_000


async def test_a_client_that_neither_sends_its_body_nor_reads_the_response_is_cut_off() -> None:
    response = b"x" * 1_000_000

    async def answer_at_once(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": response})

    async with serving(answer_at_once, replace(PATIENT, body_seconds=0.1)) as port:
        connection = await with_small_buffer(port)
        await connection.send(POST % 10)
        await asyncio.sleep(0.4)
        received = await connection.rest()

    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"x") < len(response)


async def test_a_response_that_is_read_late_is_received_whole() -> None:
    response = b"x" * 60_000

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"content-length", b"%d" % len(response))]})
        await send({"type": "http.response.body", "body": response})

    async with serving(answer, replace(PATIENT, keep_alive_seconds=0.25, send_seconds=0.2)) as port:
        connection = await with_small_buffer(port)
        await connection.send(GET % b"")
        await asyncio.sleep(0.4)  # For longer than a connection may be idle.
        received = await connection.rest()

    assert received.endswith(b"\r\n\r\n" + response)


async def test_a_response_that_fails_after_it_has_begun_is_cut_off() -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise ZeroDivisionError

    async with serving(ErrorPageMiddleware(fail)) as port:
        connection = await RawConnection.open(port)
        await connection.send(GET % b"")
        received = await connection.rest()

    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"\r\n\r\nbegun")
