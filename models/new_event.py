"""Audit event that is not yet in its account's log."""

from collections.abc import Mapping
from typing import Self, TypedDict
from uuid import UUID

from models.audit import ActorKind, AuditOutcome, CredentialKind
from models.audit_actions import AuditAction
from models.members import Member


class PersonName(str):
    """Name of a member in the details of an event. It carries the member's id, by which the event is found
    when the person is erased."""

    __slots__ = ("member_id",)
    member_id: UUID

    def __new__(cls, member: Member) -> Self:
        name = super().__new__(cls, member.name)
        name.member_id = member.id
        return name


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
