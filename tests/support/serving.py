"""The app on a socket, in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from secrets import randbelow

from app import create_app
from settings import Settings
from web.http_server import HttpServer, http_server


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[HttpServer]:
    """Listens on `settings.port` until the block ends."""
    async with running(http_server(create_app(settings)), settings.port) as server:
        yield server


@asynccontextmanager
async def running(
    server: HttpServer, port: int, send_buffer_bytes: int | None = None
) -> AsyncIterator[HttpServer]:
    """`send_buffer_bytes` of each connection are the system's, unless they are given."""
    listener = socket.socket()
    if send_buffer_bytes is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        assert not task.done(), task.result()
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


def free_port() -> int:
    """A free port below the range that the system assigns to clients, so that no client takes it before the
    server does. Each process starts at another port and repeats after 20,000."""
    while True:
        port = 10_000 + next(_NUMBERS) % 20_000
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


_NUMBERS = count(randbelow(20_000))


async def listening(port: int) -> None:
    """Waits until the port accepts connections. Raises `TimeoutError` after 30 s."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return
