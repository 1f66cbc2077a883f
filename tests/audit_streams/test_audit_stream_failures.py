"""Failed deliveries are retried; audit streams are paused or ended, and no event is lost."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from mailer.backoff import Backoff
from mailer.messages import Message
from resolvers.audit_streams.jobs import StreamPace
from tests.invitations.test_invitation_delivery import forget_emails, working
from tests.support.audit_streams import (
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
from tests.support.changes import REMOVE, UPDATE_ACCOUNT, user_error
from tests.support.public_names import Names
from tests.support.receiver import HANG, receiving, status
from tests.support.serving import free_port
from tests.support.smtp import smtp_server
from tests.support.world import World

DRIPPING = [b"HTTP/1.1 200 OK\r\n", *[b"a: b\r\n"] * 1_000]
NOT_FOLLOWED = "and redirects are not followed: give the URL itself."
LASTING = type(QUICK)(
    poll_seconds=0.1,
    gather_seconds=0.01,
    lease_margin_seconds=0.5,
    backoff=Backoff(first_seconds=60, most_seconds=3_600),
)


@pytest.fixture(autouse=True)
def _private(world: World) -> Iterator[None]:
    let_private(world)
    yield
    object.__setattr__(world.settings, "audit_stream_private_addresses", False)


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


async def failing_for(world: World, **ago: float) -> None:
    """As if it had failed for so long."""
    await world.superuser.execute(
        "UPDATE audit_streams SET failing_since = now() - $1::interval, attempts = 60,"
        " next_attempt_at = now()",
        timedelta(**ago),
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(500), "The receiver answered 500 Internal Server Error."),
        (
            status(301),
            "The receiver answered 301 Moved Permanently, and redirects are not followed: use the final URL.",
        ),
        (b"garbage\r\n\r\n", "The receiver closed the connection, or its answer is not HTTP."),
        (HANG, "The receiver did not answer within 0.5 seconds."),
        (DRIPPING, "The receiver did not answer within 0.5 seconds."),
    ],
)
async def test_what_goes_wrong_is_shown_until_it_goes_well(
    world: World, answer: bytes | list[bytes], words: str
) -> None:
    async with receiving(usual=answer) as receiver:
        await create(world, receiver.url)
        first = await head(world)
        async with delivering(world, audit_stream_timeout_seconds=0.5):
            failed = await until_shown(world, lastError=words)
            receiver.usual = status(200)
            receiver.answers.clear()
            well = await until_shown(world, lastError=None)

    assert (failed["status"], failed["lastDeliveredSequence"]) == ("ACTIVE", first - 1)
    assert failed["undeliveredEvents"] == 1
    assert failed["failingSince"] <= failed["nextAttemptAt"]
    assert failed["lastDeliveredAt"] is None
    assert (well["failingSince"], well["nextAttemptAt"], well["lastDeliveredSequence"]) == (None, None, first)
    assert receiver.sequences == [first]


async def test_each_try_is_later_than_the_one_before(world: World) -> None:
    async with receiving(usual=status(500)) as receiver:
        await create(world, receiver.url)
        async with delivering(world, LASTING):
            found = await until_shown(world, lastError="The receiver answered 500 Internal Server Error.")
            await asyncio.sleep(0.3)

    assert len(receiver.requests) == 1
    assert 59 < seconds_between(found["failingSince"], found["nextAttemptAt"]) < 80


def test_how_long_it_waits() -> None:
    backoff = StreamPace().backoff
    waits = [[backoff.seconds(attempts) for _ in range(50)] for attempts in (1, 2, 5, 10, 11, 100, 5_000)]

    assert all(5 <= wait <= 3_600 for each in waits for wait in each)
    assert max(waits[0]) <= 6.25
    assert 60 <= min(waits[2]) <= max(waits[2]) <= 100
    assert min(waits[-1]) >= 2_700
    assert len(set(waits[2])) > 10, "not all at the same moment"


async def test_the_receiver_s_wish_is_respected(world: World) -> None:
    async with receiving(usual=status(429, "retry-after: 1200")) as receiver:
        await create(world, receiver.url)
        async with delivering(world):
            found = await until_shown(world, lastError="The receiver answered 429 Too Many Requests.")

    assert 1_199 < seconds_between(found["failingSince"], found["nextAttemptAt"]) < 1_201
    assert len(receiver.requests) == 1


async def test_nobody_is_left_alone_beyond_the_last_try(world: World) -> None:
    async with receiving(usual=status(503, "retry-after: 3600")) as receiver:
        await create(world, receiver.url)
        async with delivering(world, LASTING, audit_stream_retry_hours=0.25):
            found = await until_shown(world, lastError="The receiver answered 503 Service Unavailable.")

    assert 899 < seconds_between(found["failingSince"], found["nextAttemptAt"]) < 901


async def test_after_three_days_it_is_paused_and_the_admins_are_told(world: World) -> None:
    second = await world.join("ADMIN", "second@example.com")
    gone = await world.join("ADMIN", "gone@example.com")
    await world.admin.change(REMOVE, memberId=gone.member_id)
    await forget_emails(world)
    async with receiving(status(500), usual=status(500)) as receiver:
        id, _ = await create(world, receiver.url)
        first = await head(world)
        async with delivering(world):
            await failing_for(world, hours=71, minutes=59)
            await receiver.until(requests=3)
            assert (await shown(world))[0]["status"] == "ACTIVE"
            await failing_for(world, hours=72)
            found = await until_shown(world, status="PAUSED")
            tried = len(receiver.requests)
            await write_events(world, 2)
            await asyncio.sleep(0.4)
        assert len(receiver.requests) == tried

        (event,) = await world.events(actions=["AUDIT_STREAM_PAUSED"])
        emails = await world.emails()
        resumed = await world.admin.change(UPDATE, auditStreamId=id, paused=False)
        receiver.usual = status(200)
        async with delivering(world):
            await receiver.until(taken=5)

    assert (found["lastError"], found["nextAttemptAt"]) == (
        "The receiver answered 500 Internal Server Error.",
        None,
    )
    assert found["failingSince"]
    assert event["summary"] == "Team access paused the audit stream to localhost"
    assert (event["targetId"], event["actor"]["kind"]) == (id, "SYSTEM")
    assert event["details"]["status"] == ["ACTIVE", "PAUSED"]
    assert event["details"]["error"] == "The receiver answered 500 Internal Server Error."
    assert sorted(email.to for email in emails) == sorted(["admin@example.com", second.email])
    _assert_tells(emails[0], "The audit stream to localhost is paused", found["lastError"], str(first - 1))
    stream = resumed["auditStream"]
    assert (stream["status"], stream["failingSince"], stream["lastError"]) == ("ACTIVE", None, None)
    assert receiver.sequences == list(range(first, first + 5))


def _assert_tells(email: Message, subject: str, *said: str) -> None:
    """And not what the URL holds besides its host."""
    assert email.subject == subject
    for text in (email.text, email.html):
        assert all(words in text for words in ("Acme", *said))
        assert "hushed" not in text


async def test_a_receiver_that_is_gone_ends_it(world: World) -> None:
    await forget_emails(world)
    async with receiving(status(410)) as receiver:
        id, _ = await create(world, receiver.url)
        first = await head(world)
        async with delivering(world):
            found = await until_shown(world, status="ENDED")
            await write_events(world, 1)
            await asyncio.sleep(0.3)
        assert len(receiver.requests) == 1

        (event,) = await world.events(actions=["AUDIT_STREAM_PAUSED"])
        (email,) = await world.emails()
        refused = await world.admin.change(UPDATE, auditStreamId=id, paused=False)
        held = await world.admin.change(UPDATE, auditStreamId=id, paused=True)
        moved = await world.admin.change(
            UPDATE, auditStreamId=id, url=receiver.url.replace("audit", "other"), paused=False
        )
        async with delivering(world):
            await receiver.until(taken=4)

    assert found["lastError"] == "The receiver answered 410 Gone."
    assert event["summary"] == "Team access ended the audit stream to localhost"
    assert event["details"]["status"] == ["ACTIVE", "ENDED"]
    _assert_tells(
        email, "The audit stream to localhost has ended", "The receiver answered 410 Gone.", str(first - 1)
    )
    assert user_error(refused) == ("NOT_ACTIVE", ["paused"])
    assert held["auditStream"]["status"] == "ENDED"
    assert moved["auditStream"]["status"] == "ACTIVE"
    assert receiver.requests[-1].line.startswith("POST /other?")
    assert receiver.sequences == list(range(first, first + 4))


async def test_one_that_has_ended_waits_at_its_new_url_until_it_is_resumed(world: World) -> None:
    async with receiving(status(410)) as receiver:
        id, _ = await create(world, receiver.url)
        async with delivering(world):
            await until_shown(world, status="ENDED")
            moved = await world.admin.change(UPDATE, auditStreamId=id, url=f"{receiver.url}&other")
            await asyncio.sleep(0.3)
            assert len(receiver.requests) == 1
            (event, *_) = await world.events()
            await world.admin.change(UPDATE, auditStreamId=id, paused=False)
            await receiver.until(taken=4)

    assert (moved["auditStream"]["status"], moved["auditStream"]["lastError"]) == ("PAUSED", None)
    assert event["details"] == {"host": ["localhost", "localhost"], "status": ["ENDED", "PAUSED"]}


async def test_a_pause_and_what_fails_meanwhile_are_told_once(world: World) -> None:
    """An Admin is quicker than the worker that is about to pause it."""
    await forget_emails(world)
    async with receiving(usual=status(500)) as receiver:
        receiver.held = asyncio.Event()
        id, _ = await create(world, receiver.url)
        await failing_for(world, hours=100)
        async with delivering(world, audit_stream_timeout_seconds=30):
            await receiver.until(requests=1)
            await world.admin.change(UPDATE, auditStreamId=id, paused=True)
            receiver.held.set()
            await asyncio.sleep(0.6)

    assert await world.events(actions=["AUDIT_STREAM_PAUSED"]) == []
    assert await world.emails() == []


async def test_nobody_there(world: World) -> None:
    await create(world, f"http://localhost:{free_port()}/")
    async with delivering(world):
        await until_shown(world, lastError="No connection to the receiver could be made.")


@pytest.mark.parametrize("near", ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1"])
async def test_a_public_name_that_leads_near_is_refused_when_it_is_delivered_to(
    world: World, near: str
) -> None:
    """Whatever it led to when the audit stream was set up."""
    async with receiving() as receiver:
        await create(world, f"https://hooks.example.com:{receiver.port}/")
        async with delivering(world, resolve=Names([near]), audit_stream_private_addresses=False):
            found = await until_shown(
                world, lastError="The host name resolves to an address that is not public."
            )

    assert found["status"] == "ACTIVE"
    assert not receiver.requests


async def test_the_worker_delivers_and_its_emails_arrive(world: World) -> None:
    """All of it: an event to the receiver, and the news that it is gone to the Admin's mailbox."""
    await forget_emails(world)
    async with receiving(status(200), status(410)) as receiver, smtp_server() as smtp:
        await create(world, receiver.url)
        async with working(world, smtp.port, audit_stream_private_addresses=True):
            await receiver.until(taken=1)
            await write_events(world, 1)
            await smtp.wait_for(lambda: len(smtp.emails) == 1)

    assert smtp.emails[0]["Subject"] == "The audit stream to localhost has ended"
    assert smtp.emails[0]["To"] == "admin@example.com"


async def test_a_database_that_goes_away_holds_up_and_loses_nothing(world: World) -> None:
    async with receiving() as receiver, delivering(world):
        await create(world, receiver.url)
        first = await head(world)
        await receiver.until(taken=1)
        for number in range(3):
            await world.superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'team-access%'"
            )
            await _written(world, number)
        await receiver.until(taken=4)

    assert sorted(set(receiver.sequences)) == list(range(first, first + 4))


async def _written(world: World, number: int) -> None:
    """The app's own connections are gone too, and come back."""
    last, account = await head(world), {"accountId": world.account_id}
    async with asyncio.timeout(10):
        while await head(world) == last:
            answer = await world.admin.post(UPDATE_ACCOUNT, input={**account, "name": f"Again {number}"})
            if "errors" in answer:
                await asyncio.sleep(0.1)
