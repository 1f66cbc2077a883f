"""Audit streams as Admins create them, and workers that deliver them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from mailer.backoff import Backoff
from models.database import Database
from resolvers.audit_streams.jobs import StreamPace, keep_delivering
from resolvers.audit_streams.public_addresses import Resolve, resolve
from tests.support.changes import UPDATE_ACCOUNT, mutation
from tests.support.world import World

STREAM = """auditStream { id url actions status lastDeliveredSequence lastDeliveredAt undeliveredEvents
  failingSince lastError lastAttemptAt nextAttemptAt previousSecretsExpireAt createdBy { id } createdAt
  deletedAt } secret"""
CREATE = mutation("createAuditStream", STREAM)
UPDATE = mutation("updateAuditStream", STREAM)
DELETE = mutation("deleteAuditStream", STREAM.removesuffix(" secret"))
STREAMS = (
    f"{{ account {{ auditStreams {{ totalCount nodes {STREAM[len('auditStream') : -len(' secret')]} }} }} }}"
)
QUICK = StreamPace(
    poll_seconds=0.1,
    gather_seconds=0.01,
    lease_margin_seconds=0.5,
    grace_seconds=0.5,
    backoff=Backoff(first_seconds=0.05, most_seconds=0.2),
)


def let_private(world: World) -> None:
    """Allows private addresses, as AUDIT_STREAM_PRIVATE_ADDRESSES does."""
    object.__setattr__(world.settings, "audit_stream_private_addresses", True)


async def create(world: World, url: str, **input: Any) -> tuple[str, str]:
    """Returns the audit stream's id and secret."""
    payload = await world.admin.change(CREATE, accountId=world.account_id, url=url, **input)
    assert not payload["userErrors"], payload
    return payload["auditStream"]["id"], payload["secret"]


async def shown(world: World) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await world.admin.ask(STREAMS))["account"]["auditStreams"]["nodes"]
    return nodes


async def until_shown(world: World, timeout_seconds: float = 10, **expected: Any) -> dict[str, Any]:
    """Waits until the only audit stream is as expected, and returns it."""
    async with asyncio.timeout(timeout_seconds):
        while not expected.items() <= (found := (await shown(world))[0]).items():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def write_events(world: World, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Acme {number}")


async def head(world: World) -> int:
    """Sequence of the newest event of the first account."""
    id = UUID(world.account_id.rpartition("_")[2])
    return int(await world.superuser.fetchval("SELECT sequence FROM audit_heads WHERE account_id = $1", id))


@asynccontextmanager
async def delivering(
    world: World, pace: StreamPace = QUICK, resolve: Resolve = resolve, **settings: Any
) -> AsyncIterator[None]:
    """Runs a worker with its own connections, and with time for receivers on a busy machine: what is not
    answered in time is sent again."""
    values = {"audit_stream_private_addresses": True, "audit_stream_timeout_seconds": 10, **settings}
    database, stop = Database(world.database.url, 4), asyncio.Event()
    task = asyncio.create_task(
        keep_delivering(world.settings.model_copy(update=values), database, stop, pace, resolve)
    )
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)
        await database.close()
