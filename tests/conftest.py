"""One PostgreSQL for a test run, a database of its own for each process, empty tables for each test.

The process that was started by hand starts PostgreSQL and migrates a template, while the processes of
pytest-xdist import and collect; they get copies of it. However the run ends, PostgreSQL and its folder are
gone afterwards.
"""

import asyncio
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from embedded import server as embedded
from models import migrate
from resolvers import typesetting
from tests.support import migrations
from tests.support.beginnings import Tables

_PLUGINS = (
    "tests.support.app_fixtures",
    "tests.support.browser_fixtures",
    "tests.support.clocks",
    "tests.support.loop_watchdog",
)

ROOT = Path(__file__).parents[1]
TEMPLATE = "template_team_access"

# Until all tests are collected: almost every object that imports and collection create is kept.
gc.disable()

# sniffio is not installed. httpcore tries to import it several times per request, which searches all folders.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

# Ignores the developer's own settings.
for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL", "SMTP_URL", "PUBLIC_URL"):
    os.environ.pop(name, None)

# Measures the coverage of the process that typesets PDFs, too.
typesetting._ENVIRONMENT.add("COVERAGE_PROCESS_CONFIG")


class TestServer:
    """PostgreSQL of the run, started on first use, so that runs without a database do not wait for it."""

    __test__ = False

    def __init__(self) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"team-access-tests-{os.getpid()}"
        self._stack = ExitStack()
        self._thread: Thread | None = None

    def begin(self) -> Path:
        """Starts PostgreSQL in a thread. Returns the folder, for `started`."""
        if self._thread is None:
            self._thread = Thread(target=self._start)
            self._thread.start()
        return self.folder

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._stack.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        error = ""
        try:
            error = "\n".join(self._problems())
        except Exception as exception:
            error = f"{type(exception).__name__}: {exception}"
        unfinished = self.folder / "start.unfinished"
        unfinished.parent.mkdir(exist_ok=True)
        unfinished.write_text(error)
        unfinished.rename(self.folder / "start")

    def _problems(self) -> list[str]:
        """Starts PostgreSQL and migrates the template. Returns what is wrong with the migrations, because
        all tests with a database would fail with other words."""
        wrong = list(migrations.problems_of_files())
        if wrong:
            return wrong
        server = self._stack.enter_context(embedded.running(self.folder, connections=300, temporary=True))
        asyncio.run(server.create_database(TEMPLATE))
        url = server.url(embedded.OWNER_ROLE, TEMPLATE)
        migrate.upgrade(url, embedded.APP_ROLE)
        objects = asyncio.run(migrations.described(url))
        columns = [name.partition(" ")[2] for name in objects if name.startswith("column ")]
        return [*migrations.problems_of_columns(columns), *migrations.problems_of_values(objects)]


def started(folder: Path) -> embedded.Server:
    """Waits until the template database is ready."""
    deadline = time.monotonic() + 120
    while not (folder / "start").exists():
        assert time.monotonic() < deadline, "PostgreSQL takes too long to start."
        time.sleep(0.01)
    error = (folder / "start").read_text()
    if error:
        pytest.exit(error, returncode=1)
    return embedded.Server(folder, None)


SERVER = TestServer()


def pytest_configure(config: pytest.Config) -> None:
    """Imports the app, unless this process only hands tests out to those of pytest-xdist."""
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        for name in _PLUGINS:
            config.pluginmanager.import_plugin(name)


def pytest_collection(session: pytest.Session) -> None:
    """Each process of pytest-xdist begins with its share of all files.

    So in a fresh clone one process rewrites the assertions of a file, and not all of them.
    """
    worker_input = getattr(session.config, "workerinput", None)
    if worker_input is None or session.config.args != session.config.getini("testpaths"):
        return
    number, processes = int(worker_input["workerid"].removeprefix("gw")), worker_input["workercount"]
    for path in sorted(ROOT.glob("tests/**/test_*.py"))[number::processes]:
        # What fails here, or is skipped, is reported when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each of its processes, before it starts."""
    node.workerinput["postgresql_folder"] = str(SERVER.begin())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished() -> None:
    """Ends the run before its first test if the database cannot be used."""
    started(SERVER.folder)


def pytest_collection_finish() -> None:
    """Excludes the objects of imports and collected tests from garbage collection.

    There are fewer collections, as in the server. They took a seventh of the time of tests with many objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 20)
    gc.enable()


def pytest_unconfigure() -> None:
    SERVER.close()


@pytest.fixture(scope="session")
def postgresql(request: pytest.FixtureRequest) -> embedded.Server:
    worker_input = getattr(request.config, "workerinput", None)
    return started(Path(worker_input["postgresql_folder"]) if worker_input else SERVER.begin())


@pytest.fixture(scope="session")
def database_name(postgresql: embedded.Server) -> str:
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    asyncio.run(postgresql.create_database(name, TEMPLATE))
    return name


@pytest.fixture(scope="session")
def database_url(postgresql: embedded.Server, database_name: str) -> str:
    """URL of the database for the app's role. A test that uses it, even indirectly, begins with empty
    tables."""
    return postgresql.url(embedded.APP_ROLE, database_name)


@pytest.fixture(scope="session")
def owner_url(postgresql: embedded.Server, database_name: str) -> str:
    return postgresql.url(embedded.OWNER_ROLE, database_name)


@pytest.fixture(scope="session")
def superuser_url(postgresql: embedded.Server, database_name: str) -> str:
    return postgresql.url(embedded.SUPERUSER, database_name)


@pytest_asyncio.fixture(scope="session")
async def superuser(superuser_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connection as a superuser, without triggers and grants, to arrange states that clients cannot create,
    and to read."""
    replica = {"session_replication_role": "replica"}
    connection = await asyncpg.connect(superuser_url, server_settings=replica)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def tables(superuser: asyncpg.Connection) -> "Tables":
    from tests.support.beginnings import Tables

    return await Tables.of(superuser)


@pytest_asyncio.fixture
async def empty_tables(tables: "Tables") -> None:
    """Every table but `alembic_version`."""
    await tables.wipe()


@pytest.fixture(autouse=True)
def _begins_with_empty_tables(request: pytest.FixtureRequest) -> None:
    needs_database = "database_url" in request.fixturenames
    if needs_database and not request.getfixturevalue("beginnings").choose(request.fixturenames):
        request.getfixturevalue("empty_tables")


@pytest.fixture
def empty_database(postgresql: embedded.Server) -> Iterator[str]:
    """URL of an empty database for the role that owns the tables. It is deleted after the test."""
    name = f"empty_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    asyncio.run(postgresql.create_database(name))
    yield postgresql.url(embedded.OWNER_ROLE, name)
    asyncio.run(postgresql.drop_database(name))
