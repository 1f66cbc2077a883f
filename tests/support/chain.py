"""Hash chain of the audit log, recomputed from its rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import asyncpg
import orjson

from audit_proof.chain import FIELDS, FIRST, PERSONAL, commitment, field, field_salt
from audit_proof.chain import hash_of as hash_of_texts

_COLUMNS = {name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in FIELDS}


def first_broken(events: Sequence[Mapping[str, Any]]) -> int | None:
    """Sequence of the first event that does not follow from the one before."""
    before, occurred_at = FIRST, datetime.min.replace(tzinfo=UTC)
    for number, event in enumerate(events, 1):
        follows = (
            event["sequence"] == number
            and event["previous_hash"] == before
            and event["hash"] == hash_of(before, event)
            and event["occurred_at"] >= occurred_at
        )
        if not follows:
            return number
        before, occurred_at = event["hash"], event["occurred_at"]
    return None


def hash_of(before: bytes, event: Mapping[str, Any]) -> bytes:
    return hash_of_texts(before, (_hashed(event, name) for name in FIELDS))


_LOGS = """SELECT head.account_id AS log, head.sequence AS head_sequence, head.hash AS head_hash, event.*
    FROM audit_heads AS head LEFT JOIN audit_events AS event USING (account_id)
    ORDER BY head.account_id, event.sequence"""


async def assert_whole(superuser: asyncpg.Connection) -> None:
    """Asserts that every account's log has no gaps, is ordered by time, and is hashed up to its head."""
    # One statement, since the event of a download may be appended meanwhile.
    rows = await superuser.fetch(_LOGS)
    for _, log in groupby(rows, lambda row: row["log"]):
        events = [dict(event) for event in log]
        assert first_broken(events) is None
        assert (len(events), events[-1]["hash"]) == (events[-1]["head_sequence"], events[-1]["head_hash"])


def _hashed(event: Mapping[str, Any], name: str) -> str | None:
    value = event[_COLUMNS[name]]
    if value is None:
        erased: dict[str, str] = orjson.loads(event["commitments"] or "{}")
        return erased.get(name)
    if name == "personalDetails":
        details = sorted(orjson.loads(value).items())
        return b"".join(
            field(key) + field(_commitment(event, f"details.{key}", orjson.dumps(each).decode()))
            for key, each in details
        ).decode()
    return _commitment(event, name, value) if name in PERSONAL else _text(value)


def _commitment(event: Mapping[str, Any], name: str, text: str) -> str:
    erased = orjson.loads(event["commitments"] or "{}")
    if name in erased:
        return str(erased[name])
    salts = orjson.loads(event["field_salts"] or "{}")
    salt = bytes.fromhex(salts[name]) if name in salts else field_salt(event["salt"], name)
    return commitment(salt, text)


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)
