"""Inputs of audit streams: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import items, text
from engine.scalars import BigInt
from models.audit_actions import AuditAction
from resolvers.input_fields import idempotency_key

_URL = (
    "HTTPS URL to which events are sent, as POST requests by Standard Webhooks. The host must be public, the"
    " port 443 or at least 1024. Redirects are not followed."
)


@strawberry.input(description="Input of `createAuditStream`. An account has at most 10 audit streams.")
class CreateAuditStreamInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account whose events are delivered.")
    url: str = text(_URL, most=2_000)
    actions: list[AuditAction] | None = items(
        "Actions whose events are delivered, at least one. If omitted, all actions.", most=100, default=None
    )
    after_sequence: BigInt | None = strawberry.field(
        default=None,
        description="Sequence number after which delivery starts; 0 delivers the whole log. If omitted, it"
        " starts with the event of the audit stream's creation.",
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Input of `updateAuditStream`. Values that are omitted do not change.")
class UpdateAuditStreamInput:
    audit_stream_id: strawberry.ID = strawberry.field(description="Id of the audit stream to change.")
    url: str | None = text(
        "New URL, with the same rules as in `createAuditStream`. Setting it clears the recorded failures,"
        " and an audit stream with the status ENDED becomes PAUSED. If omitted, unchanged.",
        most=2_000,
        default=None,
    )
    actions: list[AuditAction] | None = items(
        "Actions whose events are delivered from now on, at least one; null for all. If omitted, unchanged.",
        most=100,
        default=strawberry.UNSET,
    )
    paused: bool | None = strawberry.field(
        default=None,
        description="`true` pauses delivery; `false` resumes it where it stopped. An audit stream with the"
        " status ENDED needs a new `url` before it can resume. If omitted, unchanged.",
    )
    rotate_secret: bool | None = strawberry.field(
        default=None,
        description="`true` creates a new secret. Deliveries are also signed with the old secret for 24"
        " hours. If omitted, the secret does not change.",
    )


@strawberry.input(description="Input of `deleteAuditStream`: the audit stream to delete.")
class DeleteAuditStreamInput:
    audit_stream_id: strawberry.ID = strawberry.field(description="Id of the audit stream to delete.")
