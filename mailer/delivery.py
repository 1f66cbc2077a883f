"""Delivery of emails: one attempt at the SMTP server, its outcome, and the delay before the next attempt."""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import cache
from urllib.parse import unquote, urlsplit

import structlog
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job

from engine.outages import logged_as_outage
from mailer.backoff import Backoff
from mailer.messages import Attachment, Message, build
from settings import Settings
from telemetry.families import EMAILS

log = structlog.get_logger()

WORDS_LIMIT = 500
RECORD_ATTEMPTS = 3
AUTHENTICATION_CODES = {454, 530, 534, 535, 538}
"""Responses of RFC 4954 about the sender's credentials. They say nothing about the recipient."""


@dataclass(frozen=True)
class Sent:
    pass


@dataclass(frozen=True)
class Rejected:
    """The email will never be delivered: the server refused it permanently, or MAIL_RETRY_HOURS have
    passed."""

    words: str


@dataclass(frozen=True)
class Deferred:
    """The attempt failed and will be repeated. `answered`: the server responded, so the next attempt may wait
    longer."""

    words: str
    answered: bool = False


Outcome = Sent | Rejected | Deferred
Recorder = Callable[[Message, Outcome], Awaitable[None]]
Wanted = Callable[[Message], Awaitable[bool]]
"""Whether an email should still be sent. Called before each attempt."""

Attach = Callable[[Message], Awaitable[Sequence[Attachment]]]
"""Creates an email's attachments for each attempt. If it raises an error, the attempt is repeated."""


_UNREACHABLE = Backoff(first_seconds=2, most_seconds=60)
_ANSWERED = Backoff(first_seconds=2, most_seconds=600)


@dataclass(frozen=True)
class Retries:
    """Exponential delays between attempts. The limit is lower while the server is unreachable, so that
    delivery resumes soon after it is back."""

    unreachable: Backoff = _UNREACHABLE
    answered: Backoff = _ANSWERED

    def delay_seconds(self, attempts: int, answered: bool) -> float:
        """After so many earlier attempts and one that just failed."""
        return (self.answered if answered else self.unreachable).seconds(attempts + 1)


async def always(_message: Message) -> bool:
    return True


async def nothing_attached(_message: Message) -> Sequence[Attachment]:
    return ()


async def attempt(
    settings: Settings,
    job: Job,
    record: Recorder,
    retries: Retries,
    wanted: Wanted = always,
    attach: Attach = nothing_attached,
) -> None:
    """Delivers a job's email. If it returns, the job is finished, whether the email was sent or not.

    Delivery is at least once: if a worker dies before it has deleted the job, the email is sent again with
    the same Message-ID. Raises only RetryRequested, since pgqueuer would drop the job on any other error.
    """
    message = _message(job)
    if message is None or not await _wanted_safely(wanted, message):
        return

    age = datetime.now(UTC) - job.created
    left_seconds = settings.mail_retry_hours * 3600 - age.total_seconds()
    outcome = await _deliver_safely(settings, message, attach)
    if isinstance(outcome, Deferred) and left_seconds <= 0:
        words = f"Not delivered within {settings.mail_retry_hours:g} hours: {outcome.words}"
        outcome = Rejected(words[:WORDS_LIMIT])

    EMAILS.labels(type(outcome).__name__.lower()).value += 1
    await _record_safely(record, message, outcome)
    if isinstance(outcome, Deferred):
        delay_seconds = min(retries.delay_seconds(job.attempts, outcome.answered), left_seconds)
        raise RetryRequested(timedelta(seconds=delay_seconds))


async def deliver(settings: Settings, message: Message, attachments: Sequence[Attachment] = ()) -> Outcome:
    """Makes one attempt at the server of SMTP_URL, over a new connection."""
    try:
        email = build(message, settings.mail_from, attachments)
        content = email.as_bytes()
    except ValueError:
        return Rejected("The address or the subject is not valid in an email.")

    client = _client(settings)
    try:
        # Each response has its own timeout. This one is for a server that responds slowly to every command.
        async with asyncio.timeout(settings.mail_timeout_seconds * 5):
            await client.connect()
            await client.sendmail(
                email["From"].addresses[0].addr_spec, [message.to], content, mail_options=_options(message.to)
            )
        with suppress(SMTPException, OSError):
            await client.quit(timeout=min(settings.mail_timeout_seconds, 5))
        return Sent()
    except (SMTPException, OSError) as error:
        return _outcome(error)
    finally:
        client.close()


def _client(settings: Settings) -> SMTP:
    assert settings.smtp_url is not None  # noqa: S101
    url = urlsplit(settings.smtp_url.get_secret_value())
    implicit_tls = url.scheme == "smtps"
    return SMTP(
        hostname=url.hostname,
        port=url.port,
        username=None if url.username is None else unquote(url.username),
        password=None if url.password is None else unquote(url.password),
        use_tls=implicit_tls,
        start_tls=None if implicit_tls else url.scheme == "smtp+starttls",
        tls_context=None if url.scheme == "smtp" else _tls_context(),
        timeout=settings.mail_timeout_seconds,
        local_hostname=_sender_domain(settings.mail_from),
    )


@cache
def _tls_context() -> ssl.SSLContext:
    """Verifying context. It is cached, because reading the system's certificates is slow."""
    return ssl.create_default_context()


def _options(recipient: str) -> list[str]:
    """SMTP extensions that the email needs: none, unless the recipient's address is not ASCII."""
    return [] if recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]


def _sender_domain(mail_from: str) -> str:
    """Name for EHLO. The machine's own name would need a DNS lookup, which may hang."""
    return parseaddr(mail_from)[1].rpartition("@")[2].encode("idna").decode()


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, SMTPNotSupported):
        return Rejected(_words(error))
    if isinstance(error, SMTPAuthenticationError) or getattr(error, "code", 0) in AUTHENTICATION_CODES:
        log.error("smtp_credentials_refused", words=_words(error), advice="Check SMTP_URL.")
        return Deferred(_words(error), answered=True)
    if isinstance(error, SMTPSenderRefused | SMTPRecipientRefused | SMTPDataError):
        return Rejected(_words(error)) if error.code >= 500 else Deferred(_words(error), answered=True)
    return Deferred(_words(error))


def _words(error: Exception) -> str:
    """Error for Admins, on one line. Tokens are removed: a spam filter may quote the link in its response."""
    if isinstance(error, SMTPResponseException) and error.code > 0:
        words = f"{error.code} {error.message}"
    else:
        words = str(error) or "The SMTP server did not respond in time."
    return re.sub(r"[\w-]{40,}", "…", " ".join(words.split()))[:WORDS_LIMIT]


def _message(job: Job) -> Message | None:
    try:
        return Message.from_json(job.payload or b"")
    except Exception as error:
        # Only its type, because the error's message may quote the payload.
        log.error("email_job_unreadable", job=job.id, error=type(error).__name__)
        return None


async def _wanted_safely(wanted: Wanted, message: Message) -> bool:
    """Sends the email if the check fails: an email with an expired link is better than none."""
    try:
        return await wanted(message)
    except Exception as error:
        _log_failure("email_check_failed", message, error)
        return True


async def _deliver_safely(settings: Settings, message: Message, attach: Attach) -> Outcome:
    try:
        outcome = await deliver(settings, message, await attach(message))
    except Exception as error:
        _log_failure("email_delivery_failed", message, error)
        return Deferred("The email could not be sent because of an internal error.", answered=True)
    if not isinstance(outcome, Sent):
        log.warning(
            "email_rejected" if isinstance(outcome, Rejected) else "email_deferred",
            message_id=message.message_id,
            words=outcome.words,
        )
    return outcome


async def _record_safely(record: Recorder, message: Message, outcome: Outcome) -> None:
    """Tries three times. A failure to record the outcome must not cause the email to be sent again."""
    for attempts_left in reversed(range(RECORD_ATTEMPTS)):
        try:
            await record(message, outcome)
            break
        except Exception as error:
            _log_failure("email_outcome_not_recorded", message, error)
            await asyncio.sleep(attempts_left)


def _log_failure(event: str, message: Message, error: Exception) -> None:
    """Without the text of the error, which may contain the email."""
    if not logged_as_outage(error, message_id=message.message_id):
        log.error(event, message_id=message.message_id, error=type(error).__name__)
