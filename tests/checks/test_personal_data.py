"""The registry of personal data has a decision about each column of the database, and the document of a
person and its reference have what the registry says."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
from sqlalchemy import Column, Enum, select
from sqlalchemy.sql import visitors
from sqlmodel import SQLModel

from models.personal_data import (
    NOT_PERSONAL_COLUMNS,
    NOT_PERSONAL_TABLES,
    NOT_SHOWN_COLUMNS,
    PERSONAL_COLUMNS,
    REFERENCES,
    TYPES_WITHOUT_TEXT,
    Included,
)
from resolvers.people.personal_data import SECTIONS
from resolvers.people.personal_events import AUDIT_EVENTS, AUDIT_EVENTS_BY_OTHERS
from resolvers.people.personal_sections import USER
from tests.support.problems import require_none

ROOT = Path(__file__).parents[2]
ALL_SECTIONS = (USER, *SECTIONS, AUDIT_EVENTS, AUDIT_EVENTS_BY_OTHERS)
COLUMNS = """SELECT table_name AS table, column_name AS column, udt_name AS type
  FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
  WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"""


async def test_each_column_is_personal_or_says_why_not(
    superuser: asyncpg.Connection, database_url: str
) -> None:
    columns = await superuser.fetch(COLUMNS)
    needed = {
        (row["table"], row["column"])
        for row in columns
        if row["table"] not in NOT_PERSONAL_TABLES and row["type"] not in TYPES_WITHOUT_TEXT
    } - set(_columns_of_enums())

    decided = [*_pairs(PERSONAL_COLUMNS), *_pairs(NOT_PERSONAL_COLUMNS)]

    require_none(
        f"{table}.{column} may hold data about a person: add it to PERSONAL_COLUMNS, or to"
        " NOT_PERSONAL_COLUMNS, in models/personal_data.py."
        for table, column in sorted(needed - set(decided))
    )
    require_none(
        f"{table}.{column} is no column with a text: remove it from models/personal_data.py."
        for table, column in sorted(set(decided) - needed)
    )
    assert len(decided) == len(set(decided)), "a column is personal or not"
    assert set(NOT_PERSONAL_TABLES) <= {row["table"] for row in columns}


def test_each_reference_to_a_person_has_its_section() -> None:
    foreign_keys = {
        (table.name, column.name)
        for table in SQLModel.metadata.tables.values()
        for key in table.foreign_key_constraints
        if key.referred_table.name in ("members", "users")
        for column in key.columns
        if column.name != "account_id"
    }

    require_none(
        f"{table}.{column} refers to a person: add it to REFERENCES in models/personal_data.py."
        for table, column in sorted(foreign_keys - set(_pairs(REFERENCES)))
    )
    assert set(_pairs(REFERENCES)) - set(_declared()) == set()


def test_a_table_with_references_has_personal_data_or_is_listed() -> None:
    assert REFERENCES.keys() & NOT_PERSONAL_TABLES.keys() == set()
    assert PERSONAL_COLUMNS.keys() & NOT_PERSONAL_TABLES.keys() == set()


def test_a_field_of_the_document_is_named_with_its_section() -> None:
    fields = [
        field
        for columns in PERSONAL_COLUMNS.values()
        for decision in columns.values()
        if isinstance(decision, Included)
        for field in decision.fields
    ]

    assert all(field.count(".") == 1 for field in fields)
    assert len(fields) == len(set(fields))


def test_the_document_has_the_fields_and_sections_of_the_registry() -> None:
    included = {
        field
        for columns in PERSONAL_COLUMNS.values()
        for decision in columns.values()
        if isinstance(decision, Included)
        for field in decision.fields
    }
    sections = {name for columns in REFERENCES.values() for names in columns.values() for name in names}

    fields = {f"{section.name}.{field}" for section in ALL_SECTIONS for field in section.fields}

    require_none(
        f"{field} is not in the document of a person: add it to its section in resolvers/people, or correct"
        " its name in models/personal_data.py."
        for field in sorted(included - fields)
    )
    assert sections - {section.name for section in ALL_SECTIONS} == set()


def test_the_document_has_each_id_time_number_and_state_of_a_person() -> None:
    """Or says why not. The columns with texts are those of the test above."""
    shown = {
        (part.table.name, part.name)
        for section in ALL_SECTIONS
        for value in select(*section.fields.values()).selected_columns
        for part in visitors.iterate(value)
        if isinstance(part, Column)
    }
    of_persons = [pair for pair in _declared() if pair[0] in {*PERSONAL_COLUMNS, *REFERENCES}]
    registries = (PERSONAL_COLUMNS, NOT_PERSONAL_COLUMNS, NOT_SHOWN_COLUMNS, REFERENCES)
    decided = {pair for registry in registries for pair in _pairs(registry)}

    require_none(
        f"{table}.{column} is not in the document of a person: add it to its section in resolvers/people, or"
        " to NOT_SHOWN_COLUMNS in models/personal_data.py."
        for table, column in sorted(set(of_persons) - shown - decided)
    )
    assert set(_pairs(NOT_SHOWN_COLUMNS)) <= set(_declared()) - shown


def test_the_reference_has_each_section_and_field() -> None:
    page = (ROOT / "docs" / "reference" / "personal-data.md").read_text()
    _, *parts = re.split(r"^## `(\w+)`$", page, flags=re.MULTILINE)
    documented = {
        name: re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }

    assert list(documented) == [section.name for section in ALL_SECTIONS]
    fields = {each.name: [name for name in each.fields if name != "generatedAt"] for each in ALL_SECTIONS}
    require_none(
        f"docs/reference/personal-data.md has other fields of {name}, or in another order: the table should"
        f" have {', '.join(fields[name])}."
        for name in fields
        if documented[name] != fields[name]
    )


def _pairs(decisions: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    return ((table, column) for table, columns in decisions.items() for column in columns)


def _declared() -> Iterator[tuple[str, str]]:
    tables = SQLModel.metadata.tables.items()
    return ((name, column.name) for name, table in tables for column in table.columns)


def _columns_of_enums() -> Iterator[tuple[str, str]]:
    tables = SQLModel.metadata.tables.items()
    return (
        (name, column.name)
        for name, table in tables
        for column in table.columns
        if isinstance(column.type, Enum)
    )
