"""The served app, and a world of people around one account."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from models.database import Database
from schema.plans import paths
from settings import Settings
from tests.forms import FORMS
from tests.http_clients import NO_AUTHORITIES
from tests.serving import free_port, serving
from tests.snapshots import Snapshot
from tests.world import Person, World


@pytest.fixture(params=["compiled", "reference"])
def each_path(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test is run twice: what goes well is read by compiled code, or all of it by graphql-core."""
    paths.compiled = request.param == "compiled"
    yield
    paths.compiled = True


@pytest.fixture(scope="session")
def app_settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        log_level="error",
        rate_limit_per_minute=0,
        rate_limit_per_minute_per_address=0,
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
    async with httpx.AsyncClient(
        verify=NO_AUTHORITIES, base_url=app_url, timeout=30, limits=limits, event_hooks=FORMS
    ) as client:
        client.cookies.jar.set_policy(_NO_COOKIES)
        yield client


@pytest_asyncio.fixture
async def empty_world(
    http: httpx.AsyncClient, app_settings: Settings, database: Database, superuser: asyncpg.Connection
) -> World:
    """No account yet."""
    return World(http, app_settings, database, superuser)


@dataclass
class Beginnings:
    """What a test process has made once, and what its tests begin with."""

    team: Snapshot | None = None
    account_id: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    with_themes: Snapshot | None = None
    themes: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def beginnings() -> Beginnings:
    return Beginnings()


@pytest_asyncio.fixture
async def world(empty_world: World, beginnings: Beginnings) -> World:
    """An account with an Admin, a Member and a Viewer."""
    if beginnings.team is None:
        await _make_team(empty_world, beginnings)
    else:
        await beginnings.team.restore(empty_world.superuser)
    empty_world.account_id = beginnings.account_id
    empty_world.people = {
        role: replace(person, http=empty_world.http) for role, person in beginnings.people.items()
    }
    return empty_world


async def _make_team(world: World, beginnings: Beginnings) -> None:
    world.people["ADMIN"] = await world.found()
    for role in ("MEMBER", "VIEWER"):
        world.people[role] = await world.join(role, f"{role.lower()}@example.com")
    beginnings.account_id, beginnings.people = world.account_id, world.people
    beginnings.team = await Snapshot.take(world.superuser)


@pytest_asyncio.fixture
async def themes(
    world: World, beginnings: Beginnings, empty_tables_again: Callable[[], Awaitable[None]], tmp_path: Path
) -> dict[str, str]:
    """Ids of two themes by slug, `aurora` and `basalt`; five licenses of `aurora` may be provisioned."""
    if beginnings.with_themes is None:
        beginnings.themes = await world.import_themes(tmp_path)
        await world.grant("aurora", 5)
        beginnings.with_themes = await Snapshot.take(world.superuser)
    else:
        await empty_tables_again()
        await beginnings.with_themes.restore(world.superuser)
    return beginnings.themes


_NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])
