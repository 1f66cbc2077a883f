"""Cost of the audit log's indexes: appends by the app's role with all, all but that of texts, or few."""

from collections.abc import Iterator
from itertools import product
from statistics import median
from time import perf_counter
from typing import NamedTuple

import asyncpg

from bench import scale_events as log
from bench.scale_data import MadeAccount, made_id, member_name, site
from embedded.server import APP_ROLE, Server
from models.audit import ActorKind, AuditOutcome, CredentialKind
from models.audit_actions import AuditAction
from permissions.viewer import Client, Credential
from resolvers.audit_append import append, encode_event
from resolvers.events import Actor, new_event

BATCHES = (1, 100)
"""Numbers of events per transaction."""
KINDS = ("sessions", "API calls")
"""Events of people who provision licenses in sessions, and of calls with API keys."""
_ROUNDS = 10
_EVENTS = 300
"""Number of events that are measured at a time, in turns of all databases, sizes and kinds."""
# Those without which the trigger would read the account's whole log are spared.
_SECONDARY = """SELECT indexrelid::regclass::text AS name FROM pg_index
  WHERE indrelid = 'audit_events'::regclass AND NOT indisunique"""
_OF_TEXTS = "ix_audit_events_search"


class Price(NamedTuple):
    indexes: str
    """`few` are the primary key and that by id."""
    kind: str
    batch: int
    events_per_second: float
    backend_microseconds: float
    """CPU time per event, without waiting for the disk."""


async def prices(server: Server, database: str, account: MadeAccount) -> list[Price]:
    """Medians of several rounds in copies of a database, which differ in the log's indexes."""
    dropped = {"all": [], "all but texts": [_OF_TEXTS], "few": await _secondary(server, database)}
    copies = {name: await _copy(server, database, name, indexes) for name, indexes in dropped.items()}
    measured: dict[tuple[str, str, int], list[Price]] = {}
    try:
        for number in range(_ROUNDS):
            for indexes, kind, batch in product(copies, KINDS, BATCHES):
                price = await _price(copies[indexes], account, indexes, kind, batch, number)
                measured.setdefault(price[:3], []).append(price)
    finally:
        for name, app in copies.items():
            await app.close()
            await server.drop_database(_database(name))
    return [_median(found) for found in measured.values()]


def _database(indexes: str) -> str:
    return f"with_{indexes.replace(' ', '_')}"


def _median(found: list[Price]) -> Price:
    per_second = median(each.events_per_second for each in found)
    return found[0]._replace(
        events_per_second=per_second, backend_microseconds=median(each.backend_microseconds for each in found)
    )


async def _secondary(server: Server, database: str) -> list[str]:
    owner = await server.connect(database)
    try:
        return [index["name"] for index in await owner.fetch(_SECONDARY)]
    finally:
        await owner.close()


async def _copy(server: Server, database: str, indexes: str, dropped: list[str]) -> asyncpg.Connection:
    """Copies the database, drops indexes, and returns a connection of the app's role."""
    name = _database(indexes)
    await server.create_database(name, template=database)
    owner = await server.connect(name)
    try:
        for index in dropped:
            await owner.execute(f"DROP INDEX {index}")
        # Its work would be missing from the time of the process that appends.
        await owner.execute("ALTER TABLE audit_events SET (autovacuum_enabled = off)")
    finally:
        await owner.close()
    return await asyncpg.connect(server.url(APP_ROLE, name), timeout=10)


async def _price(
    app: asyncpg.Connection, account: MadeAccount, indexes: str, kind: str, batch: int, number: int
) -> Price:
    made = _events(account, kind, number)
    batches = [[next(made) for _ in range(batch)] for _ in range(_EVENTS // batch)]
    pid = app.get_server_pid()
    await app.execute("SELECT set_config('team_access.account_id', $1, false)", str(account.id))
    await append(app, [next(made)])  # Prepares the statement and the trigger's plans.
    start, used = perf_counter(), _used_seconds(pid)
    for events in batches:
        async with app.transaction():
            await append(app, events)
    spent = perf_counter() - start
    return Price(indexes, kind, batch, _EVENTS / spent, (_used_seconds(pid) - used) / _EVENTS * 1e6)


def _events(account: MadeAccount, kind: str, number: int) -> Iterator[bytes]:
    random = account.random()
    random.seed(f"{kind} {number}")
    while True:
        member, license = random.randrange(300), random.randrange(account.size.licenses)
        shop = site(account, license)
        actor, client = member_name(member), Client(log.ip(random.randrange(2_000)), "Firefox", str(member))
        member_id, key_id = account.member(member), made_id("api_key", account.number, member % log.KEYS)
        if kind == KINDS[0]:
            credential = Credential(CredentialKind.SESSION, account.license(member), "Firefox on Linux")
            action, summary = AuditAction.LICENSE_PROVISIONED, f"{actor} provisioned Aurora for {shop}"
            target = "License", account.license(license), shop
            details: dict[str, object] = {"theme": "aurora", "site": shop}
        else:
            credential = Credential(CredentialKind.API_KEY, key_id, "Script")
            action, summary = AuditAction.API_CALLED, f"{actor} called Members with the API key Script"
            target = "ApiKey", key_id, "Script"
            details = {"operation": "Members", "cost": license}
        who = Actor(ActorKind.MEMBER, actor, member_id, credential)
        event = new_event(account.id, who, client, action, AuditOutcome.ALLOWED, summary, target, details)
        yield encode_event(event)


def _used_seconds(pid: int) -> float:
    """CPU seconds of a process, from the scheduler, which counts nanoseconds."""
    with open(f"/proc/{pid}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e9
