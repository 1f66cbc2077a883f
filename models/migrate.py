"""Migrations of the database, run as the role that owns the tables. They grant the app's role its
privileges."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from models import grants
from models.postgresql import connect
from postgresql_dsn import parse

_SCRIPTS = Path(__file__).with_name("migrations")


class UnknownRevision(Exception):
    """The database has a revision that this version of Team Access does not know."""

    def __init__(self, revisions: set[str]) -> None:
        super().__init__(
            f"The database has revision {', '.join(sorted(revisions))}, which this version does not know: it"
            " was created by a pre-release or a newer version. Run that version, or use a new database"
            " (an empty one in DATABASE_URL; for the embedded one, move DATA_DIR/postgresql away)."
        )


def upgrade(migration_url: str, app_role: str) -> None:
    """Migrates to the newest revision. Raises UnknownRevision before anything is changed."""
    asyncio.run(_revisions(migration_url))
    command.upgrade(_config(migration_url), "head")
    asyncio.run(_grant(migration_url, app_role))


def downgrade(migration_url: str, revision: str = "base") -> None:
    command.downgrade(_config(migration_url), revision)


async def is_current(database_url: str) -> bool:
    """Whether the database has the newest revision. Raises UnknownRevision."""
    return await _revisions(database_url) == {head()}


def head() -> str | None:
    return _scripts().get_current_head()


async def _revisions(database_url: str) -> set[str]:
    """Returns the revisions of the database; an empty set before the first migration."""
    connection = await connect(parse(database_url))
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return set()
        rows = await connection.fetch("SELECT version_num FROM alembic_version")
    finally:
        await connection.close()
    revisions = {row["version_num"] for row in rows}
    if unknown := revisions - {script.revision for script in _scripts().walk_revisions()}:
        raise UnknownRevision(unknown)
    return revisions


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


async def _grant(migration_url: str, app_role: str) -> None:
    connection = await connect(parse(migration_url))
    try:
        async with connection.transaction():
            await connection.execute(";\n".join(grants.statements(app_role)))
    finally:
        await connection.close()


def _config(migration_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = migration_url
    return config
