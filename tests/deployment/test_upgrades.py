"""Two releases on one database: the next one migrates while this one serves, and both serve afterwards."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from embedded import server as embedded
from models import migrate
from models.database import Database
from settings import Settings
from tests.processes.test_replacement import Clients
from tests.support.forked_commands import ROOT, outcome
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.killed_servers import served
from tests.support.live import head
from tests.support.serving import free_port
from tests.support.world import World

LAST = max(path.stem for path in (ROOT / "models" / "migrations" / "versions").glob("*.py"))
NEXT = f"{int(LAST[:4]) + 1:04}_next"
EXPANDING = f'''"""What the next release adds: a column, a value of a CHECK, and an index."""

import sqlalchemy as sa
from alembic import op

from models.migrations.check_values import add_check_values
from models.migrations.online import create_index

revision = "{NEXT}"
down_revision = "{LAST}"
served_since = "{LAST}"


def upgrade() -> None:
    op.add_column("members", sa.Column("nickname", sa.String()), if_not_exists=True)
    add_check_values("audit_events", "action", "ck_audit_events_audit_action", "MEMBER_NICKNAMED")
    create_index("ix_audit_events_next", "audit_events", ["account_id", "occurred_at"])
'''
CONTRACTING = EXPANDING.replace("served_since", "# No other release can serve:\nnot_served_since")
_NAMES = 1_000_000
"""Names that the clients of one server give the account. A change to the name that it has is no change."""
READ = "SELECT count(*) FROM members"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'members'::regclass"
BUILDING = """SELECT count(*) FROM pg_index
    WHERE indexrelid = to_regclass('ix_audit_events_next') AND NOT indisvalid"""


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The source of a release with one more migration."""
    folder = tmp_path / "next"
    ignored = shutil.ignore_patterns(".*", "tests", "bench", "node_modules", "docs", "__pycache__", "build")
    shutil.copytree(ROOT, folder, ignore=ignored)
    (folder / "models" / "migrations" / "versions" / f"{NEXT}.py").write_text(EXPANDING)
    return folder


@pytest_asyncio.fixture
async def upgraded(app_settings: Settings, empty_database: str, tmp_path: Path) -> AsyncIterator[World]:
    """An account on a database of its own, on the tables of this release."""
    await asyncio.to_thread(migrate.upgrade, empty_database, embedded.APP_ROLE)
    url = _app_url(empty_database)
    settings = app_settings.model_copy(update={"database_url": SecretStr(url), "data_dir": tmp_path})
    database = Database(url)
    superuser = await asyncpg.connect(empty_database.replace(embedded.OWNER_ROLE, embedded.SUPERUSER, 1))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        stack.push_async_callback(superuser.close)
        http = await stack.enter_async_context(httpx.AsyncClient(verify=NO_AUTHORITIES, timeout=30))
        yield World(http, settings, database, superuser)


def _app_url(owner_url: str) -> str:
    return owner_url.replace(embedded.OWNER_ROLE, embedded.APP_ROLE, 1)


def _environment(release: Path, owner_url: str, **settings: str) -> dict[str, str]:
    urls = {"DATABASE_URL": _app_url(owner_url), "MIGRATION_DATABASE_URL": owner_url}
    return {**os.environ, "PYTHONPATH": str(release), **urls, **settings}


async def _started(
    release: Path, owner_url: str, *arguments: str, **settings: str
) -> asyncio.subprocess.Process:
    """A command of the release."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import cli; cli.main()", *arguments),
        cwd=release,
        env=_environment(release, owner_url, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _migrated(release: Path, owner_url: str) -> None:
    process = await _started(release, owner_url, "migrate")
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@asynccontextmanager
async def _serving(release: Path, owner_url: str, world: World) -> AsyncIterator[str]:
    port = free_port()
    settings = {
        "PORT": str(port),
        "PUBLIC_URL": world.settings.public_url,
        "RATE_LIMIT_PER_MINUTE": "1000000",
    }
    settings["DATA_DIR"] = str(world.settings.data_dir)
    process = await _started(release, owner_url, "serve", "--no-worker", **settings)
    url = f"http://127.0.0.1:{port}"
    try:
        await _until_ready(world.http, url, process)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _until_ready(http: httpx.AsyncClient, url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(120):
        while True:
            assert process.returncode is None, await process.communicate()
            try:
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def _until(connection: asyncpg.Connection, sql: str) -> None:
    async with asyncio.timeout(120):
        while not await connection.fetchval(sql):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_both_releases_serve_while_the_next_one_migrates(
    upgraded: World, empty_database: str, next_release: Path
) -> None:
    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(served(upgraded, RATE_LIMIT_PER_MINUTE="1000000"))
        upgraded.http.base_url = httpx.URL(url)
        upgraded.people["ADMIN"] = await upgraded.found()
        clients = [Clients(upgraded, url, await head(upgraded))]
        async with asyncio.TaskGroup() as tasks:
            _work(tasks, clients[0])
            await _until_they_have_worked(clients)
            await _migrated(next_release, empty_database)
            new_url = await stack.enter_async_context(_serving(next_release, empty_database, upgraded))
            # A server of this release that starts now, as after a crash.
            _, old_url = await stack.enter_async_context(served(upgraded, RATE_LIMIT_PER_MINUTE="1000000"))
            for server in (new_url, old_url):
                clients.append(Clients(upgraded, server, 0))
                clients[-1].changed = _NAMES * len(clients)
                _work(tasks, clients[-1])
            await _until_they_have_worked(clients)
            for each in clients:
                each.stop.set()
        ready = [await upgraded.http.get(f"{each}/readyz") for each in (url, new_url, old_url)]

    assert [each.failures for each in clients] == [[], [], []]
    assert [each.status_code for each in ready] == [200, 200, 200]
    assert await upgraded.superuser.fetchval("SELECT version_num FROM alembic_version") == NEXT
    validated = "SELECT convalidated FROM pg_constraint WHERE conname = 'ck_audit_events_audit_action'"
    assert await upgraded.superuser.fetchval(validated)
    changes = "SELECT count(*) FROM audit_events WHERE action = 'ACCOUNT_UPDATED'"
    assert await upgraded.superuser.fetchval(changes) == sum(each.changed % _NAMES for each in clients)


def _work(tasks: asyncio.TaskGroup, clients: Clients) -> None:
    for _ in range(4):
        tasks.create_task(clients.ask())
    tasks.create_task(clients.change())


async def _until_they_have_worked(clients: list[Clients]) -> None:
    """Each has read and changed something since now."""
    before = [(each.read, each.changed) for each in clients]
    async with asyncio.timeout(120):
        while not all(  # noqa: ASYNC110
            each.read > read + 8 and each.changed > changed + 2
            for each, (read, changed) in zip(clients, before, strict=True)
        ):
            await asyncio.sleep(0.05)


async def test_a_release_refuses_tables_that_it_cannot_serve(
    upgraded: World, empty_database: str, next_release: Path, tmp_path: Path
) -> None:
    (next_release / "models" / "migrations" / "versions" / f"{NEXT}.py").write_text(CONTRACTING)
    async with served(upgraded) as (_, url):
        await _migrated(next_release, empty_database)
        async with asyncio.timeout(30):
            while (answer := await upgraded.http.get(f"{url}/readyz")).status_code == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    code, _, err = await asyncio.to_thread(
        outcome, tmp_path, "serve", DATABASE_URL=_app_url(empty_database), PORT=str(free_port())
    )

    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, None)
    assert "tables of another version" in answer.json()["checks"]["tables"]
    assert code == 1
    assert f"revision {NEXT}, which this version does not know" in err


async def test_the_next_release_does_not_serve_on_tables_of_this_one(
    upgraded: World, empty_database: str, next_release: Path
) -> None:
    process = await _started(next_release, empty_database, "serve", PORT=str(free_port()))
    output, _ = await process.communicate()

    assert process.returncode == 1
    assert b"run `team-access migrate`" in output


async def test_a_migration_does_not_hold_up_others_while_it_waits_for_a_lock(
    upgraded: World, empty_database: str, next_release: Path
) -> None:
    blocking, reading = [await asyncpg.connect(empty_database) for _ in range(2)]
    try:
        transaction = blocking.transaction()
        await transaction.start()
        await blocking.fetch(READ)
        migrating = asyncio.create_task(_migrated(next_release, empty_database))
        await _until(upgraded.superuser, WAITING)

        # It waits behind the migration, until that gives up for a moment.
        assert await reading.fetchval(READ, timeout=60) == 0
        assert not migrating.done()
        await transaction.rollback()
        await migrating
    finally:
        for connection in (blocking, reading):
            connection.terminate()
    assert await upgraded.superuser.fetchval("SELECT version_num FROM alembic_version") == NEXT


async def test_an_index_is_built_while_others_write(
    upgraded: World, empty_database: str, next_release: Path
) -> None:
    """The index waits for older transactions, and nothing waits for the index. A run that is killed is done
    again."""
    async with served(upgraded) as (_, url):
        upgraded.http.base_url = httpx.URL(url)
        upgraded.people["ADMIN"] = await upgraded.found()
        old = await asyncpg.connect(empty_database)
        try:
            transaction = old.transaction(isolation="repeatable_read")
            await transaction.start()
            await old.fetch("SELECT txid_current_snapshot()")
            process = await _started(next_release, empty_database, "migrate")
            await _until(upgraded.superuser, BUILDING)
            clients = Clients(upgraded, url, 0)
            async with asyncio.TaskGroup() as tasks:
                _work(tasks, clients)
                await _until_they_have_worked([clients])
                clients.stop.set()
            still_building = await upgraded.superuser.fetchval(BUILDING)
            process.kill()
            await process.communicate()
        finally:
            old.terminate()
        await _migrated(next_release, empty_database)

    assert still_building
    assert clients.failures == []
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_audit_events_next'::regclass"
    assert await upgraded.superuser.fetchval(valid)


@pytest.mark.parametrize(
    ("revisions", "comment", "release", "is_served"),
    [
        (["0002"], "Served by releases with these revisions: 0002 0001", "0001", True),
        (["0002"], "Served by releases with these revisions: 0002 0001", "0002", True),
        (["0002"], "Served by releases with these revisions: 0002", "0001", False),
        (["0002"], None, "0001", False),
        (["0002"], None, "0002", True),
        # The comment is of other tables: a migration has not come to its end.
        (["0003"], "Served by releases with these revisions: 0002 0001", "0001", False),
        (["0001"], "Served by releases with these revisions: 0001", "0002", False),
        ([], "Served by releases with these revisions: 0001", "0001", False),
        (["0001", "0002"], "Served by releases with these revisions: 0001 0002", "0001", False),
    ],
)
def test_a_release_serves_on_tables_that_name_it(
    revisions: list[str], comment: str | None, release: str, is_served: bool
) -> None:
    assert migrate.serves(revisions, comment, release) is is_served


@dataclass(frozen=True)
class _Migration:
    revision: str
    module: SimpleNamespace


@pytest.mark.parametrize(
    ("since", "releases"),
    [
        ({}, "d"),
        ({"d": "c"}, "d c"),
        ({"d": "b", "c": "b"}, "d c b"),
        # d serves c, and c serves nothing before it.
        ({"d": "a"}, "d c"),
        # d serves b, and c serves b: what c removed is not there for a.
        ({"d": "a", "c": "b", "b": "a"}, "d c b"),
        ({"d": "a", "c": "a", "b": "a"}, "d c b a"),
        ({"c": "a", "b": "a"}, "d"),
    ],
)
def test_each_later_migration_has_to_serve_a_release(since: dict[str, str], releases: str) -> None:
    migrations = [
        _Migration(each, SimpleNamespace(**({"served_since": since[each]} if each in since else {})))
        for each in "dcba"
    ]

    assert migrate.served_by(cast("Any", migrations)) == releases.split()
