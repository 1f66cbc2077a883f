"""Migrations create the models' tables, can be undone, and grant the app's role the listed privileges."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import models
from embedded import server as embedded
from models import grants, migrate
from models.postgresql import connect
from postgresql_dsn import parse

VERSIONS = Path(models.__file__).with_name("migrations") / "versions"

# Definitions of the models' tables as PostgreSQL prints them. The queue's tables belong to its library.
# Constraint triggers (contype t) belong to no model.
COLUMNS = """SELECT table_name || '.' || column_name AS name, concat_ws(' ', udt_name, is_nullable,
    character_maximum_length, numeric_precision, numeric_scale, column_default) AS definition
  FROM information_schema.columns WHERE table_schema = 'public'"""
CONSTRAINTS = """SELECT conrelid::regclass || '.' || conname AS name, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('n', 't')"""
INDEXES = """SELECT indrelid::regclass || '.' || indexrelid::regclass AS name,
    pg_get_indexdef(indexrelid) AS definition
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
  WHERE relnamespace = 'public'::regnamespace"""
NOT_OF_THE_MODELS = ("pgqueuer", "alembic_version")
TABLES = """SELECT relname AS name FROM pg_class
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace = 'public'::regnamespace"""
SEQUENCES = """SELECT sequencename AS name FROM pg_sequences
  WHERE has_sequence_privilege($1, sequencename::text, 'USAGE, SELECT, UPDATE')"""
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
UPDATABLE = """
    SELECT attrelid::regclass::text AS table, attname AS name FROM pg_attribute
    WHERE attacl IS NOT NULL AND attrelid > 16383 AND has_column_privilege($1, attrelid, attnum, 'UPDATE')"""


def test_upgrade_downgrade_and_upgrade_end_where_the_models_are(empty_database: str) -> None:
    for _ in range(2):
        migrate.upgrade(empty_database, embedded.APP_ROLE)
        migrate.check(empty_database)
        migrate.downgrade(empty_database)
    migrate.upgrade(empty_database, embedded.APP_ROLE)


def test_a_revision_is_named_as_its_file() -> None:
    """The name contains the topic, because a number alone could be that of a pre-release with other
    tables."""
    files = sorted(file.stem for file in VERSIONS.glob("*.py"))

    revisions = [script.revision for script in ScriptDirectory(str(VERSIONS.parent)).walk_revisions()]

    assert revisions[::-1] == files
    assert [int(name.partition("_")[0]) for name in files] == list(range(1, len(files) + 1))


def test_a_failed_migration_changes_nothing(empty_database: str) -> None:
    """The first migration creates the queue's tables last."""
    asyncio.run(_fetch(empty_database, "CREATE TABLE pgqueuer_statistics ()"))

    with pytest.raises(asyncpg.DuplicateTableError):
        migrate.upgrade(empty_database, embedded.APP_ROLE)

    assert [row["name"] for row in asyncio.run(_fetch(empty_database, TABLES))] == ["pgqueuer_statistics"]


def test_nothing_is_left_of_a_downgrade(empty_database: str) -> None:
    left = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
      UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"""
    migrate.upgrade(empty_database, embedded.APP_ROLE)
    migrate.downgrade(empty_database)

    names = {row["relname"] for row in asyncio.run(_fetch(empty_database, left))}

    assert {name for name in names if "alembic_version" not in name} == set()


def test_migrated_tables_are_those_of_the_models_to_the_letter(empty_database: str, owner_url: str) -> None:
    """Alembic's own check compares neither CHECKs nor the columns of indexes."""
    asyncio.run(_create_all(empty_database))
    declared, migrated = asyncio.run(_described(empty_database)), asyncio.run(_described(owner_url))

    assert len(declared) > 100
    assert migrated == declared


def test_the_app_s_role_may_what_is_listed_and_nothing_else(owner_url: str) -> None:
    tables = {row["name"] for row in asyncio.run(_fetch(owner_url, TABLES))}
    sequences = {row["name"] for row in asyncio.run(_fetch(owner_url, SEQUENCES, embedded.APP_ROLE))}
    granted = asyncio.run(_granted(owner_url, tables))

    assert set(grants.TABLES) == tables
    assert granted == {table: set(listed.split(", ")) for table, listed in grants.TABLES.items()}
    columns = asyncio.run(_fetch(owner_url, UPDATABLE, embedded.APP_ROLE))
    assert {(row["table"], row["name"]) for row in columns} == {
        (table, name) for table, names in grants.COLUMNS.items() for name in names
    }
    assert sequences == set(grants.SEQUENCES)
    assert (granted["audit_events"], granted["audit_heads"]) == ({"SELECT", "INSERT"}, {"SELECT"})


async def _fetch(url: str, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def _create_all(url: str) -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=partial(connect, parse(url)))
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    await engine.dispose()


async def _described(url: str) -> dict[str, str]:
    rows = [row for query in (COLUMNS, CONSTRAINTS, INDEXES) for row in await _fetch(url, query)]
    return {row["name"]: row["definition"] for row in rows if not row["name"].startswith(NOT_OF_THE_MODELS)}


async def _granted(url: str, tables: set[str]) -> dict[str, set[str]]:
    statement = "SELECT has_table_privilege($1, $2::text, $3) AS granted"
    return {
        table: {
            privilege
            for privilege in PRIVILEGES
            if (await _fetch(url, statement, embedded.APP_ROLE, table, privilege))[0]["granted"]
        }
        for table in tables
    }
