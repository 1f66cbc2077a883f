"""Indexes that are created and dropped while servers read and write the table, for migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op


def create_index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Creates an index concurrently. One that a killed run has left is not valid, and is dropped first."""
    with _without_a_limit():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)


def drop_index(name: str, table: str) -> None:
    with _without_a_limit():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


@contextmanager
def _without_a_limit() -> Iterator[None]:
    """Outside of a transaction. PostgreSQL waits for older transactions then, and nothing waits behind it."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        try:
            yield
        finally:
            op.execute("SET lock_timeout = '1s'")
