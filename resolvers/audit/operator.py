"""Operator's commands for the audit log: checkpoints, and pruning of exported events."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from urllib.parse import urlsplit
from uuid import UUID

from asyncpg import Record
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import UpdateBase, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from audit_proof.keys import VerifyingKey
from audit_proof.prunings import Pruning
from audit_proof.verification import Verified
from engine.fair_share import Claim
from engine.statements import Statement, parameter
from models.accounts import Account
from models.audit import AuditCut, AuditEvent, AuditHead
from models.audit_actions import AuditAction
from models.audit_streams import AuditStream
from models.columns import now
from models.database import Database
from models.members import Role
from permissions.viewer import Membership
from resolvers.accounts.operator import account_called
from resolvers.audit.exports import audit_log_lines
from resolvers.audit.integrity import prunings
from resolvers.change import Change, system_change
from resolvers.events import OPERATOR
from resolvers.reports.queries import ReportFormat, ReportKind, ReportRequest, rows_of
from resolvers.unaudited import deletion_of_pruned
from resolvers.user_errors import invalid

_FIRST_EVENT = aliased(AuditEvent)
_NOBODY = UUID(int=0)
_BATCH = 2_000
"""Events deleted per transaction, during which changes of the account wait."""

Progress = Callable[[int, int], None]


async def checkpoint(database: Database, account_slug: str) -> dict[str, object]:
    """Sequence and hash of the newest event."""
    account = await account_called(database, account_slug)
    ((sequence, hash, occurred_at),) = await database.fetch(
        _HEAD.sql, *_HEAD.arguments(account_id=account.id)
    )
    return {
        "accountId": str(account.id),
        "sequence": sequence,
        "hash": hash.hex(),
        "occurredAt": occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


async def export(
    database: Database, account_slug: str, key: Ed25519PrivateKey | None
) -> AsyncGenerator[bytes]:
    """The whole log, as an Admin gets it. No event records it: who can run it can read the database."""
    account = await account_called(database, account_slug)
    request = ReportRequest(ReportKind.AUDIT_LOG, ReportFormat.NDJSON)
    rows = rows_of(request, Membership(account.id, _NOBODY, Role.ADMIN))
    async for piece in audit_log_lines(database, Claim(account.id), rows, request, key):
        yield piece


@dataclass(frozen=True)
class Pruned:
    events: int
    """Number of deleted events, including those that an interrupted run left."""
    through: int | None
    """Sequence number of the last pruned event."""

    def sentence(self) -> str:
        if not self.events:
            return "Nothing is left to prune."
        return f"Pruned {self.events:,} events: the log begins with {(self.through or 0) + 1} now."


@dataclass(frozen=True)
class Exported:
    """Export that must contain all events that are pruned."""

    verified: Verified
    sha256: str
    """Hash of the file, in hexadecimal."""

    @classmethod
    def of(cls, verified: Verified) -> "Exported":
        with verified.path.open("rb") as file:
            return cls(verified, file_digest(file, "sha256").hexdigest())


async def prune(
    database: Database,
    account_slug: str,
    before: datetime,
    exported: Exported,
    key: Ed25519PrivateKey,
    progress: Progress = lambda _done, _total: None,
    keys: VerifyingKey | None = None,
) -> Pruned:
    """Deletes the events before a time, as the role that owns the tables. First the signed event is
    committed, then the cut is moved, then the events are deleted, oldest first. The log can be verified at
    every moment, and the next run continues one that was killed. `keys` verify earlier prunings, if other
    keys than `key` have signed them.

    Raises `UserErrors` if the export does not contain all of the events.
    """
    if before > now():
        raise invalid("--before must be a time in the past.", "before")
    keys = keys or key.public_key()
    account = await account_called(database, account_slug)
    deleted = await _delete_pruned(database, account, keys, progress)
    last = await _last_before(database, account.id, before)
    if last is not None:
        await _tell(database, account, _Last(*last), exported, key)
        deleted += await _delete_pruned(database, account, keys, progress)
    through = await _through(database, account.id, keys)
    return Pruned(deleted, through.pruned_through if through else None)


@dataclass(frozen=True)
class _Last:
    """Last event to prune, and the log's first event."""

    sequence: int
    hash: bytes
    first: int


async def _tell(
    database: Database, account: Account, last: _Last, exported: Exported, key: Ed25519PrivateKey
) -> None:
    _require_holds(exported.verified, account, last)
    count = last.sequence - last.first + 1
    pruning = Pruning(str(account.id), last.sequence, last.hash.hex(), count, exported.sha256)
    events = "1 event" if count == 1 else f"{count} events"
    async with system_change(database, account.id, AuditAction.AUDIT_LOG_PRUNED, OPERATOR) as tx:
        await _require_delivered(tx, last.sequence)
        tx.record(
            account,
            account.name,
            f"pruned {events} of the log, up to {last.sequence}",
            pruning.signed(key),
        )


def _require_holds(export: Verified, account: Account, last: _Last) -> None:
    again = "export the whole log again"
    if export.account_id != str(account.id):
        raise invalid(f"The export belongs to another account than {account.slug}.", "export")
    if export.is_filtered:
        raise invalid(f"The export is filtered: {again}, without a filter or a period.", "export")
    if export.end.withheld:
        raise invalid(
            f"The export withholds {', '.join(export.end.withheld)}: {again}, without `withhold`.", "export"
        )
    if export.first > last.first:
        raise invalid(f"The export begins with {export.first}, and the log with {last.first}.", "export")
    if export.last < last.sequence:
        message = f"The export ends with {export.last}, and {last.sequence} is to be pruned: {again}."
        raise invalid(message, "export")
    if export.hash_at(last.sequence) != last.hash.hex():
        message = f"Event {last.sequence} of the export differs from the one in the log: nothing is pruned."
        raise invalid(message, "export")


async def _require_delivered(tx: Change, through: int) -> None:
    """Requires that every audit stream has sent the events. Cursors only advance, and audit streams are
    created under the same lock."""
    for url, sequence in await tx.fetch(_BEHIND, account_id=tx.account.id, through=through):
        host = urlsplit(url).hostname
        message = f"The audit stream to {host} has delivered up to {sequence}, and {through} is to be pruned"
        raise invalid(f"{message}: wait for it, or delete it.", "before")


async def _delete_pruned(database: Database, account: Account, keys: VerifyingKey, progress: Progress) -> int:
    """Deletes what the newest pruning covers, and returns the number of events."""
    pruning = await _through(database, account.id, keys)
    if pruning is None:
        return 0
    through, deleted = pruning.pruned_through, 0
    first = await _first(database, account.id)
    total = max(0, through - first + 1)
    while first <= through:
        upto = min(first + _BATCH - 1, through)
        async with deletion_of_pruned(database, account.id) as writer:
            cut = {"account_id": account.id, "pruned_through": through, "hash": bytes.fromhex(pruning.hash)}
            await writer.fetch(_MOVE_CUT, **cut)
            await writer.fetch(_DELETE, account_id=account.id, upto=upto)
        deleted += upto - first + 1
        progress(deleted, total)
        first = upto + 1
    return deleted


async def _through(database: Database, account_id: UUID, keys: VerifyingKey) -> Pruning | None:
    found = await prunings(database, account_id, keys)
    return max(found, key=lambda each: each.pruned_through, default=None)


async def _first(database: Database, account_id: UUID) -> int:
    found = await database.fetch(_FIRST.sql, *_FIRST.arguments(account_id=account_id))
    return int(found[0][0] or 0)


async def _last_before(database: Database, account_id: UUID, before: datetime) -> Record | None:
    arguments = _LAST_BEFORE.arguments(account_id=account_id, before=before)
    return next(iter(await database.fetch(_LAST_BEFORE.sql, *arguments)), None)


_of_account = col(AuditEvent.account_id) == parameter("account_id")
_HEAD = Statement(
    lambda: select(col(AuditHead.sequence), col(AuditHead.hash), col(AuditHead.occurred_at)).where(
        col(AuditHead.account_id) == parameter("account_id")
    )
)
_FIRST = Statement(lambda: select(func.min(col(AuditEvent.sequence))).where(_of_account))
_LAST_BEFORE = Statement(
    lambda: select(
        col(AuditEvent.sequence),
        col(AuditEvent.hash),
        select(func.min(col(_FIRST_EVENT.sequence)))
        .where(col(_FIRST_EVENT.account_id) == parameter("account_id"))
        .scalar_subquery(),
    ).where(
        _of_account,
        col(AuditEvent.sequence)
        == select(func.audit_first_since(parameter("account_id"), parameter("before")) - 1).scalar_subquery(),
    )
)
_BEHIND = Statement(
    lambda: (
        select(col(AuditStream.url), col(AuditStream.last_delivered_sequence))
        .where(
            col(AuditStream.account_id) == parameter("account_id"),
            col(AuditStream.deleted_at).is_(None),
            col(AuditStream.last_delivered_sequence) < parameter("through"),
        )
        .order_by(col(AuditStream.last_delivered_sequence))
        .limit(1)
    )
)
_DELETE = Statement(
    lambda: delete(AuditEvent).where(_of_account, col(AuditEvent.sequence) <= parameter("upto"))
)


def _move_cut() -> UpdateBase:
    """Moves the cut forwards only."""
    moved = insert(AuditCut).values(
        {name: parameter(name) for name in ("account_id", "pruned_through", "hash")}
    )
    return moved.on_conflict_do_update(
        index_elements=["account_id"],
        set_={"pruned_through": moved.excluded.pruned_through, "hash": moved.excluded.hash},
        where=col(AuditCut.pruned_through) < moved.excluded.pruned_through,
    )


_MOVE_CUT = Statement(_move_cut)
