"""With a database of another version, commands say what to do and change nothing."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from embedded import server as embedded
from models import migrate
from tests.support.commands import Command, assert_one_sentence, folder

__all__ = ["folder"]

PRE_RELEASE = "0021"


@pytest.mark.parametrize("command", [("serve",), ("worker",), ("migrate",), ("catalog", "list")])
def test_with_a_database_url(folder: Path, empty_database: str, command: tuple[str, ...]) -> None:
    asyncio.run(_of_pre_release(empty_database))
    urls = {
        "DATABASE_URL": empty_database.replace(embedded.OWNER_ROLE, embedded.APP_ROLE, 1),
        "MIGRATION_DATABASE_URL": empty_database,
    }

    code, out, err = Command(folder, *command, **urls).outcome()

    assert (code, out) == (1, "")
    assert f"revision {PRE_RELEASE}, which this version does not know" in err
    assert "use a new database" in err
    assert "DATABASE_URL" in err
    assert_one_sentence(err)
    assert asyncio.run(_tables(empty_database)) == ["alembic_version", "members"]


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_with_the_embedded_database(folder: Path, command: str) -> None:
    place = folder / "data" / "postgresql"
    with embedded.running(place) as server:
        asyncio.run(server.create_database(embedded.DATABASE))
        asyncio.run(_of_pre_release(server.url(embedded.OWNER_ROLE)))

    code, out, err = Command(folder, command).outcome()

    assert (code, out) == (1, "")
    assert f"revision {PRE_RELEASE}, which this version does not know" in err
    assert "move DATA_DIR/postgresql away" in err
    assert_one_sentence(err)
    with embedded.running(place) as server:
        assert asyncio.run(_tables(server.url(embedded.OWNER_ROLE))) == ["alembic_version", "members"]
    place.rename(folder / "old")
    assert Command(folder, "migrate").outcome()[::2] == (0, "")


def test_a_migration_as_a_library_refuses_it_too(empty_database: str) -> None:
    asyncio.run(_of_pre_release(empty_database))

    with pytest.raises(migrate.UnknownRevision, match=PRE_RELEASE):
        migrate.upgrade(empty_database, embedded.APP_ROLE)


async def _of_pre_release(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "CREATE TABLE members (id uuid); CREATE TABLE alembic_version (version_num varchar(32));"
            f"INSERT INTO alembic_version VALUES ('{PRE_RELEASE}');"
            f"GRANT USAGE ON SCHEMA public TO {embedded.APP_ROLE};"
            f"GRANT SELECT ON alembic_version TO {embedded.APP_ROLE}"
        )
    finally:
        await connection.close()


async def _tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " ORDER BY relname"
        )
    finally:
        await connection.close()
    return [row["relname"] for row in rows]
