"""The audit log's hash chain, recomputed by SHA-256 alone. Its format is in `docs/reference/audit-log.md`."""

from collections.abc import Iterable
from hashlib import sha256

FIELDS = (
    "accountId",
    "sequence",
    "id",
    "occurredAt",
    "action",
    "outcome",
    "summary",
    "actorKind",
    "actorMemberId",
    "actorName",
    "credentialKind",
    "credentialId",
    "credentialLabel",
    "targetType",
    "targetId",
    "targetName",
    "ip",
    "userAgent",
    "requestId",
    "details",
)
"""What is hashed of an event, in this order, by the names that an export has."""
FIRST = bytes(32)
"""In the place of a hash before the first event's."""


def hash_of(previous: bytes, texts: Iterable[str | None]) -> bytes:
    """Of an event whose fields, as text, are `texts`."""
    return sha256(previous + joined(texts)).digest()


def joined(texts: Iterable[str | None]) -> bytes:
    """No two different lists of fields are the same bytes."""
    return b"".join(map(field, texts))


def field(text: str | None) -> bytes:
    """Its length in bytes, a colon, its UTF-8 and a comma."""
    if text is None:
        return b"-,"
    encoded = text.encode()
    return b"%d:%s," % (len(encoded), encoded)
