import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
import trustme

import worker
from mailer import delivery, queue
from mailer.backoff import Backoff
from mailer.delivery import Deferred, Outcome, Rejected, Retries, Sent, deliver
from mailer.mailbox import list_mails
from mailer.messages import Attachment, Message
from mailer.queue import DELIVER_EMAIL, Lane
from settings import Settings
from tests.support.forked_commands import running_code
from tests.support.smtp import HANG, HANG_UP, LINK, TOKEN, a_message, raw_server, smtp_server, some_settings
from worker import Jobs, WorkerPace, keep_working

QUICK = WorkerPace(
    heartbeat_timeout_seconds=1,
    poll_seconds=0.2,
    grace_seconds=0.3,
    retries=Retries(unreachable=Backoff(0.05, 0.1), answered=Backoff(0.05, 0.1)),
)
PATIENT = replace(QUICK, heartbeat_timeout_seconds=15)
"""A worker that a busy machine holds up for a second is not taken for dead."""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def enqueue(connection: asyncpg.Connection, messages: Sequence[Message]) -> None:
    await queue.enqueue(connection, messages, Lane("tests"))


class Work:
    """Workers that run for a test, and what they recorded."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self.outcomes: list[tuple[str, Outcome]] = []
        self.ticks: list[datetime] = []
        self.stop = asyncio.Event()

    @asynccontextmanager
    async def on(
        self, settings: Settings, pace: WorkerPace = QUICK, **options: Any
    ) -> AsyncIterator["asyncio.Task[None]"]:
        async def record(message: Message, outcome: Outcome) -> None:
            self.outcomes.append((message.message_id, outcome))

        async def connect() -> asyncpg.Connection:
            return await asyncpg.connect(self.url)

        async def tick() -> None:
            self.ticks.append(datetime.now())

        jobs = Jobs(connect, record, {"tick": ("* * * * * *", tick)}, **options)
        task = asyncio.create_task(keep_working(settings, jobs, self.stop, pace))
        try:
            yield task
        finally:
            self.stop.set()
            async with asyncio.timeout(10):
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def work(database_url: str) -> Work:
    return Work(database_url)


async def until(condition: Callable[[], bool], timeout_seconds: float = 60) -> None:
    async with asyncio.timeout(timeout_seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def jobs_left(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval("SELECT count(*) FROM pgqueuer")
    return count


async def until_no_jobs_are_left(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(30):
        while await jobs_left(connection):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


# One attempt


async def test_an_email_arrives_as_text_and_html() -> None:
    message = a_message("Grüße@example.com")
    async with smtp_server() as server:
        outcome = await deliver(some_settings(server.port, mail_from="Acme <us@example.com>"), message)

    assert outcome == Sent()
    [email] = server.emails
    assert (email["To"], email["From"], email["Message-ID"]) == (
        message.to,
        "Acme <us@example.com>",
        message.message_id,
    )
    assert [LINK in part.get_content() for part in email.iter_parts()] == [True, True]


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_5xx_is_for_good(command: str) -> None:
    async with smtp_server({command: ["550 5.1.1 No such\tmailbox"]}) as server:
        outcome = await deliver(some_settings(server.port), a_message())

    assert outcome == Rejected("550 5.1.1 No such mailbox")


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_4xx_is_for_now(command: str) -> None:
    async with smtp_server({command: ["451 4.7.1 Greylisted"]}) as server:
        outcome = await deliver(some_settings(server.port), a_message())

    assert outcome == Deferred("451 4.7.1 Greylisted", answered=True)


@pytest.mark.parametrize("answer", [HANG, HANG_UP])
async def test_no_answer_to_the_data_is_for_now(answer: str) -> None:
    async with smtp_server({"DATA": [answer]}) as server:
        outcome = await deliver(some_settings(server.port, mail_timeout_seconds=0.3), a_message())

    assert isinstance(outcome, Deferred)
    assert not outcome.answered
    assert outcome.words


@pytest.mark.parametrize("answer", [HANG, HANG_UP, "421 Too late"])
async def test_what_comes_after_the_email_was_taken_does_not_matter(answer: str) -> None:
    async with smtp_server({"QUIT": [answer]}) as server:
        outcome = await deliver(some_settings(server.port, mail_timeout_seconds=0.3), a_message())

    assert outcome == Sent()


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 70_000, b"554 Busy\r\n"]
)
async def test_what_greets_otherwise_than_an_smtp_server_is_for_now(greeting: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await asyncio.sleep(0.5)

    async with raw_server(greet) as port:
        outcome = await deliver(some_settings(port, mail_timeout_seconds=0.3), a_message())

    assert isinstance(outcome, Deferred)
    assert not outcome.answered


@pytest.mark.parametrize("smtp_url", ["smtp://127.0.0.1:1", "smtp://nowhere.invalid", "smtps://127.0.0.1:1"])
async def test_a_server_that_is_not_there_is_for_now(smtp_url: str) -> None:
    outcome = await deliver(some_settings(smtp_url), a_message())

    assert isinstance(outcome, Deferred)
    assert not outcome.answered


async def test_an_address_that_the_server_cannot_take_is_for_good() -> None:
    async with smtp_server(utf8=False) as server:
        outcome = await deliver(some_settings(server.port), a_message("grüße@example.com"))

    assert isinstance(outcome, Rejected)
    assert not server.attempts


@pytest.mark.parametrize("to", ["", "no address", "ada@example.com\r\nBcc: eve@example.com", "a@b@c"])
async def test_an_address_that_is_none_is_for_good(to: str) -> None:
    async with smtp_server() as server:
        outcome = await deliver(some_settings(server.port), a_message(to))

    assert isinstance(outcome, Rejected)
    assert not server.attempts


@pytest.mark.parametrize(
    "subject", ["Hello\r\nBcc: eve@example.com", "Hello\nBcc: eve@example.com", "a\u2028b"]
)
async def test_a_subject_of_several_lines_is_for_good(subject: str) -> None:
    async with smtp_server() as server:
        outcome = await deliver(some_settings(server.port), replace(a_message(), subject=subject))

    assert isinstance(outcome, Rejected)
    assert not server.attempts


async def test_the_words_are_cut_and_without_tokens() -> None:
    async with smtp_server({"DATA": [f"554 We block {LINK} " + "x " * 180]}) as server:
        outcome = await deliver(some_settings(server.port), a_message())

    assert isinstance(outcome, Rejected)
    assert TOKEN not in outcome.words
    assert len(delivery._words(OSError("x " * 1000))) <= 500


async def test_wrong_credentials_are_our_mistake_and_not_the_recipients() -> None:
    async with smtp_server(password="right") as server:
        with structlog.testing.capture_logs() as logs:
            outcome = await deliver(some_settings(f"smtp://me:wrong@127.0.0.1:{server.port}"), a_message())
            missing = await deliver(some_settings(server.port), a_message())

    assert isinstance(outcome, Deferred)
    assert outcome.answered
    assert isinstance(missing, Deferred)
    assert [entry["log_level"] for entry in logs] == ["error", "error"]
    assert not server.emails


# TLS


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """A server's context, under an authority that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return server_context(authority)


@pytest.fixture(autouse=True)
def _fresh_tls_context() -> None:
    delivery._tls_context.cache_clear()


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_starttls_with_percent_encoded_credentials(trusted: ssl.SSLContext) -> None:
    async with smtp_server(starttls=trusted, password="p@ss/w:rd") as server:
        url = f"smtp+starttls://me%40example.com:p%40ss%2Fw%3Ard@localhost:{server.port}"
        outcome = await deliver(some_settings(url), a_message())

    assert outcome == Sent()
    assert server.logins == [(b"me@example.com", b"p@ss/w:rd")]


async def test_tls_from_the_start(trusted: ssl.SSLContext) -> None:
    async with smtp_server(tls=trusted) as server:
        outcome = await deliver(some_settings(f"smtps://localhost:{server.port}"), a_message())

    assert outcome == Sent()


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_certificate_nobody_vouches_for_is_refused(scheme: str) -> None:
    context = server_context(trustme.CA())
    tls = {"tls": context} if scheme == "smtps" else {"starttls": context}
    async with smtp_server(password="p", **tls) as server:  # type: ignore[arg-type]
        outcome = await deliver(some_settings(f"{scheme}://me:p@localhost:{server.port}"), a_message())

    assert isinstance(outcome, Deferred)
    assert "certificate" in outcome.words
    assert not server.emails
    assert not server.logins


async def test_a_certificate_of_another_host_is_refused(trusted: ssl.SSLContext) -> None:
    async with smtp_server(tls=trusted) as server:
        outcome = await deliver(some_settings(f"smtps://127.0.0.1:{server.port}"), a_message())

    assert isinstance(outcome, Deferred)
    assert not server.emails


async def test_no_credentials_without_the_promised_tls() -> None:
    async with smtp_server(password="p") as server:
        outcome = await deliver(some_settings(f"smtp+starttls://me:p@127.0.0.1:{server.port}"), a_message())

    assert isinstance(outcome, Deferred)
    assert not server.logins


# The queue


async def test_mail_is_sent_after_the_commit_or_not_at_all(
    connection: asyncpg.Connection, work: Work
) -> None:
    taken_back, meant = a_message(), a_message()
    async with smtp_server() as server, work.on(some_settings(server.port)):
        transaction = connection.transaction()
        await transaction.start()
        await enqueue(connection, [taken_back])
        await transaction.rollback()
        async with connection.transaction():
            await enqueue(connection, [meant])
            await asyncio.sleep(0.5)
            assert not server.attempts

        await until(lambda: bool(work.outcomes))
        await until_no_jobs_are_left(connection)

    assert work.outcomes == [(meant.message_id, Sent())]
    assert [email["Message-ID"] for email in server.emails] == [meant.message_id]


async def test_a_link_is_kept_nowhere(
    connection: asyncpg.Connection, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = {"DATA": ["451 Later", f"554 I dislike {LINK}"]}
    with structlog.testing.capture_logs() as logs:
        async with smtp_server(answers) as server, work.on(some_settings(server.port)):
            await enqueue(connection, [a_message()])
            await until(lambda: any(isinstance(outcome, Rejected) for _, outcome in work.outcomes))
            await until_no_jobs_are_left(connection)

    kept = await connection.fetchval("SELECT string_agg(log::text, '') FROM pgqueuer_log log")
    assert DELIVER_EMAIL in kept
    for text in (
        kept,
        repr(logs),
        repr(work.outcomes),
        "".join(r.getMessage() for r in caplog.records if r.name != "mail.log"),
    ):
        assert TOKEN not in text


async def test_many_are_one_notification_and_few_connections(
    connection: asyncpg.Connection, work: Work, database_url: str
) -> None:
    heard: list[object] = []
    listener = await asyncpg.connect(database_url)
    await listener.add_listener("ch_pgqueuer", lambda *arguments: heard.append(arguments[-1]))
    await enqueue(connection, [])
    await enqueue(connection, [a_message(f"person{number}@example.com") for number in range(200)])
    await listener.fetchval("SELECT 1")
    assert len(heard) == 1
    await listener.close()

    async with (
        smtp_server() as server,
        work.on(some_settings(server.port, mail_timeout_seconds=15), PATIENT),
    ):
        await until(lambda: len(work.outcomes) >= 200)

    assert len({email["To"] for email in server.emails}) == len(server.emails) == 200
    assert server.at_once <= worker.CONCURRENT_EMAILS


async def test_several_workers_share_the_work(connection: asyncpg.Connection, work: Work) -> None:
    async with smtp_server() as server:
        settings = some_settings(server.port, mail_timeout_seconds=15)
        async with work.on(settings, PATIENT), work.on(settings, PATIENT), work.on(settings, PATIENT):
            started_at = datetime.now()
            await enqueue(connection, [a_message() for _ in range(60)])
            await until(lambda: len(work.outcomes) >= 60)
            await until(lambda: len(work.ticks) >= 2)
            seconds = (datetime.now() - started_at).total_seconds()

    assert len({email["Message-ID"] for email in server.emails}) == len(server.emails) == 60
    assert len(work.ticks) <= seconds + 2


async def test_without_an_smtp_url_the_worker_delivers_into_the_mailbox(
    tmp_path: Path, connection: asyncpg.Connection, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    message = a_message()
    async with work.on(some_settings(None, data_dir=tmp_path)):
        await enqueue(connection, [message])
        await until(lambda: bool(work.outcomes))

    [mail] = list_mails(tmp_path / "mailbox")
    assert mail.to == message.to
    assert TOKEN not in caplog.text


async def test_an_email_is_sent_where_nobody_can_say_whether_it_is_wanted(
    connection: asyncpg.Connection, work: Work
) -> None:
    async def wanted(_message: Message) -> bool:
        raise ConnectionError("the database has gone")

    message = a_message()
    async with smtp_server() as server, work.on(some_settings(server.port), wanted=wanted):
        await enqueue(connection, [message])
        await until_no_jobs_are_left(connection)

    assert [email["Message-ID"] for email in server.emails] == [message.message_id]


# Trying again


async def test_an_email_whose_attachment_cannot_be_made_is_tried_again(
    connection: asyncpg.Connection, work: Work
) -> None:
    attempts = 0

    async def attach(_message: Message) -> Sequence[Attachment]:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise RuntimeError(f"no typesetter for {TOKEN}")
        return [Attachment("invoice.pdf", "application/pdf", b"%PDF")]

    message = a_message()
    async with smtp_server() as server, work.on(some_settings(server.port), attach=attach):
        await enqueue(connection, [message])
        await until(lambda: work.outcomes[-1:] == [(message.message_id, Sent())])

    broken = Deferred("The email could not be sent because of an internal error.", answered=True)
    assert [outcome for _, outcome in work.outcomes] == [broken, broken, Sent()]
    (email,) = server.emails
    assert [part.get_filename() for part in email.iter_attachments()] == ["invoice.pdf"]


async def test_a_deferred_email_is_tried_again_under_the_same_message_id(
    connection: asyncpg.Connection, work: Work
) -> None:
    message = a_message()
    answers = {"RCPT": ["451 Later"], "DATA": [HANG_UP, "452 Full"]}
    async with smtp_server(answers) as server, work.on(some_settings(server.port)):
        await enqueue(connection, [message])
        await until(lambda: work.outcomes[-1:] == [(message.message_id, Sent())])
        await until_no_jobs_are_left(connection)

    assert [type(outcome) for _, outcome in work.outcomes] == [Deferred, Deferred, Deferred, Sent]
    assert {email["Message-ID"] for email in server.attempts} == {message.message_id}
    assert len(server.emails) == 1


async def test_a_rejected_email_is_not_tried_again(connection: asyncpg.Connection, work: Work) -> None:
    message = a_message()
    async with smtp_server({"RCPT": ["550 No such user"]}) as server, work.on(some_settings(server.port)):
        await enqueue(connection, [message])
        await until_no_jobs_are_left(connection)

    assert work.outcomes == [(message.message_id, Rejected("550 No such user"))]
    assert not server.attempts


async def test_a_dead_server_gets_the_mail_when_it_is_back(
    connection: asyncpg.Connection, work: Work
) -> None:
    async with smtp_server() as server:
        port = server.port
    message = a_message()

    async with work.on(some_settings(port)):
        await enqueue(connection, [message])
        await until(lambda: len(work.outcomes) >= 3)
        assert await jobs_left(connection) == 1
        async with smtp_server(port=port) as server:
            await server.wait_for(lambda: bool(server.emails), timeout_seconds=3)
            await until_no_jobs_are_left(connection)

    assert work.outcomes[-1] == (message.message_id, Sent())


async def test_a_dead_server_is_given_up_in_the_end(connection: asyncpg.Connection, work: Work) -> None:
    async with work.on(some_settings("smtp://127.0.0.1:1", mail_retry_hours=3 / 3600)):
        await enqueue(connection, [a_message()])
        await until_no_jobs_are_left(connection)

    *deferred, (_, last) = work.outcomes
    assert deferred
    assert all(isinstance(outcome, Deferred) for _, outcome in deferred)
    assert isinstance(last, Rejected)
    assert last.words.startswith("Not delivered within")


def test_retries_slow_down_to_a_limit() -> None:
    retries = Retries()
    unreachable = [retries.delay_seconds(attempts, answered=False) for attempts in range(2000)]

    assert sum(unreachable[:4]) < 60
    assert max(unreachable) <= 72
    assert 400 < retries.delay_seconds(2000, answered=True) <= 720


async def test_an_outcome_that_cannot_be_recorded_sends_nothing_twice(
    connection: asyncpg.Connection, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RECORD_ATTEMPTS", 1)
    monkeypatch.setattr(work, "outcomes", None)
    async with smtp_server() as server, work.on(some_settings(server.port)):
        await enqueue(connection, [a_message()])
        await server.wait_for(lambda: bool(server.emails))
        await until_no_jobs_are_left(connection)

    assert len(server.attempts) == 1


async def test_what_is_no_message_is_dropped_and_told_of(connection: asyncpg.Connection, work: Work) -> None:
    async with smtp_server() as server, work.on(some_settings(server.port)):
        with structlog.testing.capture_logs() as logs:
            await connection.execute(
                "INSERT INTO pgqueuer (priority, status, entrypoint, payload) VALUES (0, 'queued', $1, $2)",
                DELIVER_EMAIL,
                TOKEN.encode(),
            )
            await until_no_jobs_are_left(connection)

    assert [entry["event"] for entry in logs] == ["email_job_unreadable"]
    assert TOKEN not in repr(logs)


# Ends, planned and not


def patient(port: int) -> Settings:
    return some_settings(port, mail_timeout_seconds=60)


async def test_stopping_puts_back_what_does_not_finish(connection: asyncpg.Connection, work: Work) -> None:
    message = a_message()
    async with smtp_server({"DATA": [HANG]}) as server, work.on(patient(server.port)) as task:
        await enqueue(connection, [message])
        await server.wait_for(lambda: bool(server.attempts))
        work.stop.set()
        async with asyncio.timeout(20):
            await task

        assert await connection.fetchval("SELECT status::text FROM pgqueuer") == "queued"


async def test_stopping_finishes_what_runs(connection: asyncpg.Connection, work: Work) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = ["220 Hello", "250 Hello", "250 OK", "250 OK", "354 Go on", "250 Taken", "221 Bye"]
        for number, answer in enumerate(answers):
            if number == 5:
                while (await reader.readline()).strip() != b".":
                    pass
                await asyncio.sleep(0.4)
            elif number:
                await reader.readline()
            if number == 1:
                stopping.set()
            writer.write(f"{answer}\r\n".encode())

    stopping = work.stop
    patient = replace(QUICK, grace_seconds=30)
    async with raw_server(slow) as port, work.on(some_settings(port), patient) as task:
        await enqueue(connection, [a_message()])
        async with asyncio.timeout(20):
            await task

    assert [outcome for _, outcome in work.outcomes] == [Sent()]
    assert await jobs_left(connection) == 0


async def test_a_cancelled_worker_loses_nothing(connection: asyncpg.Connection, work: Work) -> None:
    async with smtp_server({"DATA": [HANG]}) as server, work.on(patient(server.port)) as task:
        await enqueue(connection, [a_message()])
        await server.wait_for(lambda: bool(server.attempts))
        task.cancel()
        await asyncio.wait([task], timeout=20)

        assert task.done()
        assert await jobs_left(connection) == 1


async def test_a_lost_database_connection_is_made_again(connection: asyncpg.Connection, work: Work) -> None:
    async with smtp_server() as server, work.on(some_settings(server.port)):
        await until(lambda: bool(work.ticks))
        ended = await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert ended >= 1
        await enqueue(connection, [a_message()])
        await server.wait_for(lambda: bool(server.emails))


async def test_a_job_that_could_not_be_put_back_is_taken_up_again(
    connection: asyncpg.Connection, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "EVERY_MINUTE", "* * * * * *")
    message = a_message()
    await enqueue(connection, [message])
    await connection.execute("UPDATE pgqueuer SET status = 'failed'")
    async with smtp_server() as server, work.on(some_settings(server.port)):
        await server.wait_for(lambda: bool(server.emails))


async def test_a_killed_worker_is_taken_over_from(
    connection: asyncpg.Connection, work: Work, database_url: str
) -> None:
    message = a_message()
    await enqueue(connection, [message])
    async with smtp_server({"DATA": [HANG]}) as server:
        process = running_code(KILLED_WORKER, database_url, str(server.port))
        await server.wait_for(lambda: bool(server.attempts), timeout_seconds=20)
        process.kill()
        process.wait()
        assert await connection.fetchval("SELECT status::text FROM pgqueuer") == "picked"

        async with work.on(some_settings(server.port)):
            await server.wait_for(lambda: bool(server.emails), timeout_seconds=5)
            await until_no_jobs_are_left(connection)

    assert [email["Message-ID"] for email in server.emails] == [message.message_id]
    assert {email["Message-ID"] for email in server.attempts} == {message.message_id}


KILLED_WORKER = """
import asyncio, sys
from tests.support.smtp import some_settings
from tests.mailer.test_delivery import Work

async def main():
    async with Work(sys.argv[1]).on(some_settings(int(sys.argv[2]), mail_timeout_seconds=30)) as task:
        await task

asyncio.run(main())
"""
