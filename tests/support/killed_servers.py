"""Servers in processes of their own, which a test kills."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.support.forked_commands import ROOT, ForkedCommand
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.serving import free_port
from tests.support.world import World


@asynccontextmanager
async def served(
    world: World, port: int = 0, public_url: str = "", **settings: str
) -> AsyncIterator[tuple[ForkedCommand, str]]:
    """`team-access serve` in a process of its own, on the test's database; killed at the end. Port and public
    URL are a free one and that of the app, unless they are given."""
    assert world.settings.database_url is not None
    port = port or free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": world.settings.database_url.get_secret_value(),
        "DATA_DIR": str(world.settings.data_dir),
        "PORT": str(port),
        "PUBLIC_URL": public_url or world.settings.public_url,
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    with open(os.devnull, "w") as output:  # noqa: ASYNC230 - it is no file that takes time to open
        process = ForkedCommand(
            world.settings.data_dir, ("serve", "--no-worker"), environment, output=output.fileno()
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(verify=NO_AUTHORITIES) as client:
            while not await _answers(client, url):
                assert process.poll() is None
                await asyncio.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        await asyncio.to_thread(process.wait, 10)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health")).status_code == 200
    except httpx.TransportError:
        return False
