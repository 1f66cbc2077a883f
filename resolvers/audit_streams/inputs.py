"""Inputs of audit streams: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import items, text
from engine.scalars import BigInt
from models.audit import AuditAction
from resolvers.input_fields import idempotency_key

_URL = "Where events are sent to: https, a public host, port 443 or from 1024 on. Redirects are not followed."


@strawberry.input(description="A webhook for an account's audit events. An account has 10 at most.")
class CreateAuditStreamInput:
    account_id: strawberry.ID = strawberry.field(description="Whose events.")
    url: str = text(_URL, most=2_000)
    actions: list[AuditAction] | None = items(
        "Only these events; all, where it is left out.", most=100, default=None
    )
    after_sequence: BigInt | None = strawberry.field(
        default=None,
        description="The events after this one; 0 for the whole log. From now on, where it is left out.",
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What is to change of a webhook. What is left out stays.")
class UpdateAuditStreamInput:
    audit_stream_id: strawberry.ID = strawberry.field(description="Which.")
    url: str | None = text("Another URL. What failed at the old one is forgotten.", most=2_000, default=None)
    actions: list[AuditAction] | None = items(
        "Only these events, from here on; null for all.", most=100, default=strawberry.UNSET
    )
    paused: bool | None = strawberry.field(
        default=None,
        description="`true` holds it; `false` resumes it where it stands. One that has ended resumes at"
        " another URL only.",
    )
    rotate_secret: bool | None = strawberry.field(
        default=None, description="`true` for a new secret; the old one signs too for 24 hours more."
    )


@strawberry.input(description="Which webhook to delete.")
class DeleteAuditStreamInput:
    audit_stream_id: strawberry.ID = strawberry.field(description="Which.")
