"""The served app, and a world of people around one account."""

from collections.abc import AsyncIterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from models.database import Database
from settings import Settings
from tests.serving import free_port, serving
from tests.world import World


@pytest.fixture(scope="session")
def app_settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        log_level="error",
    )


@pytest_asyncio.fixture(scope="session")
async def app_url(app_settings: Settings) -> AsyncIterator[str]:
    async with serving(app_settings):
        yield f"http://127.0.0.1:{app_settings.port}"


@pytest_asyncio.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def http(app_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Keeps no cookies by itself: who acts is said by each request."""
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=app_url, timeout=30, limits=limits) as client:
        client.cookies.jar.set_policy(_NO_COOKIES)
        yield client


@pytest_asyncio.fixture
async def empty_world(
    http: httpx.AsyncClient, app_settings: Settings, database: Database, superuser: asyncpg.Connection
) -> World:
    """No account yet."""
    return World(http, app_settings, database, superuser)


@pytest_asyncio.fixture
async def world(empty_world: World) -> World:
    """An account with an Admin, a Member and a Viewer."""
    empty_world.people["ADMIN"] = await empty_world.found()
    for role in ("MEMBER", "VIEWER"):
        empty_world.people[role] = await empty_world.join(role, f"{role.lower()}@example.com")
    return empty_world


@pytest_asyncio.fixture
async def themes(world: World, tmp_path: Path) -> dict[str, str]:
    """Ids of two themes by slug, `aurora` and `basalt`; five licenses of `aurora` may be provisioned."""
    ids = await world.import_themes(tmp_path)
    await world.grant("aurora", 5)
    return ids


_NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])
