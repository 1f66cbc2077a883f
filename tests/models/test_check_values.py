"""Migrations change the list of values that a CHECK admits."""

from collections.abc import Callable
from functools import partial

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from models.migrations.check_values import add_check_values, remove_check_values
from models.postgresql import connect
from postgresql_dsn import parse

CHECK = ("sign_ups", "state", "ck_sign_ups_state")
DEFINITION = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_sign_ups_state'"


async def test_a_value_is_appended_and_removed(empty_database: str) -> None:
    await _execute(empty_database, "CREATE TABLE sign_ups (state varchar)")
    await _execute(
        empty_database,
        "ALTER TABLE sign_ups ADD CONSTRAINT ck_sign_ups_state CHECK (state IN ('NEW', 'DONE'))",
    )
    before = await _execute(empty_database, DEFINITION)

    await _migrate(empty_database, partial(add_check_values, *CHECK, "LATE"))
    with_late = await _execute(empty_database, DEFINITION)
    await _execute(empty_database, "INSERT INTO sign_ups VALUES ('LATE')")
    with pytest.raises(IntegrityError):
        await _migrate(empty_database, partial(remove_check_values, *CHECK, "LATE"))
    await _execute(empty_database, "DELETE FROM sign_ups")
    await _migrate(empty_database, partial(remove_check_values, *CHECK, "LATE"))

    assert [value for value in ("NEW", "DONE", "LATE") if f"'{value}'" in str(with_late)] == [
        "NEW",
        "DONE",
        "LATE",
    ]
    assert await _execute(empty_database, DEFINITION) == before


async def _execute(url: str, statement: str) -> object:
    connection = await connect(parse(url))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def _migrate(url: str, step: Callable[[], None]) -> None:
    def run(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with context.begin_transaction(_per_migration=True), Operations.context(context):
            step()

    engine = create_async_engine("postgresql+asyncpg://", async_creator=partial(connect, parse(url)))
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()
