"""The served app, and a world of people around one account."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from audit_proof.keys import encoded
from engine.compiled_operations import executions
from models.database import Database
from resolvers import typesetting
from settings import Settings
from tests.support.beginnings import Beginnings, Tables
from tests.support.busy_stage import BusyStage, set_busy_stage
from tests.support.http_clients import loopback_client
from tests.support.serving import free_port, serving
from tests.support.stage import Stage, set_stage
from tests.support.world import Person, World
from web.app_state import State


@pytest.fixture(params=["compiled", "reference"])
def each_executor(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs the test twice: with compiled operations, and with graphql-core only."""
    executions.compiled = request.param == "compiled"
    yield
    executions.compiled = True


@pytest.fixture(scope="session", autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory) -> None:
    """PDFs of this process do not wait for those of the other test processes."""
    folder = tmp_path_factory.mktemp("places")
    typesetting._PLACES = folder / "first", folder / "second"
    for place in typesetting._PLACES:
        place.touch()


@pytest.fixture(scope="session")
def app_settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        log_level="error",
        license_signing_key=SecretStr(encoded(b"k" * 32)),
        rate_limit_per_minute=0,
        rate_limit_per_minute_per_address=0,
    )


@pytest_asyncio.fixture(scope="session")
async def app_state(app_settings: Settings) -> AsyncIterator[State]:
    """State of the served app."""
    async with serving(app_settings) as server:
        app: Any = server.config.app
        yield app.state.team_access


@pytest.fixture(scope="session")
def app_url(app_state: State) -> str:
    return f"http://127.0.0.1:{app_state.settings.port}"


@pytest_asyncio.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def http(app_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with loopback_client(app_url) as client:
        yield client


@pytest_asyncio.fixture
async def empty_world(
    http: httpx.AsyncClient, app_state: State, database: Database, superuser: asyncpg.Connection
) -> AsyncIterator[World]:
    """World without an account. What the app would write later, it writes before the next test."""
    yield World(http, app_state.settings, database, superuser)
    for name in vars(app_state).keys() & {"denials", "license_check_notes"}:
        await getattr(app_state, name).close()
        del vars(app_state)[name]


@pytest.fixture(scope="session")
def beginnings(tables: Tables) -> Beginnings:
    return Beginnings(tables)


@pytest_asyncio.fixture
async def world(empty_world: World, beginnings: Beginnings) -> World:
    """An account with an Admin, a Member and a Viewer."""

    async def arrange() -> tuple[str, dict[str, Person]]:
        empty_world.people["ADMIN"] = await empty_world.found()
        for role in ("MEMBER", "VIEWER"):
            empty_world.people[role] = await empty_world.join(role, f"{role.lower()}@example.com")
        return empty_world.account_id, empty_world.people

    empty_world.account_id, empty_world.people = await beginnings.begin("team", empty_world, arrange)
    return empty_world


@pytest_asyncio.fixture
async def themes(
    world: World, beginnings: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Ids of two themes by slug, `aurora` and `basalt`; five licenses of `aurora` may be provisioned."""

    async def arrange() -> dict[str, str]:
        themes = await world.import_themes(tmp_path_factory.mktemp("catalog"))
        await world.grant("aurora", 5)
        return themes

    return await beginnings.begin("themes", world, arrange)


@pytest_asyncio.fixture
async def stage(world: World, themes: dict[str, str], beginnings: Beginnings) -> Stage:
    return await beginnings.begin("stage", world, lambda: set_stage(world, themes))


@pytest_asyncio.fixture
async def busy_stage(stage: Stage, world: World, beginnings: Beginnings) -> BusyStage:
    return await beginnings.begin("busy_stage", world, lambda: set_busy_stage(stage))
