"""Background job that verifies long logs in repeated rounds, for which one request would take too long."""

import time
from functools import partial
from uuid import UUID

from sqlalchemy.dialects.postgresql import Insert, insert

from audit_proof.chain import FIRST
from audit_proof.keys import VerifyingKey
from engine.snapshots import attributes, new_row, snapshot
from engine.statements import Statement, parameter
from models.audit import AuditVerification
from models.columns import now
from models.database import Database
from resolvers.audit import integrity
from resolvers.audit.integrity import Log, Mark, VerifiedPart
from resolvers.due_rows import account_by_account
from resolvers.unaudited import account_note

_SLICE = 10_000
_SLICES = 10
_SECONDS = 20
"""Maximum duration of a run. With a run every minute, a log of a million events takes ten minutes."""


async def verify_long_logs(database: Database, key: VerifyingKey | None) -> int:
    """Verifies some slices, each of the log that has waited longest, and returns the number of events. Each
    slice's result is stored, so that a killed run loses at most one."""
    ends_at, events, failures = time.monotonic() + _SECONDS, 0, dict[UUID, Exception]()
    for _ in range(_SLICES):
        waiting = await database.fetch(_WAITING, integrity.MOST_AT_ONCE, list(failures))
        if not waiting or time.monotonic() > ends_at:
            break
        due = [(waiting[0][0], key)]
        events += await account_by_account(due, partial(_verify_slice, database), failures)
    return events


async def _verify_slice(database: Database, account_id: UUID, key: VerifyingKey | None) -> int:
    for _ in range(integrity.MOST_ATTEMPTS):
        log = await integrity.look_at(database, account_id, key)
        kept = await _kept(database, account_id)
        since = _since(log, kept)
        found = await integrity.verify(database, log, since, _SLICE)
        if found.first_broken is None or not await integrity.was_pruned(database, log, key):
            break
    await _keep(database, _outcome(log, kept, since, found))
    return found.events


async def _kept(database: Database, account_id: UUID) -> AuditVerification | None:
    found = await database.fetch(_KEPT, account_id)
    return snapshot(AuditVerification, found[0]) if found else None


def _since(log: Log, kept: AuditVerification | None) -> Mark:
    """New events come first if there are many; otherwise the round continues where it stopped."""
    new = log.head - log.verified.sequence if log.verified else 0
    if log.verified and log.first_broken is None and new > integrity.MOST_AT_ONCE // 2:
        return log.verified
    if kept is None or not log.beginning.sequence < kept.walked_through < log.head:
        return log.beginning
    return Mark(kept.walked_through, kept.walked_hash)


def _outcome(log: Log, kept: AuditVerification | None, since: Mark, found: VerifiedPart) -> AuditVerification:
    """The next round begins after a broken event, or at the head."""
    verified, first_broken, last = log.verified or log.beginning, log.first_broken, found.last
    if found.first_broken is not None:
        walked, first_broken = log.beginning, found.first_broken
    else:
        is_new = kept is not None and since == log.verified and kept.walked_through != since.sequence
        walked = Mark(kept.walked_through, kept.walked_hash) if kept is not None and is_new else last
        if first_broken is not None and (last.sequence >= first_broken or found.reaches_head):
            first_broken = None
        verified = max(verified, last, key=lambda mark: mark.sequence)
    return new_row(
        AuditVerification,
        account_id=log.account_id,
        verified_through=verified.sequence,
        verified_hash=verified.hash or FIRST,
        walked_through=walked.sequence,
        walked_hash=walked.hash or FIRST,
        walked_at=now(),
        first_broken_sequence=first_broken,
    )


async def _keep(database: Database, outcome: AuditVerification) -> None:
    values = {name: getattr(outcome, name) for name in attributes(AuditVerification)}
    async with account_note(database, outcome.account_id, AuditVerification) as writer:
        await writer.fetch(_KEEP, **values)


# Logs with many unverified events come before logs whose last round is long ago.
_WAITING = """
SELECT head.account_id FROM audit_heads AS head LEFT JOIN audit_verifications AS mark USING (account_id)
WHERE head.sequence > $1 AND head.account_id <> ALL($2)
ORDER BY mark.first_broken_sequence IS NULL
  AND head.sequence - coalesce(mark.verified_through, 0) > $1 / 2 DESC, mark.walked_at NULLS FIRST
LIMIT 1"""
_KEPT = f"""SELECT {", ".join(attributes(AuditVerification))} FROM audit_verifications
WHERE account_id = $1"""  # noqa: S608


def _keeping() -> Insert:
    names = attributes(AuditVerification)
    kept = insert(AuditVerification).values({name: parameter(name) for name in names})
    return kept.on_conflict_do_update(
        index_elements=["account_id"], set_={name: kept.excluded[name] for name in names[1:]}
    )


_KEEP = Statement(_keeping)
