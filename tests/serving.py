"""The real app on a real socket, in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from granian.constants import Interfaces
from granian.server.embed import Server

from app import create_app
from settings import Settings


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Server]:
    """Listens on `settings.port` until the block ends."""
    server = Server(create_app(settings), port=settings.port, interface=Interfaces.ASGI, log_enabled=False)
    task = asyncio.create_task(server.serve())
    await _listening(settings.port)
    try:
        yield server
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait_for(task, 10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def _listening(port: int) -> None:
    for _ in range(500):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    raise TimeoutError(f"Nothing listens on port {port}")
