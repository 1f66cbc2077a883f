"""Inputs of the audit log: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.audit import AuditOutcome, CredentialKind
from models.audit_actions import AuditAction


@strawberry.input(description="Conditions for a list of audit events. An event must meet all of them.")
class AuditLogFilter:
    actions: list[AuditAction] | None = items(
        "Only events of these actions. If omitted, events of any action.", most=100, default=None
    )
    actor_ids: list[strawberry.ID] | None = items(
        "Only events caused by the members with these ids. If omitted, events of any actor.",
        most=100,
        default=None,
    )
    target_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only events that concern the object with this id. If omitted, events of any object.",
    )
    outcome: AuditOutcome | None = strawberry.field(
        default=None, description="Only events with this outcome. If omitted, events of any outcome."
    )
    occurred_from: datetime | None = strawberry.field(
        default=None, description="Only events at or after this time. If omitted, from the first event."
    )
    occurred_until: datetime | None = strawberry.field(
        default=None, description="Only events before this time. If omitted, up to the newest event."
    )
    request_id: str | None = text(
        "Only events of the HTTP request with this id, the `X-Request-ID` header of its response. If"
        " omitted, events of any request.",
        most=200,
        default=None,
    )
    api_key_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only events caused with the API key that has this id. If omitted, events of any"
        " credential.",
    )
    ip: str | None = text(
        "Only events caused from this IP address. If omitted, events from any address.",
        most=100,
        default=None,
    )
    target_types: list[str] | None = items(
        "Only events that concern an object of one of these GraphQL types, such as `License`. If omitted,"
        " events of objects of any type.",
        most=100,
        most_characters=100,
        default=None,
    )
    credential_kinds: list[CredentialKind] | None = items(
        "Only events caused with a credential of one of these kinds. If omitted, events of any credential,"
        " or of none.",
        most=100,
        default=None,
    )
    text: str | None = text(
        "Only events whose `summary` contains this text, ignoring case. API calls (`API_CALLED`) are not"
        " searched: filter them by `apiKeyId` or `actorIds`. At least three letters, or one that is not"
        " ASCII. If omitted or empty, any event.",
        most=200,
        default=None,
    )
