"""Cost of the audit log's indexes: appends by the app's role with all indexes and with few."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any, NamedTuple

import asyncpg

from bench import scale_events as log
from bench.scale_data import MadeAccount, made_id
from embedded.server import APP_ROLE, Server
from models.columns import new_id

BATCHES = (1, 100)
"""Number of events per transaction."""
_SECONDS = 5.0
_APPEND = """INSERT INTO audit_events (account_id, id, occurred_at, action, outcome, summary, actor_kind,
    actor_member_id, actor_name, credential_kind, credential_id, credential_label, target_type, target_id,
    target_name, ip, user_agent, request_id, details, previous_hash, hash)
  VALUES ($1, $2, now(), $3, 'ALLOWED', 'provisioned Aurora for a site', 'MEMBER', $4, 'Ada', 'API_KEY',
    $5, 'key', 'License', $6, 'a site', $7, 'partner-dashboard/3.1', $8, '{"theme":"aurora"}', '', '')"""
# The trigger looks into uq_audit_events_id; without it, it would read the account's whole log.
_SPARED = """SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
  FROM pg_index
  WHERE indrelid = 'audit_events'::regclass AND NOT indisunique"""


class Price(NamedTuple):
    indexes: str
    batch: int
    events_per_second: float
    backend_microseconds: float
    """CPU time per event, without waiting for the disk."""


async def prices(server: Server, database: str, account: MadeAccount) -> list[Price]:
    owner = await server.connect(database)
    app = await asyncpg.connect(server.url(APP_ROLE, database), timeout=10)
    try:
        found = [await _price(app, account, "all", batch) for batch in BATCHES]
        for index in await owner.fetch(_SPARED):
            await owner.execute(f"DROP INDEX {index['name']}")
        found += [await _price(app, account, "primary key and id", batch) for batch in BATCHES]
    finally:
        await app.close()
        await owner.close()
    return found


async def _price(app: asyncpg.Connection, account: MadeAccount, indexes: str, batch: int) -> Price:
    pid = app.get_server_pid()
    append = await app.prepare(_APPEND)
    events, start, used = 0, perf_counter(), _used_seconds(pid)
    made = _events(account)
    while perf_counter() - start < _SECONDS:
        async with app.transaction():
            await append.executemany([next(made) for _ in range(batch)])
        events += batch
    spent = perf_counter() - start
    return Price(indexes, batch, events / spent, (_used_seconds(pid) - used) / events * 1e6)


def _events(account: MadeAccount) -> Iterator[list[Any]]:
    random = account.random()
    while True:
        id = new_id()
        yield [
            *(account.id, id, random.choice(log.ACTIONS), account.member(random.randrange(300))),
            made_id("api_key", account.number, random.randrange(log.KEYS)),
            *(
                account.license(random.randrange(account.size.licenses)),
                log.ip(random.randrange(2_000)),
                str(id),
            ),
        ]


def _used_seconds(pid: int) -> float:
    """CPU seconds in user and system mode, with a resolution of 10 ms."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
