"""What an audit event says: who acted, on what, in which words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlmodel import SQLModel

from models.audit import ActorKind, AuditAction, CredentialKind
from models.columns import new_id
from permissions.viewer import Client, Credential

OPERATOR_ID = UUID("00000000-0000-7000-8000-000000000001")


@dataclass(frozen=True, slots=True)
class Actor:
    kind: ActorKind
    name: str
    member_id: UUID | None = None
    credential: Credential | None = None


OPERATOR = Actor(
    ActorKind.SYSTEM, "The operator", None, Credential(CredentialKind.OPERATOR, OPERATOR_ID, "team-access")
)
PLATFORM = Actor(ActorKind.SYSTEM, "Team access")


def new_event(account_id: UUID, actor: Actor, client: Client, action: AuditAction) -> dict[str, Any]:
    """Who did it, from where; what it was, the change adds."""
    credential = actor.credential
    return {
        "account_id": account_id,
        "id": new_id(),
        "action": action,
        "actor_kind": actor.kind,
        "actor_member_id": actor.member_id,
        "actor_name": actor.name,
        "credential_kind": credential.kind if credential else None,
        "credential_id": credential.id if credential else None,
        "credential_label": credential.label if credential else None,
        "ip": client.ip,
        "user_agent": client.user_agent,
        "request_id": client.request_id,
    }


def repeated(event: Mapping[str, Any], count: int) -> dict[str, Any]:
    """One event for so many that were like it. What was asked for may have differed: it is left out."""
    details = {name: value for name, value in event["details"].items() if name != "input"}
    return {
        **event,
        "id": new_id(),
        "summary": f"{event['summary']}, {count:,} more times",
        "details": {**details, "repeated": count},
    }


def target(row: SQLModel) -> dict[str, Any]:
    """What it was done to. Read before the change may be rolled back, which leaves a row without values."""
    names = (
        str(getattr(row, name)) for name in ("name", "email", "site", "number", "host") if hasattr(row, name)
    )
    return {
        "target_type": type(row).__name__,
        "target_id": cast("Any", row).id,
        "target_name": next(names, None),
    }


def shortened(value: Any) -> Any:
    """What was asked, small enough for a log, and without tokens, nor URLs, which may hold some."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items() if name not in ("token", "url")}
    if isinstance(value, list):
        return [shortened(item) for item in value[:10]]
    return value[:200] if isinstance(value, str) else value
