"""Content of an audit event: actor, target, summary and details."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias
from uuid import UUID

from models.audit import ActorKind, AuditOutcome, CredentialKind
from models.audit_actions import AuditAction
from models.columns import Identified, new_id
from models.new_event import NewEvent
from permissions.viewer import Client, Credential
from telemetry import tracing

OPERATOR_ID = UUID("00000000-0000-7000-8000-000000000001")


class Actor(NamedTuple):
    kind: ActorKind
    name: str
    member_id: UUID | None = None
    credential: Credential | None = None


OPERATOR = Actor(
    ActorKind.SYSTEM, "The operator", None, Credential(CredentialKind.OPERATOR, OPERATOR_ID, "team-access")
)
PLATFORM = Actor(ActorKind.SYSTEM, "Team access")


Target: TypeAlias = tuple[str, UUID, str | None]
"""Type, id and name of what an event is about. A plain tuple, since each API call makes one."""


def target_of(row: Identified) -> Target:
    """Target with the name that the row itself has: its name, email address, site, number or host."""
    names = (
        str(getattr(row, name)) for name in ("name", "email", "site", "number", "host") if hasattr(row, name)
    )
    return type(row).__name__, row.id, next(names, None)


def new_event(
    account_id: UUID,
    actor: Actor,
    client: Client,
    action: AuditAction,
    outcome: AuditOutcome,
    summary: str,
    target: Target,
    details: Mapping[str, object],
) -> NewEvent:
    credential, trace_id = actor.credential, tracing.trace_id()
    if trace_id is not None:
        details = {**details, "traceId": trace_id}
    target_type, target_id, target_name = target
    return {
        "account_id": account_id,
        "id": new_id(),
        "action": action,
        "outcome": outcome,
        "summary": summary,
        "actor_kind": actor.kind,
        "actor_member_id": actor.member_id,
        "actor_name": actor.name,
        "credential_kind": credential.kind if credential else None,
        "credential_id": credential.id if credential else None,
        "credential_label": credential.label if credential else None,
        "target_type": target_type,
        "target_id": target_id,
        "target_name": target_name,
        "ip": client.ip,
        "user_agent": client.user_agent,
        "request_id": client.request_id,
        "details": details,
    }


def repeated_event(event: NewEvent, count: int) -> NewEvent:
    """One event that represents `count` similar ones. It has no input, because their inputs may differ."""
    details = {name: value for name, value in event["details"].items() if name != "input"}
    return {
        **event,
        "id": new_id(),
        "summary": f"{event['summary']}, {count:,} more times",
        "details": {**details, "repeated": count},
    }


def shortened(value: object) -> object:
    """The input, shortened for the log, without tokens and without URLs, which may contain tokens. Numbers
    that languages read differently become texts."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items() if name not in ("token", "url")}
    if isinstance(value, list):
        return [shortened(item) for item in value[:10]]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > 2**53):
        return str(value)
    return value[:200] if isinstance(value, str) else value
