"""Opaque ids of the API: `member_` and the row's UUID, 32 hex digits."""

import re
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import SQLModel

from engine.errors import BadUserInput
from models import (
    Account,
    ApiKey,
    AuditEvent,
    AuditStream,
    Entitlement,
    Invitation,
    Invoice,
    License,
    Member,
    Session,
    Theme,
    ThemeFile,
    ThemeRelease,
    User,
)
from models.accounts import ACCOUNT_ID_PREFIX
from models.audit import CredentialKind

PREFIXES: dict[type[SQLModel], str] = {
    Account: ACCOUNT_ID_PREFIX,
    ApiKey: "api_key",
    AuditEvent: "event",
    AuditStream: "audit_stream",
    Entitlement: "entitlement",
    Invitation: "invitation",
    Invoice: "invoice",
    License: "license",
    Member: "member",
    Session: "session",
    Theme: "theme",
    ThemeFile: "file",
    ThemeRelease: "release",
    User: "user",
}
_DIGITS = re.compile(r"[0-9A-Fa-f]{32}")
_TABLES = {prefix: table for table, prefix in PREFIXES.items()}
_TABLES_BY_NAME = {table.__name__: table for table in PREFIXES}


def encode(table: type[SQLModel], id: UUID) -> str:
    return f"{PREFIXES[table]}_{id.hex}"


def encode_named(table_name: str, id: UUID) -> str:
    """For types that the log names."""
    return encode(_TABLES_BY_NAME[table_name], id)


def encode_credential(kind: CredentialKind, id: UUID) -> str:
    return f"{kind.lower()}_{id.hex}"


def decode(global_id: str) -> tuple[type[SQLModel], UUID] | None:
    """None if the text is not an id of this API."""
    prefix, _, digits = global_id.rpartition("_")
    table, id = _TABLES.get(prefix), _uuid(digits)
    return (table, id) if table and id else None


def decode_credential(kind: CredentialKind, global_id: str) -> UUID | None:
    prefix, _, digits = global_id.rpartition("_")
    return _uuid(digits) if prefix == kind.lower() else None


def decode_all(table: type[SQLModel], global_ids: Sequence[str], argument: str) -> list[UUID]:
    """For filters. Raises `BadUserInput` if one of them is not an id of the type."""
    decoded = [decode_as(table, global_id) for global_id in global_ids]
    if None in decoded:
        raise BadUserInput(f"`{argument}` takes ids of type {table.__name__}, and one of these is not.")
    return [id for id in decoded if id is not None]


def decode_as(table: type[SQLModel], global_id: str) -> UUID | None:
    """None also for an id of another type."""
    decoded = decode(global_id)
    return decoded[1] if decoded and decoded[0] is table else None


def _uuid(digits: str) -> UUID | None:
    return UUID(hex=digits) if _DIGITS.fullmatch(digits) else None
