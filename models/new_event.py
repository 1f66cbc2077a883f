"""Audit event that is not yet in its account's log."""

from collections.abc import Mapping
from typing import TypedDict
from uuid import UUID

from models.audit import ActorKind, AuditAction, AuditOutcome, CredentialKind


class NewEvent(TypedDict):
    """Columns of an audit event but for those that the trigger sets: sequence, time and hashes. A dictionary,
    because it is encoded as JSON."""

    account_id: UUID
    id: UUID
    action: AuditAction
    outcome: AuditOutcome
    summary: str
    actor_kind: ActorKind
    actor_member_id: UUID | None
    actor_name: str
    credential_kind: CredentialKind | None
    credential_id: UUID | None
    credential_label: str | None
    target_type: str
    target_id: UUID
    target_name: str | None
    ip: str | None
    user_agent: str | None
    request_id: str | None
    details: Mapping[str, object]
    """Facts by name. Every value has a form in JSON."""
