"""A server with the Redis protocol, on a Unix socket."""

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PROGRAM = shutil.which("valkey-server") or shutil.which("redis-server")


@asynccontextmanager
async def redis_server(socket: Path) -> AsyncIterator[None]:
    """Runs until the block ends. Stores nothing."""
    assert PROGRAM is not None
    options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(socket.parent))
    process = await create_subprocess_exec(PROGRAM, *options, stdout=DEVNULL)
    try:
        async with asyncio.timeout(20):
            while not await _answers(socket):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield
    finally:
        process.kill()
        await process.wait()


async def _answers(socket: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    return True
