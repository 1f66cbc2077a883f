"""Opaque ids of the API: `member_` and the row's UUID, 32 hex digits."""

from uuid import UUID

from sqlmodel import SQLModel

from models import (
    Account,
    AuditEvent,
    Entitlement,
    Invitation,
    License,
    Member,
    Session,
    Theme,
    ThemeFile,
    ThemeRelease,
    User,
)
from models.audit import CredentialKind

PREFIXES: dict[type[SQLModel], str] = {
    Account: "account",
    AuditEvent: "event",
    Entitlement: "entitlement",
    Invitation: "invitation",
    License: "license",
    Member: "member",
    Session: "session",
    Theme: "theme",
    ThemeFile: "file",
    ThemeRelease: "release",
    User: "user",
}
_TABLES = {prefix: table for table, prefix in PREFIXES.items()}
_TABLES_BY_NAME = {table.__name__: table for table in PREFIXES}


def encode(table: type[SQLModel], id: UUID) -> str:
    return f"{PREFIXES[table]}_{id.hex}"


def encode_named(table_name: str, id: UUID) -> str:
    """For what the log knows by its type's name."""
    return encode(_TABLES_BY_NAME[table_name], id)


def encode_credential(kind: CredentialKind, id: UUID) -> str:
    return f"{kind.lower()}_{id.hex}"


def decode(global_id: str) -> tuple[type[SQLModel], UUID] | None:
    """None for what is no id of ours."""
    prefix, _, digits = global_id.rpartition("_")
    table = _TABLES.get(prefix)
    if table is None or len(digits) != 32 or not digits.isascii():
        return None
    try:
        return table, UUID(hex=digits)
    except ValueError:
        return None


def decode_as(table: type[SQLModel], global_id: str) -> UUID | None:
    """None too for an id of another type."""
    decoded = decode(global_id)
    return decoded[1] if decoded and decoded[0] is table else None
