"""Inputs of the audit log: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.audit import AuditAction, AuditOutcome


@strawberry.input(description="Which events.")
class AuditLogFilter:
    actions: list[AuditAction] | None = items("Of these kinds.", most=100, default=None)
    actor_ids: list[strawberry.ID] | None = items("By these members.", most=100, default=None)
    target_id: strawberry.ID | None = strawberry.field(default=None, description="Done to this.")
    outcome: AuditOutcome | None = strawberry.field(default=None, description="Done, or refused.")
    occurred_from: datetime | None = strawberry.field(default=None, description="From then on.")
    occurred_until: datetime | None = strawberry.field(default=None, description="Before then.")
    request_id: str | None = text("In this request.", most=200, default=None)
    api_key_id: strawberry.ID | None = strawberry.field(default=None, description="With this API key.")
    ip: str | None = text("From this address.", most=100, default=None)
