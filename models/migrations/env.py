import asyncio
from collections.abc import Collection
from functools import partial
from typing import Any

from alembic import context
from alembic.migration import MigrationContext
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import models  # noqa: F401 - declares the tables
from models.migrate import comment_of
from models.postgresql import connect
from postgresql_dsn import parse


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leaves out the tables of the job queue, for which pgqueuer has no models."""
    return not (kind == "table" and (name or "").startswith("pgqueuer"))


def say_who_can_serve(ctx: MigrationContext, step: object, heads: Collection[Any], run_args: object) -> None:
    assert ctx.connection is not None  # noqa: S101
    for revision in heads:
        ctx.connection.exec_driver_sql(comment_of(context.script, revision))


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_name=include_name,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
        on_version_apply=say_who_can_serve,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    creator = partial(connect, parse(context.config.attributes["url"]))
    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        # Two deployments may migrate at the same time: the second one waits, and then has nothing to do.
        await connection.exec_driver_sql("SELECT pg_advisory_lock(7274626)")
        # Statements of running servers wait behind one that waits for a lock.
        await connection.exec_driver_sql("SET lock_timeout = '1s'")
        await connection.commit()
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(main())
