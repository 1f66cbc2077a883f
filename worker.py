"""The background worker: delivers emails and runs the periodic jobs."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

import asyncpg
import structlog
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job, Schedule
from pgqueuer.types import Channel
from pydantic import SecretStr

from engine.outages import logged_as_outage, outages_ended_by
from mailer import mailbox
from mailer.delivery import (
    Attach,
    Deferred,
    Outcome,
    Recorder,
    Rejected,
    Retries,
    Sent,
    Wanted,
    always,
    attempt,
    nothing_attached,
)
from mailer.messages import Attachment, Message
from mailer.queue import DELIVER_EMAIL, DELIVER_EMAIL_WITH_ATTACHMENT, queries
from models.database import Database
from models.invitations import DeliveryStatus
from models.readiness import ReadinessProbe
from resolvers import tidying
from resolvers.api_keys import jobs as api_key_jobs
from resolvers.api_keys import policies as key_policies
from resolvers.api_keys import unused as unused_keys
from resolvers.audit import jobs as integrity_jobs
from resolvers.audit.signing_keys import verifying_key
from resolvers.audit_streams import jobs as audit_stream_jobs
from resolvers.billing import invoice_documents, payments
from resolvers.billing import jobs as invoice_jobs
from resolvers.downloads import transfers
from resolvers.invitations import jobs as invitation_jobs
from resolvers.licenses import jobs as license_expiry
from resolvers.licenses import reminders as license_reminders
from resolvers.members import jobs as member_jobs
from resolvers.people import erasing
from resolvers.sessions import sign_ins
from settings import Settings
from telemetry.families import JOB_SECONDS
from telemetry.reports import ReportChannel, reporting
from web.logs import configure_logs

log = structlog.get_logger()

EVERY_30_SECONDS = "* * * * * */30"
EVERY_MINUTE = "* * * * *"
EVERY_HOUR = "0 * * * *"
CONCURRENT_EMAILS = 8
"""SMTP connections of one worker. Servers commonly allow 10 or 20 for each client."""
CONCURRENT_ATTACHMENTS = 2
"""Emails with attachments among them, of all workers together: as many as PDFs are created at once."""
RECONNECT_LIMIT_SECONDS = 10


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class WorkerPace:
    """Time limits of the job queue. Jobs of a killed worker are taken over within
    heartbeat_timeout_seconds + poll_seconds."""

    heartbeat_timeout_seconds: float = 6
    poll_seconds: float = 2
    grace_seconds: float = 5
    retries: Retries = field(default_factory=Retries)


@dataclass(frozen=True)
class Jobs:
    """The jobs of a worker: delivering emails, and the periodic jobs (name → cron expression, function)."""

    connect: Callable[[], Awaitable[asyncpg.Connection]]
    record: Recorder
    periodic: Mapping[str, tuple[str, Callable[[], Awaitable[object]]]]
    wanted: Wanted = always
    attach: Attach = nothing_attached


def main(
    settings: Settings,
    database_url: str,
    when_started: Callable[[], None] = _nothing,
    reports: ReportChannel | None = None,
) -> None:
    """Runs the worker until SIGINT or SIGTERM. `when_started` is called once the SMTP server is known."""
    configure_logs(settings)
    uvloop.run(_main(settings, database_url, when_started, reports))


async def _main(
    settings: Settings,
    database_url: str,
    when_started: Callable[[], None],
    reports: ReportChannel | None,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database(database_url, settings.database_pool_size)
    try:
        database.measure()
        async with reporting(reports, "worker"):
            await run(settings, database, stop, when_started=when_started)
    finally:
        await database.close()


async def run(
    settings: Settings,
    database: Database,
    stop: asyncio.Event,
    pace: WorkerPace | None = None,
    when_started: Callable[[], None] = _nothing,
) -> None:
    """Runs the worker until `stop` is set, then finishes the running jobs within 5 seconds."""
    jobs = _jobs(settings, database)
    with outages_ended_by(ReadinessProbe(database).is_available):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_working(settings, jobs, stop, pace, when_started))
            tasks.create_task(audit_stream_jobs.keep_delivering(settings, database, stop))


def _jobs(settings: Settings, database: Database) -> Jobs:
    async def record(message: Message, outcome: Outcome) -> None:
        if message.correlation is not None:
            await invitation_jobs.record_delivery(database, message.correlation, *_status(outcome))

    async def wanted(message: Message) -> bool:
        return message.correlation is None or await invitation_jobs.is_current(database, message.correlation)

    async def attach(message: Message) -> Sequence[Attachment]:
        if message.attachment is None:
            return ()
        return [await invoice_documents.attached_invoice(database, message.attachment)]

    return Jobs(
        connect=database.connect,
        record=record,
        periodic={
            "expire_invitations": (EVERY_30_SECONDS, lambda: invitation_jobs.expire_due(database)),
            "audit_lost_transfers": (EVERY_30_SECONDS, lambda: transfers.audit_lost(database)),
            "expire_licenses": (EVERY_30_SECONDS, lambda: license_expiry.expire_due(database)),
            "remind_of_license_expiry": (EVERY_MINUTE, lambda: license_reminders.remind(settings, database)),
            "expire_api_keys": (EVERY_30_SECONDS, lambda: api_key_jobs.expire_due(database)),
            "end_memberships": (EVERY_30_SECONDS, lambda: member_jobs.end_due(settings, database)),
            "remind_of_access_ends": (EVERY_MINUTE, lambda: member_jobs.remind(settings, database)),
            "shorten_api_keys": (EVERY_MINUTE, lambda: key_policies.shorten_others(settings, database)),
            "tell_of_unused_api_keys": (EVERY_HOUR, lambda: unused_keys.tell_of_unused(settings, database)),
            "revoke_unused_api_keys": (EVERY_HOUR, lambda: unused_keys.revoke_unused(settings, database)),
            "tell_of_api_key_expiry": (EVERY_MINUTE, lambda: api_key_jobs.tell_of_expiry(settings, database)),
            "verify_long_logs": (
                EVERY_MINUTE,
                lambda: integrity_jobs.verify_long_logs(database, verifying_key(settings)),
            ),
            "record_sign_ins": (EVERY_30_SECONDS, lambda: sign_ins.record_waiting(database)),
            "finish_erasures": (EVERY_MINUTE, lambda: erasing.finish_erasures(database)),
            "forget_expired": (EVERY_HOUR, lambda: tidying.forget_expired(database)),
            **_payment_jobs(database),
        },
        wanted=wanted,
        attach=attach,
    )


def _payment_jobs(database: Database) -> dict[str, tuple[str, Callable[[], Awaitable[object]]]]:
    provider = payments.PROVIDER
    if not isinstance(provider, payments.CollectingProvider):
        return {}
    return {"collect_payments": (EVERY_MINUTE, lambda: invoice_jobs.collect_payments(database, provider))}


def _status(outcome: Outcome) -> tuple[DeliveryStatus, str | None]:
    match outcome:
        case Sent():
            return DeliveryStatus.SENT, None
        case Deferred(reason):
            return DeliveryStatus.QUEUED, reason
        case Rejected(reason):
            return DeliveryStatus.FAILED, reason


async def keep_working(
    settings: Settings,
    jobs: Jobs,
    stop: asyncio.Event,
    pace: WorkerPace | None = None,
    when_started: Callable[[], None] = _nothing,
) -> None:
    """Runs jobs, and reconnects where the connection to the database is lost. Several workers share the
    queue."""
    delay_seconds = 0.5
    async with _smtp_server(settings) as settings:
        when_started()
        while not stop.is_set():
            started_at = asyncio.get_running_loop().time()
            try:
                await _work(settings, jobs, stop, pace or WorkerPace())
            except Exception as error:
                if asyncio.get_running_loop().time() - started_at > 60:
                    delay_seconds = 0.5
                delay_seconds = min(delay_seconds * 2, RECONNECT_LIMIT_SECONDS)
                _log_interruption(error, delay_seconds)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), delay_seconds)


def _log_interruption(error: Exception, restart_in_seconds: float) -> None:
    if not logged_as_outage(error):
        # The message of a ValueError can contain an email with its link.
        message = type(error).__name__ if isinstance(error, ValueError) else repr(error)
        log.error("worker_interrupted", error=message, restart_in_seconds=restart_in_seconds)


@asynccontextmanager
async def _smtp_server(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with SMTP_URL set: to the development mailbox where there is none."""
    if settings.smtp_url is not None:
        yield settings
        return
    async with mailbox.serve(settings.data_dir / "mailbox") as port:
        yield settings.model_copy(update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}")})


async def _work(settings: Settings, jobs: Jobs, stop: asyncio.Event, pace: WorkerPace) -> None:
    connection = await jobs.connect()
    running: set[asyncio.Task[object]] = set()
    worker = _pgqueuer(connection, settings, jobs, running, pace.retries)
    working = asyncio.create_task(
        worker.run(
            dequeue_timeout=timedelta(seconds=pace.poll_seconds),
            heartbeat_timeout=timedelta(seconds=pace.heartbeat_timeout_seconds),
            batch_size=CONCURRENT_EMAILS // 2,
            max_concurrent_tasks=CONCURRENT_EMAILS,
            shutdown_on_listener_failure=True,
            log_aggregation_interval=timedelta(0),
        )
    )
    ending = asyncio.create_task(_end(stop, worker, running, connection, pace.grace_seconds))
    try:
        # Shielded: when cancelled, pgqueuer waits for running jobs, which may take minutes.
        await asyncio.shield(working)
    finally:
        ending.cancel()
        worker.shutdown.set()
        _cancel(running)
        await asyncio.wait([working], timeout=pace.grace_seconds)
        connection.terminate()


async def _end(
    stop: asyncio.Event,
    worker: PgQueuer,
    running: set[asyncio.Task[object]],
    connection: asyncpg.Connection,
    grace_seconds: float,
) -> None:
    await stop.wait()
    worker.shutdown.set()
    await asyncio.sleep(grace_seconds)
    _cancel(running)
    # A database that does not respond must not delay the shutdown.
    await asyncio.sleep(grace_seconds)
    connection.terminate()


def _cancel(running: set[asyncio.Task[object]]) -> None:
    """Cancels the running jobs. Emails return to the queue; see deliver_email()."""
    for task in running:
        task.cancel()


def _pgqueuer(
    connection: asyncpg.Connection,
    settings: Settings,
    jobs: Jobs,
    running: set[asyncio.Task[object]],
    retries: Retries,
) -> PgQueuer:
    store = queries(connection)
    worker = PgQueuer(store.driver, Channel(store.qbe.settings.channel), queries=store)

    # Held, not deleted: a job fails only when it could not be requeued, and tidy() retries that.
    @worker.entrypoint(DELIVER_EMAIL, on_failure="hold")
    @worker.entrypoint(
        DELIVER_EMAIL_WITH_ATTACHMENT, on_failure="hold", concurrency_limit=CONCURRENT_ATTACHMENTS
    )
    async def deliver_email(job: Job) -> None:
        with _tracked(running):
            try:
                await attempt(settings, job, jobs.record, retries, jobs.wanted, jobs.attach)
            except asyncio.CancelledError:
                # pgqueuer would delete a cancelled job, and the email with it.
                raise RetryRequested from None

    async def tidy() -> None:
        held = await store.list_failed_jobs(1_000)
        await store.requeue_jobs([job.id for job in held])
        await store.driver.execute("DELETE FROM pgqueuer_log WHERE created < now() - interval '1 day'")

    for name, (expression, function) in {**jobs.periodic, "tidy_jobs": (EVERY_MINUTE, tidy)}.items():
        _schedule(worker, running, name, expression, function)
    return worker


def _schedule(
    worker: PgQueuer,
    running: set[asyncio.Task[object]],
    name: str,
    expression: str,
    function: Callable[[], Awaitable[object]],
) -> None:
    """Schedules a periodic job: one run at a time across all workers, and again 30 seconds after a worker was
    killed during it."""

    succeeded, failed = JOB_SECONDS.labels(name, "succeeded"), JOB_SECONDS.labels(name, "failed")

    @worker.schedule(name, expression)
    async def periodic(schedule: Schedule) -> None:
        series, start = failed, monotonic()
        try:
            with _tracked(running):
                async with asyncio.timeout(60):
                    await function()
            series = succeeded
        finally:
            series.observe(monotonic() - start)


@contextmanager
def _tracked(running: set[asyncio.Task[object]]) -> Iterator[None]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    running.add(task)
    try:
        yield
    finally:
        running.discard(task)
