"""Migrations create the models' tables, can be undone, and grant the app's role the listed privileges."""

import asyncio
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from embedded import server as embedded
from models import grants
from models.postgresql import connect
from postgresql_dsn import parse
from tests.support import migrations
from tests.support.migrations import (
    CONSTRAINTS,
    EVERYTHING,
    FOLDER,
    columns_of_the_models,
    described,
    files,
    problems_of_a_downgrade,
    problems_of_columns,
    problems_of_definitions,
    problems_of_files,
    problems_of_values,
)
from tests.support.problems import require_none

TABLES = """SELECT relname AS name FROM pg_class
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace = 'public'::regnamespace"""
SEQUENCES = """SELECT sequencename AS name FROM pg_sequences
  WHERE has_sequence_privilege($1, sequencename::text, 'USAGE, SELECT, UPDATE')"""
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
UPDATABLE = """
    SELECT attrelid::regclass::text AS table, attname AS name FROM pg_attribute
    WHERE attacl IS NOT NULL AND attrelid > 16383 AND has_column_privilege($1, attrelid, attnum, 'UPDATE')"""


def test_migrations_are_named_and_ordered_by_their_numbers() -> None:
    """The revision contains the topic, because a number alone could be that of a pre-release with other
    tables."""
    require_none(problems_of_files())


def test_each_migration_can_be_undone_and_made_again(empty_database: str) -> None:
    require_none(_problems_of_downgrades(empty_database, FOLDER))


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        (
            "{after}_note",
            {},
            "{after}_note.py: the next number is {next}: rename the file to {next}_note.py.",
        ),
        ("{next}-note", {}, "{next}-note.py: the file is to be named NNNN_topic.py, such as"),
        ("{next}_note", {"revision": "0"}, '{next}_note.py: write `revision = "{next}_note"`; see'),
        ("{next}_note", {"down_revision": "0"}, '{next}_note.py: write `down_revision = "{last}"`; see'),
    ],
    ids=["gap", "name", "revision", "down_revision"],
)
def test_a_wrong_name_or_order_is_reported(
    tmp_path: Path, name: str, values: dict[str, str], problem: str
) -> None:
    folder = _with_migration(tmp_path, _numbered(name), **values)

    (found,) = problems_of_files(folder)

    assert found.startswith(_numbered(problem))


def test_a_downgrade_that_does_nothing_is_reported(empty_database: str, tmp_path: Path) -> None:
    name = _numbered("{next}_note")
    folder = _with_migration(tmp_path, name)

    problems = _problems_of_downgrades(empty_database, folder, files()[-1])

    assert list(problems) == [
        f"{name}.py: downgrade() has to undo upgrade(), and it leaves the column members.margin_note."
    ]


def test_a_column_without_a_migration_and_the_reverse_are_reported() -> None:
    columns = set(columns_of_the_models())

    problems = list(problems_of_columns(columns - {"members.name"} | {"members.margin_note", "pgqueuer.id"}))
    of_table = list(problems_of_columns(name for name in columns if not name.startswith("members.")))

    assert [problem.partition(":")[0] for problem in (*problems, *of_table)] == [
        "No migration creates the column members.name of the models",
        "The migrations create the column members.margin_note, which no model has",
        "No migration creates the table members of the models",
    ]


def test_a_value_without_a_migration_is_reported(owner_url: str) -> None:
    constraints = asyncio.run(described(owner_url, (CONSTRAINTS,)))
    name = "constraint audit_events.ck_audit_events_audit_action"
    without = {**constraints, name: constraints[name].replace("MEMBER_INVITED", "MEMBER_ASKED")}

    assert list(problems_of_values(constraints)) == []
    (problem,) = problems_of_values(without)
    assert problem.startswith(f"The {name} does not admit MEMBER_INVITED: add models/migrations/versions/")


def test_migrated_tables_are_those_of_the_models_to_the_letter(empty_database: str, owner_url: str) -> None:
    asyncio.run(_create_all(empty_database))
    declared, migrated = asyncio.run(described(empty_database)), asyncio.run(described(owner_url))

    assert len(declared) > 100
    require_none(problems_of_definitions(declared, migrated))


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


def _problems_of_downgrades(url: str, folder: Path, begin: str = "base") -> Iterator[str]:
    """Makes each migration after `begin`, undoes it, and makes it again."""
    if begin != "base":
        migrations.upgrade(url, begin, folder)
    previous = begin
    for revision in files(folder):
        if begin != "base" and revision <= begin:
            continue
        before = asyncio.run(described(url, EVERYTHING, ("alembic_version",)))
        migrations.upgrade(url, revision, folder)
        migrations.downgrade(url, previous, folder)
        after = asyncio.run(described(url, EVERYTHING, ("alembic_version",)))
        yield from problems_of_a_downgrade(f"{revision}.py", before, after)
        if before != after:
            return
        migrations.upgrade(url, revision, folder)
        previous = revision


def _numbered(text: str) -> str:
    last = len(files())
    return text.format(last=files()[-1], next=f"{last + 1:04}", after=f"{last + 2:04}")


def _with_migration(folder: Path, name: str, **values: str) -> Path:
    """Copy of the migrations, with one more that adds a column and does not remove it."""
    copied = folder / "migrations"
    shutil.copytree(FOLDER, copied)
    lines = {"revision": name, "down_revision": files()[-1], **values}
    (copied / "versions" / f"{name}.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        + "".join(f'{variable} = "{value}"\n' for variable, value in lines.items())
        + 'def upgrade(): op.add_column("members", sa.Column("margin_note", sa.String()))\n'
        "def downgrade(): pass\n"
    )
    return copied


async def _granted(url: str, tables: set[str]) -> dict[str, set[str]]:
    """Privileges of the app's role on each table."""
    statement = """SELECT name, privilege FROM unnest($2::text[]) AS name, unnest($3::text[]) AS privilege
      WHERE has_table_privilege($1, name, privilege)"""
    granted: dict[str, set[str]] = {table: set() for table in tables}
    for row in await _fetch(url, statement, embedded.APP_ROLE, list(tables), PRIVILEGES):
        granted[row["name"]].add(row["privilege"])
    return granted
