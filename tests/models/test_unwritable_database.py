"""With a read-only database, reads work and the readiness check reports it."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from embedded import server as embedded
from models import migrate
from models.database import Database
from settings import Settings
from tests.models.test_outages import ACCOUNT, Stage, assert_unavailable, served
from tests.processes.test_faults import account_held
from tests.support.changes import UPDATE_ACCOUNT
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.locks import until_waiting
from tests.support.serving import free_port, serving
from tests.support.world import Person, World

LAST_USED = "SELECT max(now() - last_used_at) < interval '1 minute' FROM sessions"
USED_LONG_AGO = "UPDATE sessions SET last_used_at = now() - interval '1 hour'"


@asynccontextmanager
async def read_only(stage: Stage) -> AsyncIterator[None]:
    superuser = stage.world.superuser
    name = await superuser.fetchval("SELECT current_database()")
    setting = f"ALTER ROLE team_access IN DATABASE {name}"
    await superuser.execute(f"{setting} SET default_transaction_read_only = on")
    stage.proxy.cut()
    try:
        yield
    finally:
        await superuser.execute(f"{setting} RESET default_transaction_read_only")
        stage.proxy.cut()


async def health(http: httpx.AsyncClient, status_code: int) -> dict[str, Any]:
    """Once it is that."""
    async with asyncio.timeout(20):
        while (response := await http.get("/health")).status_code != status_code:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    answer: dict[str, Any] = response.json()
    return answer


async def test_reads_go_on_and_readiness_says_so(world: World) -> None:
    async with served(world) as stage:
        assert (await health(stage.http, 200))["status"] == "ok"
        async with read_only(stage):
            await world.superuser.execute(USED_LONG_AGO)

            answers = await asyncio.gather(*(stage.ask({"query": ACCOUNT}) for _ in range(20)))
            page = await stage.http.get("/", headers={"cookie": f"ta_session={world.admin.token}"})
            unready = await health(stage.http, 503)
            input = {"accountId": world.account_id, "name": "New"}
            changed = await stage.ask({"query": UPDATE_ACCOUNT, "variables": {"input": input}})

        assert {answer.json()["data"]["account"]["name"] for answer in answers} == {"Acme"}
        assert page.status_code == 200
        assert_unavailable(changed, changed.json()["errors"][0])
        assert unready["status"] == "unavailable"
        assert "read-only" in unready["problems"][0]
        await health(stage.http, 200)


async def test_the_last_use_is_noted_again_once_it_can_be(world: World) -> None:
    async with served(world) as stage:
        async with read_only(stage):
            await world.superuser.execute(USED_LONG_AGO)
            await stage.ask({"query": ACCOUNT})
            assert not await world.superuser.fetchval(LAST_USED)

        async with asyncio.timeout(20):
            while not await world.superuser.fetchval(LAST_USED):
                await asyncio.gather(
                    *(stage.ask({"query": ACCOUNT}, authorization=f"Bearer {person.token}")
                      for person in world.people.values())
                )  # fmt: skip
                await asyncio.sleep(0.2)


async def test_a_read_waits_neither_for_a_lock_nor_for_a_full_pool(world: World) -> None:
    await world.superuser.execute(USED_LONG_AGO)
    input = {"accountId": world.account_id, "name": "New"}
    async with served(world, database_pool_size=1) as stage:
        await world.superuser.execute(USED_LONG_AGO)
        async with world.superuser.transaction():
            await world.superuser.execute("SELECT FROM sessions FOR UPDATE")
            await world.superuser.execute("SELECT FROM members FOR UPDATE")
            locked = await stage.ask({"query": ACCOUNT})
        async with account_held(world):
            change = asyncio.create_task(stage.ask({"query": UPDATE_ACCOUNT, "variables": {"input": input}}))
            await until_waiting(world.superuser)
            full = await stage.ask({"query": ACCOUNT})
        await change

    assert locked.json()["data"]["account"]["name"] == "Acme"
    assert full.json()["data"]["account"]["name"] == "Acme"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="team-access-disk-") as path:
        mount = ["mount", "-t", "tmpfs", "-o", "size=250m", "tmpfs", path]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("only root may mount a small disk")
        try:
            yield Path(path)
        finally:
            subprocess.run(["umount", "--lazy", path], check=True)


@asynccontextmanager
async def served_from(disk: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Database, str]]:
    """An app whose own PostgreSQL is on that disk; its clients, its database, and a superuser's URL."""
    with embedded.running(disk / "postgresql", temporary=True) as server:
        await server.create_database(embedded.DATABASE)
        await asyncio.to_thread(migrate.upgrade, server.url(embedded.OWNER_ROLE), embedded.APP_ROLE)
        url, port = server.url(embedded.APP_ROLE), free_port()
        settings = Settings(
            _env_file=None, database_url=SecretStr(url), port=port, data_dir=disk / "app", log_level="error"
        )
        database = Database(url)
        client = httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=f"http://127.0.0.1:{port}", timeout=30)
        async with serving(settings), client as http:
            yield http, database, server.url(embedded.SUPERUSER)
        await database.close()


async def _keep_room_for_wal(superuser: asyncpg.Connection) -> None:
    """A checkpoint makes the segments that are done with the next ones. PostgreSQL ends where it has none."""
    for _ in range(3):
        await superuser.execute("SELECT pg_current_xact_id()")
        await superuser.execute("SELECT pg_switch_wal()")
    await superuser.execute("CHECKPOINT")
    await superuser.execute("CHECKPOINT")


async def test_a_full_disk(small_disk: Path) -> None:
    async with served_from(small_disk) as (http, database, superuser_url):
        superuser = await asyncpg.connect(superuser_url)
        settings = Settings(_env_file=None, public_url=str(http.base_url).rstrip("/"))
        world = World(http, settings, database, superuser)
        admin = await world.found()
        assert (await health(http, 200))["status"] == "ok"
        await _keep_room_for_wal(superuser)
        await superuser.execute(USED_LONG_AGO)
        with (small_disk / "filling").open("wb") as filling:
            space = os.statvfs(small_disk)
            os.posix_fallocate(filling.fileno(), 0, space.f_bavail * space.f_frsize)

            unready = await health(http, 503)
            found = await Person(http, token=admin.token).ask(ACCOUNT)
        (small_disk / "filling").unlink()

        assert "disk is full" in unready["problems"][0]
        assert found["account"]["name"] == "Acme"
        await health(http, 200)
        await superuser.close()
