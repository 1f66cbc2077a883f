"""A server on a primary and its standby, with an account."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from audit_proof.keys import encoded
from settings import Settings
from tests.support.downloads import a_file, a_license
from tests.support.http_clients import loopback_client
from tests.support.keys import generated
from tests.support.outage_load import Load
from tests.support.outage_logs import OutageLogs
from tests.support.replicated_postgresql import ReplicatedPostgresql, replicated
from tests.support.serving import free_port, serving
from tests.support.world import World
from web.app_state import State


@dataclass
class Stage:
    pair: ReplicatedPostgresql
    world: World
    state: State
    load: Load

    async def look_at_the_primary(self) -> None:
        """The world reads from the primary of now."""
        await self.world.superuser.close(timeout=5)
        self.world.superuser = await self.pair.primary.connect()


@pytest_asyncio.fixture(scope="session")
async def _pair() -> AsyncIterator[ReplicatedPostgresql]:
    async with replicated() as pair:
        yield pair


@pytest_asyncio.fixture
async def pair(_pair: ReplicatedPostgresql) -> ReplicatedPostgresql:
    """Both of them run, whatever the test before did."""
    await _pair.mend()
    return _pair


def settings_for(url: str, folder: Path, **changes: Any) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(url),
        port=free_port(),
        data_dir=folder,
        log_format="json",
        license_signing_key=SecretStr(encoded(b"k" * 32)),
        rate_limit_per_minute=0,
        rate_limit_per_minute_per_address=0,
        **changes,
    )


@asynccontextmanager
async def staged(pair: ReplicatedPostgresql, settings: Settings, folder: Path) -> AsyncIterator[Stage]:
    client = loopback_client(f"http://127.0.0.1:{settings.port}", timeout=60)
    async with serving(settings) as server, client as http:
        app: Any = server.config.app
        state: State = app.state.team_access
        world = World(http, settings, state.database, await pair.primary.connect())
        await pair.wipe()
        world.people["ADMIN"] = await world.found()
        world.people["MEMBER"] = await world.join("MEMBER", "member@example.com")
        themes = await world.import_themes(folder)
        await world.grant("aurora", 5)
        license_id = await a_license(world, themes["aurora"])
        license_key = await world.superuser.fetchval("SELECT key FROM licenses")
        _, secret = await generated(world)
        load = Load(world, secret, license_key, license_id, (await a_file(world))["id"])
        yield Stage(pair, world, state, load)
        await world.superuser.close(timeout=5)


@pytest_asyncio.fixture
async def stage(
    pair: ReplicatedPostgresql, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    settings = settings_for(pair.url(target_session_attrs="read-write"), tmp_path)
    async with staged(pair, settings, tmp_path_factory.mktemp("catalog")) as stage:
        yield stage


@pytest.fixture
def logs(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> OutageLogs:
    return OutageLogs(capfd, caplog)
