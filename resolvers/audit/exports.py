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
from audit_proof.merkle import Tree
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
_HASH = slice(-66, -2)
"""Place of the event's hash in its line, which ends with `"}`."""


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

    is_filtered = bool(request.since or request.until or request.audit_filter)
    counter = _LineCounter()
    async for piece in ndjson_lines(database, claim, rows, look_at_head):
        counter.add(piece)
        yield piece
    first, last = counter.sequences()
    sequence, hash = head
    root, digest = counter.tree.root().hex(), counter.sha256.hexdigest()
    withheld = tuple(each.export_name for each in request.withhold)
    end = End(
        *(str(account_id), counter.lines, first, last, sequence, hash.hex(), is_filtered, withheld),
        *(None if is_filtered else root, digest),
    )
    yield (end if key is None else end.signed(key)).line()


class _LineCounter:
    """Counts, sequences and hashes of the lines that were sent, in pieces of any size."""

    def __init__(self) -> None:
        self.lines = 0
        self.sha256 = sha256()
        self.tree = Tree()
        """Merkle tree over the hashes of the events."""
        self._first = b""
        self._last = b""
        self._rest = b""
        """Beginning of a line whose end has not been sent."""

    def add(self, piece: bytes) -> None:
        self.sha256.update(piece)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if lines:
            self.lines += len(lines)
            self._first, self._last = self._first or lines[0], lines[-1]
            self.tree.append([bytes.fromhex(line[_HASH].decode()) for line in lines])

    def sequences(self) -> tuple[int | None, int | None]:
        """Sequences of the first and the last event."""
        if not self.lines:
            return None, None
        return orjson.loads(self._first)["sequence"], orjson.loads(self._last)["sequence"]
