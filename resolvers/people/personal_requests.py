"""Sections of a person's document about its requests: downloads, emails in the queue, limits and idempotency
keys."""

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    Text,
    and_,
    cast,
    column,
    func,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from engine.statements import any_of, parameter
from models.accounts import Account
from models.downloads import DownloadLink, Transfer
from models.idempotency import IdempotencyKey
from models.limit_buckets import LimitBucket
from resolvers.api_texts import utc_time
from resolvers.people.personal_fields import (
    Section,
    account_of,
    credential_id,
    in_accounts,
    mine,
    of_account,
)

_PERSON = "rows of a person, in whichever account they are, or in none"


def _is_own_link() -> ColumnElement[bool]:
    of_member = and_(in_accounts(DownloadLink), mine(col(DownloadLink.member_id)))
    return or_(col(DownloadLink.user_id) == parameter("user_id"), of_member)


DOWNLOAD_LINKS = Section(
    "downloadLinks",
    lambda: {
        "account": account_of(DownloadLink),
        "kind": col(DownloadLink.kind),
        "subject": col(DownloadLink.subject),
        "credentialKind": col(DownloadLink.credential_kind),
        "credentialId": credential_id(col(DownloadLink.credential_kind), col(DownloadLink.credential_id)),
        "credentialLabel": col(DownloadLink.credential_label),
        "createdAt": utc_time(col(DownloadLink.created_at)),
        "expiresAt": utc_time(col(DownloadLink.expires_at)),
    },
    lambda found: (
        found.select_from(DownloadLink)
        .join(Account, of_account(DownloadLink), isouter=True)
        .where(_is_own_link())
        .order_by(col(DownloadLink.created_at))
    ),
    across_accounts=_PERSON,
)

TRANSFERS = Section(
    "transfers",
    lambda: {
        "account": account_of(DownloadLink),
        "kind": col(DownloadLink.kind),
        "facts": col(Transfer.facts),
        "bytesSent": col(Transfer.bytes_sent),
        "ip": col(Transfer.ip),
        "userAgent": col(Transfer.user_agent),
        "requestId": col(Transfer.request_id),
        "startedAt": utc_time(col(Transfer.started_at)),
        "seenAt": utc_time(col(Transfer.seen_at)),
    },
    lambda found: (
        found.select_from(Transfer)
        .join(DownloadLink, col(DownloadLink.token_hash) == col(Transfer.token_hash))
        .join(Account, of_account(DownloadLink), isouter=True)
        .where(_is_own_link())
        .order_by(col(Transfer.started_at))
    ),
    across_accounts=_PERSON,
)

_QUEUE = (
    text("SELECT id, payload, status, attempts, execute_after FROM pgqueuer")
    .columns(*map(column, ("id", "status", "attempts", "execute_after")), column("payload", LargeBinary))
    .subquery("job")
)
"""Table of the job queue, which no model declares."""


def _message(name: str) -> ColumnElement[str]:
    """Field of the email in a job. Only jobs whose payload begins as that of an email are read."""
    message = cast(func.convert_from(_QUEUE.c.payload, "UTF8"), JSONB)
    value: ColumnElement[str] = message[name].astext
    return value


def _is_to_person() -> ColumnElement[bool]:
    beginning = cast(parameter("email_beginning"), LargeBinary)
    size = func.octet_length(beginning, type_=Integer)
    return func.substr(_QUEUE.c.payload, 1, size) == beginning


QUEUED_EMAILS = Section(
    "queuedEmails",
    lambda: {
        "to": _message("to"),
        "subject": _message("subject"),
        "writtenAt": _message("written_at"),
        "status": cast(_QUEUE.c.status, Text),
        "attempts": _QUEUE.c.attempts,
        "nextAttemptAt": utc_time(_QUEUE.c.execute_after),
    },
    lambda found: found.select_from(_QUEUE).where(_is_to_person()).order_by(_QUEUE.c.id),
)


def _counts_person() -> ColumnElement[bool]:
    """Condition: the last word of the limit's subject is the address of the person or one of its ids, or the
    subject is that of its new accounts."""
    subject = col(LimitBucket.subject)
    last_word = func.split_part(subject, " ", -1, type_=Text)
    return or_(any_of(last_word, parameter("bucket_ends")), subject == parameter("bucket"))


LIMIT_BUCKETS = Section(
    "limitBuckets",
    lambda: {"subject": col(LimitBucket.subject), "fullAt": utc_time(col(LimitBucket.full_at))},
    lambda found: found.select_from(LimitBucket).where(_counts_person()).order_by(col(LimitBucket.subject)),
)

IDEMPOTENCY_ANSWERS = Section(
    "idempotencyAnswers",
    lambda: {
        "key": col(IdempotencyKey.key),
        "answer": col(IdempotencyKey.answer),
        "createdAt": utc_time(col(IdempotencyKey.created_at)),
    },
    lambda found: found.where(any_of(col(IdempotencyKey.actor_id), parameter("actor_ids"))).order_by(
        col(IdempotencyKey.created_at)
    ),
)
