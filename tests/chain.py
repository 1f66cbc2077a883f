"""The audit log's hash chain, recomputed from its rows by nothing but SHA-256."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import asyncpg

FIELDS = (
    "account_id",
    "sequence",
    "id",
    "occurred_at",
    "action",
    "outcome",
    "summary",
    "actor_kind",
    "actor_member_id",
    "actor_name",
    "credential_kind",
    "credential_id",
    "credential_label",
    "target_type",
    "target_id",
    "target_name",
    "ip",
    "user_agent",
    "request_id",
    "details",
)
FIRST = bytes(32)


def first_broken(events: Sequence[Mapping[str, Any]]) -> int | None:
    """The sequence of the first of an account's events that does not follow from the one before."""
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
    return sha256(before + b"".join(_field(event[name]) for name in FIELDS)).digest()


async def assert_whole(superuser: asyncpg.Connection) -> None:
    """Every account's log is numbered without a gap, in order of time, and hashed up to its head."""
    for head in await superuser.fetch("SELECT * FROM audit_heads"):
        events = await superuser.fetch(
            "SELECT * FROM audit_events WHERE account_id = $1 ORDER BY sequence", head["account_id"]
        )
        assert first_broken([dict(event) for event in events]) is None
        assert (len(events), events[-1]["hash"]) == (head["sequence"], head["hash"])


def _field(value: object) -> bytes:
    if value is None:
        return b"-,"
    if isinstance(value, datetime):
        value = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    text = str(value).encode()
    return b"%d:%s," % (len(text), text)
