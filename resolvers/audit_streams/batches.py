"""Batches of events of an account's log, with the lines of the AUDIT_LOG report, so that a receiver can
verify the hash chain."""

from dataclasses import dataclass, field
from hashlib import sha256

from asyncpg import Record
from sqlalchemy import Text, cast, func, literal_column, select
from sqlmodel import col

from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.audit import AuditEvent, AuditHead
from models.audit_streams import AuditStream
from models.database import Database
from resolvers.reports.queries import audit_columns

MOST_EVENTS = 500
MOST_BYTES = 1_000_000
"""Maximum size of a batch of several events. A single event may be larger."""
MOST_LOOKED_AT = 50_000
"""Maximum number of events that one statement reads, including those that `actions` excludes."""


@dataclass(frozen=True)
class Batch:
    """Events that are sent together. Empty if no event up to `last` matches the audit stream's actions."""

    last: int
    body: bytes = field(repr=False)
    id: str = ""
    is_full: bool = False
    """Whether more events follow that did not fit."""


async def next_batch(database: Database, stream: AuditStream) -> Batch | None:
    """The next batch after the stream's cursor: the same one if its delivery began before. None if the log
    has no more events.

    No event is skipped: an event is numbered under the lock of its account's head, which is held until the
    commit, so a statement that sees an event sees all events before it. The head is read first, and only
    events up to it are read.
    """
    found = await database.fetch(_HEAD.sql, *_HEAD.arguments(account_id=stream.account_id))
    after = stream.last_delivered_sequence
    head = min(int(found[0][0]) if found else 0, after + MOST_LOOKED_AT)
    until = min(head, stream.batch_sequence or head)
    if until <= after:
        return None
    values = {"account_id": stream.account_id, "after": after, "until": until, "actions": stream.actions}
    lines = await database.fetch(_LINES.sql, *_LINES.arguments(**values))
    taken = _taken(lines)
    if not taken:
        return Batch(until, b"")
    is_full = len(taken) < len(lines)
    first, last = taken[0][0], taken[-1][0]
    body = "".join(f"{line}\n" for _, line in taken).encode()
    digest = sha256(stream.id.bytes + body).hexdigest()[:32]
    return Batch(last if is_full else until, body, f"batch_{first}_{last}_{digest}", is_full)


def _taken(lines: list[Record]) -> list[Record]:
    size, taken = 0, list[Record]()
    for line in lines[:MOST_EVENTS]:
        size += len(line[1].encode()) + 1
        if taken and size > MOST_BYTES:
            break
        taken.append(line)
    return taken


def _lines() -> AnySelect:
    report = (
        select(*(column.label(name) for name, column in audit_columns().items()))
        .where(
            col(AuditEvent.account_id) == parameter("account_id"),
            col(AuditEvent.sequence) > parameter("after"),
            col(AuditEvent.sequence) <= parameter("until"),
            # NULL, which is not false, if all actions are delivered.
            any_of(col(AuditEvent.action), parameter("actions")).is_not(False),
        )
        .subquery("report")
    )
    line = cast(func.row_to_json(literal_column("report")), Text)
    return select(report.c.sequence, line).order_by(report.c.sequence).limit(MOST_EVENTS + 1)


_HEAD = Statement(
    lambda: select(col(AuditHead.sequence)).where(col(AuditHead.account_id) == parameter("account_id"))
)
_LINES = Statement(_lines)
