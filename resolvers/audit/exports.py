"""Export of the audit log as NDJSON: one event per line, and a last line that proves completeness."""

from collections.abc import AsyncGenerator
from hashlib import sha256

import asyncpg
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlmodel import col

from audit_proof.chain import FIRST
from audit_proof.export_end import End
from engine.fair_share import Claim
from engine.statements import Statement, parameter
from models.audit import AuditHead
from models.database import Database
from resolvers.reports.files import ndjson_lines
from resolvers.reports.queries import ReportRequest, Rows

_HEAD = Statement(
    lambda: select(col(AuditHead.sequence), col(AuditHead.hash)).where(
        col(AuditHead.account_id) == parameter("account_id")
    )
)


async def audit_log_lines(
    database: Database,
    claim: Claim,
    rows: Rows,
    request: ReportRequest,
    key: Ed25519PrivateKey | None,
) -> AsyncGenerator[bytes]:
    """The last line contains the log's head, from the same snapshot as the events. It is signed with the key,
    or unsigned without one."""
    account_id = claim.account_id
    head: tuple[int, bytes] = 0, FIRST

    async def look_at_head(connection: asyncpg.Connection) -> None:
        nonlocal head
        for record in await connection.fetch(_HEAD.sql, *_HEAD.arguments(account_id=account_id)):
            head = record[0], record[1]

    counter = _LineCounter()
    async for piece in ndjson_lines(database, claim, rows, look_at_head):
        counter.add(piece)
        yield piece
    is_filtered = bool(request.since or request.until or request.audit_filter)
    first, last = counter.sequences()
    sequence, hash = head
    digest = counter.sha256.hexdigest()
    withheld = tuple(each.export_name for each in request.withhold)
    end = End(
        *(str(account_id), counter.lines, first, last, sequence, hash.hex(), is_filtered, withheld, digest)
    )
    yield (end if key is None else end.signed(key)).line()


class _LineCounter:
    """Counts and sequences of the lines that were sent, in pieces of any size."""

    def __init__(self) -> None:
        self.lines = 0
        self.sha256 = sha256()
        self._first = b""
        self._last = b""

    def add(self, piece: bytes) -> None:
        self.sha256.update(piece)
        if not self.lines:
            self._first += piece
        self.lines += piece.count(b"\n")
        line_break = piece.rfind(b"\n", 0, len(piece) - 1)
        if line_break >= 0:
            self._last = piece[line_break + 1 :]
        elif self._last.endswith(b"\n"):
            self._last = piece
        else:
            self._last += piece

    def sequences(self) -> tuple[int | None, int | None]:
        """Sequences of the first and the last event."""
        if not self.lines:
            return None, None
        first = self._first.partition(b"\n")[0]
        return orjson.loads(first)["sequence"], orjson.loads(self._last)["sequence"]
