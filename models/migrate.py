"""Migrations of the database, run as the role that owns the tables. They grant the app's role its
privileges, and say which releases can serve."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from models import grants
from models.postgresql import connect
from postgresql_dsn import parse

_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK_ATTEMPTS_SECONDS = 600
_PAUSE_SECONDS = 1
"""Between two attempts to lock a table, so that the statements that have waited meanwhile are executed."""
_SERVED_BY = "Served by releases with these revisions:"
"""Beginning of the comment on the table `alembic_version`."""


class UnknownRevision(Exception):
    """The database has a revision that this version of Team Access does not know."""

    def __init__(self, revisions: set[str]) -> None:
        super().__init__(
            f"The database has revision {', '.join(sorted(revisions))}, which this version does not know: it"
            " was created by a pre-release or a newer version. Run that version, or use a new database"
            " (an empty one in DATABASE_URL; for the embedded one, move DATA_DIR/postgresql away)."
        )


def upgrade(migration_url: str, app_role: str) -> None:
    """Migrates to the newest revision. Raises UnknownRevision before anything is changed.

    Servers may run meanwhile. A migration that cannot lock a table within a second is rolled back and tried
    again, so that statements of the servers do not wait longer behind it."""
    asyncio.run(_known_revisions(migration_url))
    _with_locks(lambda: command.upgrade(_config(migration_url), "head"))
    _with_locks(lambda: asyncio.run(_grant(migration_url, app_role)))


def _with_locks(migrate: Callable[[], None]) -> None:
    deadline = time.monotonic() + _LOCK_ATTEMPTS_SECONDS
    while True:
        try:
            return migrate()
        except Exception as error:
            if not _is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)


def _is_locked(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, asyncpg.LockNotAvailableError):
        error = error.__cause__ or error.__context__
    return error is not None


def downgrade(migration_url: str, revision: str = "base") -> None:
    command.downgrade(_config(migration_url), revision)


async def is_current(database_url: str) -> bool:
    """Whether the database has the newest revision. Raises UnknownRevision."""
    return await _known_revisions(database_url) == {head()}


async def is_served(database_url: str) -> bool:
    """Whether this release can serve on the tables: its own, or those of a newer release that say so. Raises
    UnknownRevision for others that it does not know."""
    revisions, served_by = await _state(database_url)
    if serves(revisions, served_by, head()):
        return True
    _require_known(revisions)
    return False


def serves(revisions: Collection[str], comment: str | None, release: str | None) -> bool:
    """Whether a release serves on tables with these revisions and this comment on `alembic_version`."""
    if not revisions or [*revisions] == [release]:
        return bool(revisions)
    names = (comment or "").removeprefix(_SERVED_BY).split()
    return names[:1] == [*revisions] and release in names


def head() -> str | None:
    return _scripts().get_current_head()


async def _known_revisions(database_url: str) -> set[str]:
    """Returns the revisions of the database; an empty set before the first migration. Raises
    UnknownRevision."""
    revisions, _ = await _state(database_url)
    _require_known(revisions)
    return revisions


def _require_known(revisions: set[str]) -> None:
    if unknown := revisions - {script.revision for script in _scripts().walk_revisions()}:
        raise UnknownRevision(unknown)


STATE = """SELECT version_num, obj_description('alembic_version'::regclass) FROM alembic_version"""


async def _state(database_url: str) -> tuple[set[str], str | None]:
    """The revisions, and the comment that names the releases."""
    connection = await connect(parse(database_url))
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return set(), None
        rows = await connection.fetch(STATE)
    finally:
        await connection.close()
    return {row[0] for row in rows}, rows[0][1] if rows else None


def comment_of(scripts: ScriptDirectory, revision: str) -> str:
    """Statement that says, in the transaction of a migration, which releases can serve on its tables."""
    names = served_by([*scripts.iterate_revisions(revision, "base")])
    return f"COMMENT ON TABLE alembic_version IS '{' '.join([_SERVED_BY, *names])}'"


def served_by(scripts: Sequence[Script]) -> list[str]:
    """Revisions of the releases that can serve after these migrations, which are in order from the newest
    one. A migration names the oldest of them in `served_since`; without it, there is its own release only."""
    order = [script.revision for script in scripts]
    oldest = len(order) - 1
    for place, script in enumerate(scripts):
        if place >= oldest:
            break
        oldest = min(oldest, order.index(getattr(script.module, "served_since", script.revision)))
    return order[: oldest + 1]


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


async def _grant(migration_url: str, app_role: str) -> None:
    connection = await connect(parse(migration_url))
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '1s'")
            await connection.execute(";\n".join(grants.statements(app_role)))
    finally:
        await connection.close()


def _config(migration_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = migration_url
    return config
