"""Problems of migrations, each as a sentence that says what to do, and what a database consists of."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Enum
from sqlmodel import SQLModel

import models

FOLDER = Path(models.__file__).with_name("migrations")
HOW = 'see "Add a migration" in CONTRIBUTING.md'
NOT_OF_THE_MODELS = ("pgqueuer", "alembic_version")
"""Beginnings of the names of tables without a model: the queue's tables belong to its library."""

COLUMNS = """SELECT 'column ' || table_name || '.' || column_name AS name, concat_ws(' ', udt_name,
    is_nullable, character_maximum_length, numeric_precision, numeric_scale, column_default) AS definition
  FROM information_schema.columns WHERE table_schema = 'public'"""
CONSTRAINTS = """SELECT 'constraint ' || conrelid::regclass || '.' || conname AS name,
    pg_get_constraintdef(oid) AS definition
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('n', 't')"""
INDEXES = """SELECT 'index ' || indrelid::regclass || '.' || indexrelid::regclass AS name,
    pg_get_indexdef(indexrelid) AS definition
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
  WHERE relnamespace = 'public'::regnamespace"""
TRIGGERS = """SELECT 'trigger ' || tgrelid::regclass || '.' || tgname AS name,
    pg_get_triggerdef(pg_trigger.oid) AS definition
  FROM pg_trigger WHERE NOT tgisinternal"""
POLICIES = """SELECT 'policy ' || tablename || '.' || policyname AS name,
    concat_ws(' ', cmd, qual, with_check) AS definition
  FROM pg_policies WHERE schemaname = 'public'"""
FUNCTIONS = """SELECT 'function ' || oid::regprocedure AS name, pg_get_functiondef(oid) AS definition
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'"""
TYPES = """SELECT 'type ' || typname AS name, typtype::text AS definition
  FROM pg_type WHERE typtype IN ('d', 'e') AND typnamespace = 'public'::regnamespace"""
OF_TABLES = (COLUMNS, CONSTRAINTS, INDEXES)
EVERYTHING = (*OF_TABLES, TRIGGERS, POLICIES, FUNCTIONS, TYPES)


def problems_of_files(folder: Path = FOLDER) -> Iterator[str]:
    """Names, numbers and order of the migrations."""
    before: str | None = None
    for number, file in enumerate(sorted((folder / "versions").glob("*.py")), 1):
        if not re.fullmatch(r"\d{4}_[a-z0-9_]+", file.stem):
            yield f"{file.name}: the file is to be named NNNN_topic.py, such as {number:04}_member_note.py."
        elif not file.name.startswith(f"{number:04}_"):
            wanted = f"{number:04}{file.name[4:]}"
            yield f"{file.name}: the next number is {number:04}: rename the file to {wanted}."
        values = dict(_values(file))
        for name, due in (("revision", file.stem), ("down_revision", before)):
            if values.get(name, "") != due:
                yield f"{file.name}: write `{name} = {_literal(due)}`; {HOW}."
        before = file.stem


def problems_of_columns(columns: Iterable[str]) -> Iterator[str]:
    """Tables and columns of the models that no migration creates, and the reverse. `columns` are those of
    the migrated database, as `table.column`."""
    declared = set(columns_of_the_models())
    migrated = {name for name in columns if not name.startswith(NOT_OF_THE_MODELS)}
    for name in _whole_tables(declared - migrated, migrated):
        yield f"No migration creates the {name} of the models: add {_next_file()}; {HOW}."
    for name in _whole_tables(migrated - declared, declared):
        yield f"The migrations create the {name}, which no model has: declare it in models/."


def problems_of_values(constraints: Mapping[str, str]) -> Iterator[str]:
    """Values of enums that a CHECK of the migrated database does not admit. `constraints` has the definitions
    by `constraint table.name`."""
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, Enum):
                name = f"constraint {table.name}.ck_{table.name}_{column.type.name}"
                admitted = _values_in(constraints.get(name, ""))
                if admitted and (lacking := [each for each in column.type.enums if each not in admitted]):
                    yield f"The {name} does not admit {', '.join(lacking)}: add {_next_file()}; {HOW}."


def problems_of_definitions(declared: dict[str, str], migrated: dict[str, str]) -> Iterator[str]:
    """Differences between the tables that the models declare and those that the migrations create."""
    for name in sorted(declared.keys() | migrated.keys()):
        if name not in migrated:
            definition = f"({declared[name]})"
            yield f"No migration creates the {name} {definition} of the models: add {_next_file()}; {HOW}."
        elif name not in declared:
            yield f"The migrations create the {name} ({migrated[name]}), which no model has."
        elif declared[name] != migrated[name]:
            yield _difference(name, declared[name], migrated[name])


def _difference(name: str, declared: str, migrated: str) -> str:
    by_models, by_migrations = _values_in(declared), _values_in(migrated)
    if removed := [value for value in by_migrations if value not in by_models]:
        return f"The {name} admits {', '.join(removed)}, which the models do not have."
    if by_models != by_migrations:
        return f"The {name} has the values in another order: append new ones at the end, in both places."
    return f"The {name} is ({migrated}) by the migrations and ({declared}) by the models."


def problems_of_a_downgrade(file: str, before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    """What a migration's `upgrade` and `downgrade` together have changed."""
    undo = f"{file}: downgrade() has to undo upgrade(), and it"
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"{undo} leaves the {name}."
        elif name not in after:
            yield f"{undo} does not restore the {name}."
        elif before[name] != after[name]:
            yield f"{undo} leaves the {name} as ({after[name]}) instead of ({before[name]})."


async def described(
    url: str, queries: Iterable[str] = OF_TABLES, without: tuple[str, ...] = NOT_OF_THE_MODELS
) -> dict[str, str]:
    """Definitions of the database's objects as PostgreSQL prints them, by kind and name."""
    connection = await asyncpg.connect(url)
    try:
        rows = [row for query in queries for row in await connection.fetch(query)]
    finally:
        await connection.close()
    return {
        row["name"]: row["definition"]
        for row in rows
        if not row["name"].partition(" ")[2].startswith(without)
    }


def columns_of_the_models() -> Iterator[str]:
    for table in SQLModel.metadata.tables.values():
        yield from (f"{table.name}.{column.name}" for column in table.columns)


def files(folder: Path = FOLDER) -> list[str]:
    """The revisions in their order, which are the names of the files."""
    return sorted(file.stem for file in (folder / "versions").glob("*.py"))


def upgrade(url: str, revision: str, folder: Path = FOLDER) -> None:
    command.upgrade(_config(url, folder), revision)


def downgrade(url: str, revision: str, folder: Path = FOLDER) -> None:
    command.downgrade(_config(url, folder), revision)


def _config(url: str, folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def _values_in(check: str) -> list[str]:
    """Values in the definition of a CHECK that lists them."""
    return re.findall(r"'([A-Z_]+)'", check)


def _values(file: Path) -> Iterator[tuple[str, object]]:
    """Variables of the module that have a literal value."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield from ((ast.unparse(target), node.value.value) for target in node.targets)


def _literal(value: str | None) -> str:
    return f'"{value}"' if value else "None"


def _whole_tables(columns: set[str], others: set[str]) -> list[str]:
    """The columns; of a table that the others do not have at all, its name only."""
    tables = {name.partition(".")[0] for name in others}
    named = {
        f"column {name}" if name.partition(".")[0] in tables else f"table {name.partition('.')[0]}"
        for name in columns
    }
    return sorted(named)


def _next_file() -> str:
    return f"models/migrations/versions/{len(files()) + 1:04}_topic.py"
