"""Verification of an account's log, recomputed by the database; for a long log, the result of the job."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlmodel import col

from audit_proof.chain import FIELDS, FIRST, PERSONAL, VERSION
from audit_proof.keys import VerifyingKey
from audit_proof.prunings import Pruning
from engine.fair_queue import FairSemaphore
from engine.statements import Statement, column_type, parameter
from models.accounts import Account
from models.audit import AuditEvent
from models.audit_actions import AuditAction
from models.database import Database
from permissions.context import Context
from resolvers.audit.signing_keys import verifying_key
from telemetry.families import BROKEN_VERIFICATIONS, VERIFIED_EVENTS

MOST_AT_ONCE = 50_000
"""Maximum number of events that are verified within a request. It takes a third of a second on two cores."""
MOST_ATTEMPTS = 100
"""Maximum number of verifications of a log that is being pruned, each of which a deletion interrupts."""
_MOST_PRUNINGS = 100
_NEVER = -(2**63)
_at_once = FairSemaphore(2)
"""Limits the concurrent verifications of a process, so that connections remain for other reads."""


@dataclass(frozen=True)
class Integrity:
    verified: bool
    checked_events: int
    head_sequence: int
    head_hash: str
    first_broken_sequence: int | None


@dataclass(frozen=True)
class Mark:
    """Verified event from which verification continues. `hash` is None if the event before is being pruned
    and a signed pruning covers a later one."""

    sequence: int
    hash: bytes | None


@dataclass(frozen=True)
class Log:
    """Log of an account before verification."""

    account_id: UUID
    head: int
    beginning: Mark
    signed_pruning: Pruning | None
    verified: Mark | None
    """Event up to which the job found no damage."""
    is_mark_gone: bool
    """Whether that event was replaced since."""
    first_broken: int | None
    """First damaged event that the job found."""

    @property
    def is_long(self) -> bool:
        return self.head - self.beginning.sequence > MOST_AT_ONCE


@dataclass(frozen=True)
class VerifiedPart:
    """Result of verifying a part of a log."""

    events: int
    last: Mark
    head: Mark
    first_broken: int | None

    @property
    def reaches_head(self) -> bool:
        return self.last.sequence >= self.head.sequence


async def account_integrity(context: Context, account: Account) -> Integrity:
    """Computed once per request, however often it is selected."""
    key = (account_integrity, account.id)
    task = context.loaders.get(key)
    if task is None:
        work = integrity(context.database, account.id, verifying_key(context.settings))
        task = context.loaders[key] = asyncio.ensure_future(work)
    found: Integrity = await task
    return found


async def integrity(database: Database, account_id: UUID, key: VerifyingKey | None) -> Integrity:
    """A failed verification is repeated if events were pruned between its statements."""
    async with _at_once.place():
        for _ in range(MOST_ATTEMPTS):
            log = await look_at(database, account_id, key)
            found = await _verified(database, log)
            if found.verified or not await was_pruned(database, log, key):
                break
        return found


async def _verified(database: Database, log: Log) -> Integrity:
    since = log.verified if log.is_long and log.verified else log.beginning
    most = MOST_AT_ONCE if log.is_long else None
    found = await verify(database, log, since, most)
    gone = log.verified.sequence if log.verified and log.is_mark_gone else None
    broken = [log.first_broken, found.first_broken, gone]
    first_broken = min((each for each in broken if each is not None), default=None)
    head = found.head
    return Integrity(
        first_broken is None and found.reaches_head,
        since.sequence - log.beginning.sequence + found.events,
        head.sequence,
        (head.hash or FIRST).hex(),
        first_broken,
    )


async def look_at(database: Database, account_id: UUID, key: VerifyingKey | None) -> Log:
    ((first, head, through, hash, hash_there, first_broken),) = await database.fetch(_LOG, account_id)
    signed_pruning = None
    if first is not None and first > 1:
        found = await prunings(database, account_id, key)
        signed_pruning = max(found, key=lambda each: each.pruned_through, default=None)
    beginning = _beginning(first, signed_pruning)
    is_of_now = through is not None and through > beginning.sequence
    return Log(
        account_id,
        head or 0,
        beginning,
        signed_pruning,
        Mark(through, hash) if is_of_now else None,
        is_of_now and hash_there != hash,
        first_broken,
    )


async def was_pruned(database: Database, log: Log, key: VerifyingKey | None) -> bool:
    """Whether the log begins elsewhere than when it was looked at. What was verified since may then have
    failed for this reason alone."""
    return (await look_at(database, log.account_id, key)).beginning != log.beginning


def _beginning(first: int | None, signed_pruning: Pruning | None) -> Mark:
    if first is None or first <= 1 or signed_pruning is None:
        return Mark(0, FIRST)
    if first <= signed_pruning.pruned_through:
        return Mark(first - 1, None)
    return Mark(signed_pruning.pruned_through, bytes.fromhex(signed_pruning.hash))


async def prunings(database: Database, account_id: UUID, key: VerifyingKey | None) -> list[Pruning]:
    """Prunings that the key has signed, from the newest events of this kind."""
    if key is None:
        return []
    found = await database.fetch(_PRUNINGS.sql, *_PRUNINGS.arguments(account_id=account_id))
    prunings = (Pruning.read_signed(str(account_id), orjson.loads(record[0]), key) for record in found)
    return [each for each in prunings if each is not None]


async def verify(database: Database, log: Log, since: Mark, most: int | None) -> VerifiedPart:
    """Verifies the events after `since`: a limited number, or all of them, and then also that they end at the
    log's head."""
    is_beginning = since == log.beginning
    upto = None if most is None or since.sequence + most >= log.head else since.sequence + most
    pruning = log.signed_pruning
    ((events, last, hash, broken, head, head_hash),) = await database.fetch(
        _VERIFY,
        log.account_id,
        _NEVER if is_beginning else since.sequence,
        upto if upto is not None else 2**63 - 1,
        since.sequence,
        since.hash,
        pruning and pruning.pruned_through,
        pruning and bytes.fromhex(pruning.hash),
    )
    ended = Mark(last, hash) if events else since
    ends = Mark(head or 0, head_hash or FIRST)
    if broken is None:
        broken = _broken_at_end(ended, ends, upto)
    VERIFIED_EVENTS.labels().value += events
    BROKEN_VERIFICATIONS.labels().value += broken is not None
    return VerifiedPart(events, ended, ends, broken)


def _broken_at_end(last: Mark, head: Mark, upto: int | None) -> int | None:
    """Events are missing at the end, or exist after the head."""
    end = head.sequence if upto is None else min(upto, head.sequence)
    if last.sequence < end:
        return last.sequence + 1
    if upto is not None and upto < head.sequence:
        return None
    if last.sequence > head.sequence:
        return head.sequence + 1
    return None if last.hash is None or last.hash == head.hash else head.sequence


_PRUNINGS = Statement(
    lambda: (
        select(col(AuditEvent.details))
        .where(
            col(AuditEvent.account_id) == parameter("account_id"),
            col(AuditEvent.action) == AuditAction.AUDIT_LOG_PRUNED,
        )
        .order_by(col(AuditEvent.sequence).desc())
        .limit(_MOST_PRUNINGS)
    )
)
_LOG = """
SELECT (SELECT min(sequence) FROM audit_events WHERE account_id = $1),
  (SELECT sequence FROM audit_heads WHERE account_id = $1),
  mark.verified_through, mark.verified_hash,
  (SELECT hash FROM audit_events WHERE account_id = $1 AND sequence = mark.verified_through),
  mark.first_broken_sequence
FROM (SELECT $1::uuid AS account_id) AS one LEFT JOIN audit_verifications AS mark USING (account_id)"""


def _field(name: str) -> str:
    """The expression of `audit_field`, inline, because PostgreSQL would call the function for each field."""
    if name in _PERSONAL:
        salt = (
            f"coalesce(decode(field_salts->>'{_PERSONAL[name]}', 'hex'), sha256(salt || '{_PERSONAL[name]}'))"
        )
        committed = f"encode(sha256({salt} || convert_to({name}, 'UTF8')), 'hex')"
        return f"coalesce('64:' || coalesce(commitments->>'{_PERSONAL[name]}', {committed}) || ',', '-,')"
    if name == "personal_details":
        return (
            "CASE WHEN personal_details IS NULL THEN '-,' ELSE audit_field("
            "audit_personal_details(salt, field_salts, commitments, personal_details)) END"
        )
    if name == "occurred_at":
        return """'27:', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ','"""
    if column_type(AuditEvent, name) == "UUID":
        return f"coalesce('36:' || {name}::text || ',', '-,')"
    return f"coalesce(octet_length({name}::text)::text || ':' || {name}::text || ',', '-,')"


_COLUMNS = {name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in FIELDS}
_PERSONAL = {_COLUMNS[name]: name for name in PERSONAL}
_HASHED = list(_COLUMNS.values())
_MESSAGE = f"concat({', '.join(map(_field, _HASHED))})"
# One statement, so that the head is the one of when the events were read.
_VERIFY = f"""
WITH checked AS (
  SELECT sequence, coalesce(lag(sequence) OVER log, $4) + 1 AS expected,
    version = {VERSION} AND strpos(details::text, chr(10)) = 0
      AND (personal_details IS NULL OR audit_is_canonical(personal_details))
      AND hash = sha256(previous_hash || convert_to({_MESSAGE}, 'UTF8'))
      AND previous_hash = coalesce(lag(hash) OVER log, $5, previous_hash)
      AND occurred_at >= coalesce(lag(occurred_at) OVER log, occurred_at)
      AND (sequence = $6 AND hash <> $7) IS NOT TRUE AS is_whole
  FROM audit_events WHERE account_id = $1 AND sequence > $2 AND sequence <= $3
  WINDOW log AS (ORDER BY sequence)
), found AS (
  SELECT count(*) AS events, max(sequence) AS last,
    min(CASE WHEN sequence <> expected THEN least(sequence, expected)
             WHEN is_whole IS NOT TRUE THEN sequence END) AS broken
  FROM checked
)
SELECT events, last, (SELECT hash FROM audit_events WHERE account_id = $1 AND sequence = last),
  broken, head.sequence, head.hash
FROM found LEFT JOIN audit_heads AS head ON head.account_id = $1"""  # noqa: S608
