"""Delivery of audit streams by any number of workers; each stream is delivered by one worker at a time.

The worker that delivers a stream holds its lease, which is stored in the stream's row, and no transaction
while it waits for the receiver. After a worker was killed, its lease expires and the current batch is sent
again. The cursor advances after the receiver has accepted the batch, so each event is delivered at least once
and in order.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import structlog
from asyncpg import Record
from sqlalchemy import ColumnElement, Update, case, func, null, update
from sqlmodel import col

from engine.outages import log_failure, logged_as_outage
from engine.snapshots import attributes, snapshot
from engine.statements import Statement, parameter
from mailer.backoff import Backoff
from models.audit_streams import AuditStream, AuditStreamStatus
from models.columns import new_id
from models.database import Database
from models.notifications import Listener
from resolvers.audit_streams.batches import Batch, next_batch
from resolvers.audit_streams.delivery_requests import DeliveryRequest, Failed, Gone, Taken, post
from resolvers.audit_streams.failures import are_retries_exhausted, stop
from resolvers.audit_streams.public_addresses import CheckedBackend, Resolve, resolve
from resolvers.unaudited import claim_deliveries, note_delivery
from settings import Settings
from telemetry.families import DELIVERIES

CONCURRENT_STREAMS = 128
"""Maximum of one worker. Each has a batch in memory while it waits for its receiver."""
CONCURRENT_FAILING_STREAMS = 32
"""Additional streams whose receivers fail, so that they do not delay the others."""
BATCHES_PER_LEASE = 20
DELIVERY_SECONDS = 20
"""Maximum time for one stream while others wait."""
_BACKOFF = Backoff(first_seconds=5, most_seconds=3_600)
log = structlog.get_logger()


@dataclass(frozen=True)
class StreamPace:
    """Intervals of the delivery. The streams of a killed worker are continued after the timeout of a request
    plus `lease_margin_seconds`."""

    poll_seconds: float = 2
    gather_seconds: float = 0.1
    lease_margin_seconds: float = 10
    grace_seconds: float = 5
    backoff: Backoff = _BACKOFF


async def keep_delivering(
    settings: Settings,
    database: Database,
    stopping: asyncio.Event,
    pace: StreamPace | None = None,
    resolve: Resolve = resolve,
) -> None:
    """Runs until `stopping` is set; then deliveries in progress have a few seconds to finish."""
    backend = CheckedBackend(resolve, private_addresses=settings.audit_stream_private_addresses)
    await Delivery(settings, database, backend, pace or StreamPace()).run(stopping)


class Delivery:
    """Delivery by one worker."""

    def __init__(
        self, settings: Settings, database: Database, backend: CheckedBackend, pace: StreamPace
    ) -> None:
        self._settings, self._database, self._backend, self._pace = settings, database, backend, pace
        self._lease_seconds = settings.audit_stream_timeout_seconds + pace.lease_margin_seconds
        self._deliveries: dict[asyncio.Task[None], AuditStream] = {}
        self._woken = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        listener = Listener(self._database)
        listener.start()
        try:
            async with listener.woken_by_any_log() as self._woken:
                waker = asyncio.create_task(_set_after(stopping.wait(), self._woken))
                while not stopping.is_set():
                    self._woken.clear()
                    await self._begin_deliveries()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), self._pace.poll_seconds)
                        # Events that arrive within a moment are sent in one batch.
                        await asyncio.sleep(self._pace.gather_seconds)
                await waker
        finally:
            await self._end_deliveries()
            await listener.close()

    async def _begin_deliveries(self) -> None:
        failing = sum(stream.attempts > 0 for stream in self._deliveries.values())
        try:
            claimed = [
                *await self._claim(CONCURRENT_STREAMS - len(self._deliveries) + failing, failing=False),
                *await self._claim(CONCURRENT_FAILING_STREAMS - failing, failing=True),
            ]
        except Exception as error:
            # Streams claimed before that are due again once their lease has expired.
            log_failure("audit_streams_not_claimed", error)
            return
        for stream in claimed:
            delivery = asyncio.create_task(self._deliver_batches(stream))
            self._deliveries[delivery] = stream
            delivery.add_done_callback(self._deliveries.pop)

    async def _claim(self, most: int, *, failing: bool) -> list[AuditStream]:
        if most <= 0:
            return []
        records = await claim_deliveries(self._database, new_id(), self._lease_seconds, failing, most)
        return [snapshot(AuditStream, record) for record in records]

    async def _end_deliveries(self) -> None:
        deliveries = list(self._deliveries)
        if deliveries:
            _, late = await asyncio.wait(deliveries, timeout=self._pace.grace_seconds)
            for delivery in late:
                delivery.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _deliver_batches(self, stream: AuditStream) -> None:
        """Delivers some batches of one stream, one after the other."""
        over_at = monotonic() + DELIVERY_SECONDS
        try:
            for _ in range(BATCHES_PER_LEASE):
                batch = await next_batch(self._database, stream) if monotonic() < over_at else None
                if batch is None or not await self._deliver(stream, batch):
                    break
                stream = _after(stream, batch)
        except asyncio.CancelledError:
            # The next worker need not wait until the lease expires.
            await asyncio.wait_for(self._note(_RELEASE, stream), self._pace.grace_seconds)
            raise
        except Exception as error:
            # Any error: delivery is retried once the lease has expired.
            if not logged_as_outage(error, stream_id=str(stream.id)):
                log.error("audit_stream_interrupted", stream_id=str(stream.id), error=type(error).__name__)
        else:
            await self._note(_RELEASE, stream)
            self._woken.set()

    async def _deliver(self, stream: AuditStream, batch: Batch) -> bool:
        """Returns whether the batch was accepted and this worker still holds the lease."""
        if not batch.body:
            return bool(await self._note(_PASS, stream, last=batch.last))
        # Stored before the batch is sent, so that a retry sends the same events, even if the log has grown.
        begun = await self._note(_BEGIN, stream, last=batch.last, seconds=self._lease_seconds)
        if not begun:
            return False
        secret, previous = begun[0]
        request = DeliveryRequest(stream.url, batch.id, batch.body, [secret, *(previous or ())])
        outcome = await post(request, self._backend, self._settings.audit_stream_timeout_seconds)
        DELIVERIES.labels(type(outcome).__name__.lower()).value += 1
        if isinstance(outcome, Taken):
            values = {"last": batch.last, "seconds": self._lease_seconds}
            return bool(await self._note(_TAKEN, stream, **values))
        if isinstance(outcome, Gone):
            await stop(self._settings, self._database, stream, AuditStreamStatus.ENDED, outcome.words)
        else:
            await self._fail(stream, outcome)
        return False

    async def _fail(self, stream: AuditStream, failed: Failed) -> None:
        log.info("audit_stream_failed", stream_id=str(stream.id), error=failed.words)
        if are_retries_exhausted(self._settings, stream):
            await stop(self._settings, self._database, stream, AuditStreamStatus.PAUSED, failed.words)
            return
        delay = self._pace.backoff.seconds(stream.attempts + 1)
        await self._note(
            _FAIL,
            stream,
            words=failed.words,
            first=self._pace.backoff.first_seconds,
            delay=max(delay, failed.retry_after_seconds),
            retry=self._settings.audit_stream_retry_hours * 3_600,
        )

    async def _note(self, statement: Statement, stream: AuditStream, **values: object) -> list[Record]:
        """Returns the secrets that sign now. Empty if the lease has ended: another worker has it, or an Admin
        changed the audit stream."""
        return await note_delivery(
            self._database, statement, stream.account_id, id=stream.id, lease=stream.lease_id, **values
        )


async def _set_after(waiting: Awaitable[object], event: asyncio.Event) -> None:
    await waiting
    event.set()


def _after(stream: AuditStream, batch: Batch) -> AuditStream:
    """The stream as it is after the batch was recorded."""
    values = {name: getattr(stream, name) for name in attributes(AuditStream)}
    values |= {"last_delivered_sequence": batch.last, "batch_sequence": None}
    if batch.body:
        values |= {"attempts": 0, "failing_since": None}
    return snapshot(AuditStream, list(values.values()))


def _from_now(seconds: str) -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, parameter(seconds))


def _is_active() -> tuple[ColumnElement[bool], ...]:
    """Conditions in the form of the partial index of active streams."""
    return col(AuditStream.status) == AuditStreamStatus.ACTIVE, col(AuditStream.deleted_at).is_(None)


def _leased(*where: ColumnElement[bool]) -> Update:
    """The row, if the lease is unchanged."""
    return (
        update(AuditStream)
        .where(
            col(AuditStream.account_id) == parameter("account_id"),
            col(AuditStream.id) == parameter("id"),
            col(AuditStream.lease_id) == parameter("lease"),
            *where,
        )
        .returning(col(AuditStream.secret), _previous_secrets())
    )


def _previous_secrets() -> ColumnElement[list[bytes]]:
    still_sign = col(AuditStream.previous_secrets_expire_at) > func.now()
    return case((still_sign, col(AuditStream.previous_secrets)), else_=null())


def _fail() -> Update:
    """Records a failure. The last retry is due when the time for retries ends."""
    failing_since = func.coalesce(col(AuditStream.failing_since), func.now())
    last_try = failing_since + func.make_interval(0, 0, 0, 0, 0, 0, parameter("retry"))
    soonest, next_try = _from_now("first"), _from_now("delay")
    return _leased().values(
        attempts=col(AuditStream.attempts) + 1,
        failing_since=failing_since,
        last_error=parameter("words"),
        next_attempt_at=func.greatest(soonest, func.least(next_try, last_try)),
        lease_id=None,
        leased_until=None,
    )


_BEGIN = Statement(
    lambda: _leased(*_is_active()).values(
        batch_sequence=parameter("last"),
        last_attempt_at=func.now(),
        leased_until=_from_now("seconds"),
    )
)
_PASS = Statement(lambda: _leased().values(last_delivered_sequence=parameter("last"), batch_sequence=None))
_TAKEN = Statement(
    lambda: _leased().values(
        last_delivered_sequence=parameter("last"),
        last_delivered_at=func.now(),
        leased_until=_from_now("seconds"),
        batch_sequence=None,
        attempts=0,
        failing_since=None,
        next_attempt_at=None,
        last_error=None,
    )
)
_FAIL = Statement(_fail)
_RELEASE = Statement(lambda: _leased().values(lease_id=None, leased_until=None))
