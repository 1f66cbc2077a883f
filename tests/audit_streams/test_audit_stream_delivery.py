"""Audit streams deliver each event at least once, in order, signed, from one worker at a time."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from engine.statements import Statement
from models.accounts import Account
from models.columns import new_id
from models.database import Database
from resolvers.audit_streams import batches, jobs
from resolvers.audit_streams.batches import MOST_BYTES, MOST_EVENTS
from resolvers.audit_streams.jobs import CONCURRENT_FAILING_STREAMS
from resolvers.unaudited import note_delivery
from tests.support import chain
from tests.support.audit_streams import (
    DELETE,
    QUICK,
    UPDATE,
    create,
    delivering,
    head,
    let_private,
    shown,
    until_shown,
    write_events,
)
from tests.support.documents import report
from tests.support.forked_commands import running_code
from tests.support.receiver import HANG, HANG_UP, OK, Receiver, receiving, status
from tests.support.rewriting import with_triggers
from tests.support.stored_keys import uuid_of
from tests.support.world import INVITE, World

WORKER = """
import asyncio, sys, uvloop
from models.database import Database
from resolvers.audit_streams.jobs import StreamPace, keep_delivering
from settings import Settings

async def main():
    settings = Settings(_env_file=None, audit_stream_private_addresses=True, audit_stream_timeout_seconds=1)
    pace = StreamPace(lease_margin_seconds=0.5)
    await keep_delivering(settings, Database(sys.argv[1]), asyncio.Event(), pace)

uvloop.run(main())
"""
WRITE_MANY = """INSERT INTO audit_events
    (account_id, id, action, outcome, summary, actor_kind, actor_name, details)
  SELECT $1, gen_random_uuid(), 'API_CALLED', 'ALLOWED', $3::text, 'SYSTEM', 'Test', '{}'
  FROM generate_series(1, $2)"""


@pytest.fixture(autouse=True)
def _private(world: World) -> Iterator[None]:
    let_private(world)
    yield
    object.__setattr__(world.settings, "audit_stream_private_addresses", False)


async def write_many(world: World, count: int, summary: str = "Test called") -> None:
    async with with_triggers(world.superuser) as superuser:
        await superuser.execute(WRITE_MANY, uuid_of(world.account_id), count, summary)


def is_whole(receiver: Receiver, first: int, last: int) -> bool:
    """Each event once, in order."""
    return receiver.sequences == list(range(first, last + 1))


async def test_events_are_delivered_as_they_come(world: World) -> None:
    async with receiving() as receiver, delivering(world):
        await create(world, receiver.url)
        first = await head(world)
        await receiver.until(taken=1)
        await write_events(world, 3)
        await receiver.until(taken=4)
        found = await until_shown(world, lastDeliveredSequence=first + 3)

    assert is_whole(receiver, first, first + 3)
    assert receiver.requests[0].events[0]["action"] == "AUDIT_STREAM_CREATED"
    assert (found["status"], found["undeliveredEvents"], found["failingSince"]) == ("ACTIVE", 0, None)
    assert found["lastDeliveredAt"] >= found["lastAttemptAt"]
    assert found["lastError"] is found["nextAttemptAt"] is None
    assert await head(world) == first + 3, "a delivery is no event"


async def test_an_event_arrives_within_a_second(world: World) -> None:
    """Woken, not polled."""
    slow_poll = type(QUICK)(poll_seconds=60)
    async with receiving() as receiver, delivering(world, slow_poll):
        await create(world, receiver.url)
        await receiver.until(taken=1)
        for taken in range(2, 5):
            started_at = time.monotonic()
            await write_events(world, 1, taken)
            await receiver.until(taken=taken)
            assert time.monotonic() - started_at < 1


async def test_a_request_is_of_the_report_s_lines(world: World) -> None:
    """So that whoever has them can verify the chain."""
    async with receiving() as receiver:
        await create(world, receiver.url, afterSequence=0)
        await write_events(world, 2)
        async with delivering(world):
            await until_shown(world, lastDeliveredSequence=await head(world))
        (request,) = receiver.requests
        lines = await report(world, "AUDIT_LOG", "NDJSON")

    assert request.line == "POST /audit?token=hushed HTTP/1.1"
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.headers["host"] == f"localhost:{receiver.port}"
    assert lines.startswith(request.body)
    assert request.body.endswith(b"}\n")
    await chain.assert_whole(world.superuser)
    assert [event["hash"] for event in request.events[:-1]] == [
        event["previousHash"] for event in request.events[1:]
    ]


async def test_many_events_are_sent_in_batches(world: World) -> None:
    async with receiving() as receiver:
        await create(world, receiver.url, afterSequence=0)
        await write_many(world, 2 * MOST_EVENTS)
        await write_many(world, 12, "x" * 200_000)
        last = await head(world)
        async with delivering(world, audit_stream_timeout_seconds=5):
            await receiver.until(taken=last)

    assert is_whole(receiver, 1, last)
    sizes = [(len(request.sequences), len(request.body)) for request in receiver.requests]
    assert sizes[:2] == [(MOST_EVENTS, size) for _, size in sizes[:2]]
    assert all(size <= MOST_BYTES for _, size in sizes)
    assert len(sizes) < 8
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == len(sizes)


async def test_a_stream_with_more_than_a_turn_s_batches_has_another_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_EVENTS", 2)
    monkeypatch.setattr(jobs, "BATCHES_PER_LEASE", 1)
    async with receiving() as receiver:
        await create(world, receiver.url, afterSequence=0)
        last = await head(world)
        async with delivering(world):
            await receiver.until(taken=last)

    assert is_whole(receiver, 1, last)
    assert {len(request.sequences) for request in receiver.requests} <= {1, 2}


async def test_an_event_that_is_too_long_for_a_batch_is_one_by_itself(world: World) -> None:
    async with receiving() as receiver:
        await create(world, receiver.url)
        first = await head(world)
        await write_many(world, 2, "x" * (MOST_BYTES + 1))
        async with delivering(world, audit_stream_timeout_seconds=5):
            await receiver.until(taken=3)

    assert [request.sequences for request in receiver.requests] == [[first], [first + 1], [first + 2]]


async def test_only_what_is_wanted_is_sent(world: World) -> None:
    async with receiving() as receiver, delivering(world):
        await create(world, receiver.url, actions=["MEMBER_INVITED", "ACCOUNT_UPDATED"])
        first = await head(world)
        await world.admin.change(INVITE, accountId=world.account_id, email="a@example.com", role="VIEWER")
        await write_many(world, 50)
        await write_events(world, 1)
        await receiver.until(taken=2)
        await write_many(world, 3)
        found = await until_shown(world, undeliveredEvents=0)

    assert [event["action"] for request in receiver.taken for event in request.events] == [
        "MEMBER_INVITED",
        "ACCOUNT_UPDATED",
    ]
    assert found["lastDeliveredSequence"] == first + 55


async def test_failures_change_neither_the_order_nor_the_batch(world: World) -> None:
    """Whatever is written meanwhile: what is sent again is the same, under the same id."""
    async with receiving(
        status(500), HANG_UP, status(503), HANG, b"garbage\n\n", OK, status(500)
    ) as receiver:
        await create(world, receiver.url)
        first = await head(world)
        async with delivering(world, audit_stream_timeout_seconds=0.5):
            for number in range(6):
                await receiver.until(requests=number + 1)
                await write_events(world, 2, number * 2)
            await receiver.until(taken=13)

    assert is_whole(receiver, first, first + 12)
    tries = receiver.requests[:6]
    assert len({(request.headers["webhook-id"], request.body) for request in tries}) == 1
    assert len({request.headers["webhook-id"] for request in receiver.requests}) > 1
    assert receiver.most_at_once <= 2, "a connection that hangs, and the next try"


async def test_a_killed_worker_s_batch_is_sent_again(world: World) -> None:
    async with receiving(HANG, usual=OK) as receiver:
        await create(world, receiver.url)
        first = await head(world)
        process = running_code(WORKER, world.database.url)
        await receiver.until(requests=1, timeout_seconds=30)
        process.kill()
        process.wait()
        await write_events(world, 2)
        async with delivering(world):
            await receiver.until(taken=3)

    assert is_whole(receiver, first, first + 2)
    killed, again, *_ = receiver.requests
    assert (killed.headers["webhook-id"], killed.body) == (again.headers["webhook-id"], again.body)


async def test_a_worker_that_ends_leaves_its_streams_to_the_next_at_once(world: World) -> None:
    async with receiving(HANG, usual=OK) as receiver:
        await create(world, receiver.url)
        async with delivering(world, audit_stream_timeout_seconds=60):
            await receiver.until(requests=1)
        started_at = time.monotonic()
        async with delivering(world):
            await receiver.until(taken=1)

    assert time.monotonic() - started_at < 2
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_several_workers_share_the_streams_and_send_nothing_twice(world: World) -> None:
    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(receiving()) for _ in range(3)]
        for receiver in receivers:
            await create(world, receiver.url, afterSequence=0)
        for _ in range(4):
            await stack.enter_async_context(delivering(world))
        for number in range(10):
            await write_events(world, 2, number * 2)
        last = await head(world)
        for receiver in receivers:
            await receiver.until(taken=last)

    for receiver in receivers:
        assert is_whole(receiver, 1, last)
        assert receiver.most_at_once == 1


async def test_a_slow_receiver_holds_up_nobody_else(world: World) -> None:
    async with (
        receiving(usual=HANG) as slow,
        receiving() as quick,
        delivering(world, audit_stream_timeout_seconds=20),
    ):
        for _ in range(9):
            await create(world, slow.url)
        await slow.until(requests=9)
        await create(world, quick.url)
        started_at = time.monotonic()
        await write_events(world, 1)
        await quick.until(taken=2)
        assert time.monotonic() - started_at < 1
        assert slow.at_once == 9


async def test_many_that_fail_wait_for_each_other_and_not_before_others(world: World) -> None:
    """More than there is room for, each hanging until it times out."""
    async with receiving(usual=HANG) as hanging, receiving() as quick:
        await create(world, hanging.url)
        await create(world, quick.url)
        await world.superuser.execute(
            "UPDATE audit_streams SET attempts = 3, failing_since = now() WHERE url = $1", hanging.url
        )
        await world.superuser.execute(
            """INSERT INTO audit_streams (account_id, id, url, secret, previous_secrets, status,
                 last_delivered_sequence, attempts, failing_since, created_by_id, created_at)
               SELECT account_id, gen_random_uuid(), url, secret, '{}', status, last_delivered_sequence, 3,
                 now(), created_by_id, now()
               FROM audit_streams, generate_series(1, 50) WHERE url = $1""",
            hanging.url,
        )
        async with delivering(world, audit_stream_timeout_seconds=1.5):
            await hanging.until(requests=CONCURRENT_FAILING_STREAMS)
            started_at, taken = time.monotonic(), len(quick.sequences)
            await write_events(world, 1)
            await quick.until(taken=taken + 1)
            assert time.monotonic() - started_at < 1
            assert hanging.at_once == CONCURRENT_FAILING_STREAMS
            await hanging.until(requests=51)


async def test_what_is_on_its_way_counts_though_it_is_paused_meanwhile(world: World) -> None:
    async with receiving() as receiver, delivering(world):
        receiver.held = asyncio.Event()
        id, _ = await create(world, receiver.url)
        first = await head(world)
        await receiver.until(requests=1)
        await world.admin.change(UPDATE, auditStreamId=id, paused=True)
        receiver.held.set()
        found = await until_shown(world, lastDeliveredSequence=first)
        await asyncio.sleep(0.3)
        assert (await shown(world))[0]["lastDeliveredSequence"] == first
        assert (found["status"], len(receiver.requests)) == ("PAUSED", 1)
        await world.admin.change(UPDATE, auditStreamId=id, paused=False)
        await receiver.until(taken=3)

    assert is_whole(receiver, first, first + 2)


async def test_what_is_on_its_way_to_another_url_by_now_is_sent_to_that_one(world: World) -> None:
    """Also where the old one takes it, or fails, in the end."""
    for answer in (status(500), OK):
        slowly = [*[b""] * 10, answer]
        async with receiving(slowly) as old, receiving() as new, delivering(world):
            id, _ = await create(world, old.url)
            first = await head(world)
            await old.until(requests=1)
            await world.admin.change(UPDATE, auditStreamId=id, url=new.url)
            await new.until(taken=2)
            found = (await shown(world))[-1]
            await world.admin.change(DELETE, auditStreamId=id)

        assert is_whole(new, first, first + 1) or is_whole(new, first, first + 2)
        assert (found["failingSince"], found["lastError"], len(old.requests)) == (None, None, 1)


async def test_nothing_is_sent_after_a_deletion(world: World) -> None:
    async with receiving() as receiver, delivering(world):
        id, _ = await create(world, receiver.url)
        await receiver.until(taken=1)
        await world.admin.change(DELETE, auditStreamId=id)
        await write_events(world, 2)
        await asyncio.sleep(0.5)

    assert len(receiver.sequences) == 1


async def test_other_actions_make_another_batch(world: World) -> None:
    """A batch that was begun would be sent again as it was, under its id."""
    async with receiving(status(500), usual=OK) as receiver:
        id, _ = await create(world, receiver.url)
        await write_events(world, 1)
        async with delivering(world):
            await receiver.until(requests=1)
        await world.admin.change(UPDATE, auditStreamId=id, actions=["ACCOUNT_UPDATED"])
        async with delivering(world):
            await receiver.until(taken=1)

    first, second = receiver.requests[0], receiver.requests[-1]
    assert [event["action"] for event in second.events] == ["ACCOUNT_UPDATED"]
    assert first.headers["webhook-id"] != second.headers["webhook-id"]


async def test_the_times_of_a_request_are_of_the_attempt(world: World) -> None:
    async with receiving(status(500), usual=OK) as receiver, delivering(world):
        await create(world, receiver.url)
        await receiver.until(taken=1)

    stamps = [int(request.headers["webhook-timestamp"]) for request in receiver.requests]
    assert stamps == sorted(stamps)
    assert abs(stamps[-1] - datetime.now(UTC).timestamp()) < 10


async def test_a_row_that_is_no_stream_s_is_not_noted(database: Database) -> None:
    mine = Statement(lambda: update(Account).values(name="Mine"), across_accounts="to be refused")

    with pytest.raises(RuntimeError, match="only change"):
        await note_delivery(database, mine, account_id=new_id())
