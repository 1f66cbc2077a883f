"""Expired rows are deleted in small transactions that block no other."""

import asyncio
import re

import asyncpg
import pytest

from engine.statements import Statement
from models.columns import now
from resolvers import tidying
from tests.support.locks import until_waiting
from tests.support.world import REQUEST_SIGN_IN, World

KEYS = """INSERT INTO idempotency_keys (actor_id, key, input_hash, answer, created_at)
  SELECT gen_random_uuid(), n::text, '', 'null', now() - interval '9 days' + n * interval '1 second'
  FROM generate_series(1, $1) AS n"""


async def left(world: World) -> list[str]:
    return [
        row[0] for row in await world.superuser.fetch("SELECT key FROM idempotency_keys ORDER BY key::int")
    ]


async def test_many_rows_are_deleted_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "_BATCH", 4)
    await world.superuser.execute(KEYS, 10)
    await world.superuser.execute(
        "INSERT INTO idempotency_keys SELECT gen_random_uuid(), '11', '', '1', NULL, now()"
    )

    await tidying.forget_expired(world.database)

    assert await left(world) == ["11"]


@pytest.mark.parametrize(
    "statement",
    [
        *(tidying._LIMIT_BUCKETS, tidying._LIMIT_BUCKET_AFTER_BATCH),
        *(tidying._IDEMPOTENCY_KEYS, tidying._IDEMPOTENCY_KEY_AFTER_BATCH),
        *(tidying._SIGN_IN_LINKS, tidying._SIGN_IN_LINK_AFTER_BATCH),
        *(tidying._DOWNLOAD_LINKS, tidying._DOWNLOAD_LINK_AFTER_BATCH),
    ],
    ids=lambda statement: " ".join(statement.sql.partition("WHERE")[0].split()),
)
async def test_what_has_expired_is_found_by_an_index(world: World, statement: Statement) -> None:
    table = re.findall(r"FROM (\w+)", statement.sql)[0]
    async with world.superuser.transaction():
        await world.superuser.execute("SET LOCAL enable_seqscan = off")

        values = statement.arguments(before=now(), batch=tidying._BATCH)
        plan = await world.superuser.fetch(f"EXPLAIN {statement.sql}", *values)

    assert f"Seq Scan on {table}" not in "\n".join(row[0] for row in plan)


async def test_rows_of_the_same_moment_are_deleted_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "_BATCH", 4)
    await world.superuser.execute(KEYS, 10)
    await world.superuser.execute("UPDATE idempotency_keys SET created_at = now() - interval '9 days'")

    await tidying.forget_expired(world.database)

    assert await left(world) == []


async def test_what_was_deleted_stays_so_where_a_later_row_is_locked(
    world: World, superuser_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "_BATCH", 4)
    await world.superuser.execute(KEYS, 10)
    other = await asyncpg.connect(superuser_url)
    try:
        await other.execute("BEGIN; SELECT FROM idempotency_keys WHERE key = '10' FOR UPDATE")

        job = asyncio.create_task(tidying.forget_expired(world.database))
        async with asyncio.timeout(30):
            while await left(world) != ["6", "7", "8", "9", "10"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await other.close()
    await job

    assert await left(world) == []


async def test_nobody_waits_for_a_tidying_that_waits(world: World, superuser_url: str) -> None:
    await world.nobody.change(REQUEST_SIGN_IN, email="ada@example.com")
    await world.superuser.execute("UPDATE limit_buckets SET full_at = now() - interval '1 hour'")
    await world.superuser.execute(KEYS, 1)
    other = await asyncpg.connect(superuser_url)
    try:
        await other.execute("BEGIN; SELECT FROM idempotency_keys FOR UPDATE")
        job = asyncio.create_task(tidying.forget_expired(world.database))
        await until_waiting(world.superuser)

        async with asyncio.timeout(30):
            payload = await world.nobody.change(REQUEST_SIGN_IN, email="ada@example.com")
    finally:
        await other.close()
    await job

    assert payload["userErrors"] == []
