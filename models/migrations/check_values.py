"""Changes the list of values that a CHECK admits, for migrations while servers run."""

import re

from alembic import op
from sqlalchemy import text

_DEFINITION = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"


def add_check_values(table: str, column: str, constraint: str, *added: str) -> None:
    """Appends values to those of a CHECK of the form `column IN ('A', 'B')`.

    The table is locked for a moment. It is read afterwards, under a lock with which others read and write: in
    a transaction of its own, so a run that was killed before is done again."""
    values = [*_values(constraint), *(value for value in added if value not in _values(constraint))]
    _replace(table, column, constraint, values, " NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")


def remove_check_values(table: str, column: str, constraint: str, *removed: str) -> None:
    """Undoes `add_check_values`. PostgreSQL refuses it while a row has one of the values."""
    values = [value for value in _values(constraint) if value not in removed]
    _replace(table, column, constraint, values)


def _values(constraint: str) -> list[str]:
    """The values in the order of the definition."""
    definition = op.get_bind().execute(text(_DEFINITION), {"name": constraint}).scalar_one()
    return re.findall(r"'([A-Z_]+)'", definition)


def _replace(table: str, column: str, constraint: str, values: list[str], more: str = "") -> None:
    admitted = ", ".join(f"'{value}'" for value in values)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({column} IN ({admitted})){more}")
