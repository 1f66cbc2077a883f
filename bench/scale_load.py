"""Fills a migrated database with COPY, as a superuser and without triggers, which would take hours."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import asyncpg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlmodel import SQLModel

from bench import scale_data, scale_events
from bench.scale_data import SMALL, START, MadeAccount
from embedded.server import Server
from engine.derived_columns import derived_values
from models import License, Member, Theme

_COLUMNS = {
    "themes": "id slug name summary price_amount price_currency tags published_at latest_version",
    "users": "id email name created_at",
    "members": "account_id id user_id name email role is_owner joined_at last_active_at removed_at",
    "invitations": "account_id id email role status token_hash invited_by_id accepted_by_id created_at"
    " expires_at emails accepted_at delivery",
    "licenses": "account_id id theme_id status site key holder_id provisioned_by_id provisioned_at"
    " expires_at revoked_by_id revoked_at revoked_reason last_verified_at installed_version",
}
_MAKERS: dict[str, Callable[[MadeAccount], Iterable[tuple[Any, ...]]]] = {
    "users": scale_data.users,
    "members": scale_data.members,
    "invitations": scale_data.invitations,
    "licenses": scale_data.licenses,
}
_WITH_FORMS: dict[str, type[SQLModel]] = {"members": Member, "licenses": License, "themes": Theme}
ACCOUNTS = 5_000
_INDEXES = """SELECT pg_get_indexdef(indexrelid) AS definition, indexrelid::regclass::text AS name
  FROM pg_index WHERE indrelid = 'audit_events'::regclass AND NOT indisprimary"""


async def fill(server: Server, database: str, accounts: list[MadeAccount], progress: Progress) -> None:
    connection = await server.connect(database)
    try:
        await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '1GB'")
        await _copy(connection, "themes", list(scale_data.themes()))
        await connection.executemany(
            "INSERT INTO accounts (id, name, slug, currency, created_at) VALUES ($1, $2, $2, 'EUR', $3)",
            [(account.id, f"account-{account.number}", START) for account in accounts],
        )
        for table, make in _MAKERS.items():
            for account in progress.track(accounts, description=table):
                await _copy(connection, table, list(make(account)))
        await _fill_logs(connection, accounts, progress)
        await _vacuum(connection, progress)
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    columns = _COLUMNS[table].split()
    model = _WITH_FORMS.get(table)
    if model is not None:
        forms = [derived_values(model, dict(zip(columns, row, strict=True))) for row in rows]
        columns += forms[0]
        rows = [(*row, *each.values()) for row, each in zip(rows, forms, strict=True)]
    await connection.copy_records_to_table(table, records=rows, columns=columns)


async def _fill_logs(connection: asyncpg.Connection, accounts: list[MadeAccount], progress: Progress) -> None:
    """Copies in one transaction with a TRUNCATE, which avoids the write-ahead log, and creates the indexes
    afterwards."""
    indexes = await connection.fetch(_INDEXES)
    heads: list[tuple[Any, ...]] = []
    async with connection.transaction():
        await connection.execute("TRUNCATE audit_events")
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        task = progress.add_task("audit events", total=sum(account.size.events for account in accounts))

        async def source() -> AsyncIterator[bytes]:
            for account in accounts:
                ends: list[scale_events.Head] = []
                for count, block in scale_events.blocks(account, ends):
                    yield block
                    progress.advance(task, count)
                heads.extend((account.id, end.sequence, end.hash, end.occurred_at) for end in ends)

        await connection.copy_to_table("audit_events", source=source(), columns=scale_events.COLUMNS)
        await connection.executemany(
            "INSERT INTO audit_heads VALUES ($1, $2, $3, $4::text::timestamptz)",
            heads,
        )
        for index in progress.track(indexes, description="indexes of audit_events"):
            await connection.execute(index["definition"])


async def expect_many_accounts(server: Server, database: str) -> None:
    """PostgreSQL plans for an account of average size, so it is told that there are thousands of accounts: a
    plan that is made for 50 rows must be good for 20,000."""
    connection = await server.connect(database)
    try:
        for table in ("audit_events", "members", "invitations", "licenses"):
            await connection.execute(f"ALTER TABLE {table} ALTER account_id SET (n_distinct = {ACCOUNTS})")
            await connection.execute(f"ANALYZE {table}")
    finally:
        await connection.close()


async def _vacuum(connection: asyncpg.Connection, progress: Progress) -> None:
    tables = ("audit_events", "audit_heads", *_COLUMNS)
    for table in progress.track(tables, description="vacuum"):
        await connection.execute(f"VACUUM (ANALYZE) {table}")


def accounts_of(events: int, crowd: int = 50) -> list[MadeAccount]:
    """The large account, the small one, and others like the small one."""
    return [
        MadeAccount(0, scale_data.large(events)),
        *(MadeAccount(number, SMALL) for number in range(1, crowd + 2)),
    ]


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
