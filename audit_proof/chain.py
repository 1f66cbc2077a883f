"""Hash chain of the audit log, recomputed with SHA-256 only. `docs/reference/audit-log.md` describes the
format."""

from collections.abc import Iterable
from hashlib import sha256

VERSION = 2
"""Version of the format of events. It is the first field that is hashed."""
FIELDS = (
    "version",
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
    "personalDetails",
    "details",
)
"""Fields of an event that are hashed, in this order, with the names in an export."""
PERSONAL = ("summary", "actorName", "credentialLabel", "targetName", "ip", "userAgent")
"""Fields of which a commitment is hashed instead of the value, like each key of `personalDetails`."""
PERSONAL_DETAILS = "personalDetails"
FIRST = bytes(32)
"""Stands for the previous hash of the first event."""


def hash_of(previous: bytes, texts: Iterable[str | None]) -> bytes:
    """Hash of an event whose fields, as text, are `texts`."""
    return sha256(previous + joined(texts)).digest()


def field_salt(salt: bytes, name: str) -> bytes:
    """Salt of a personal field, derived from the event's salt. The name of a key of the personal details is
    `details.` and the key."""
    return sha256(salt + name.encode()).digest()


def commitment(salt: bytes, text: str) -> str:
    """Commitment to the value of a personal field, in hex. `salt` is the field's."""
    return sha256(salt + text.encode()).hexdigest()


def joined(texts: Iterable[str | None]) -> bytes:
    """Encodes fields so that different lists of fields never have the same bytes."""
    return b"".join(map(field, texts))


def field(text: str | None) -> bytes:
    """A field's length in bytes, a colon, its UTF-8 bytes and a comma."""
    if text is None:
        return b"-,"
    encoded = text.encode()
    return b"%d:%s," % (len(encoded), encoded)
