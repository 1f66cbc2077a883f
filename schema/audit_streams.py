from datetime import datetime

import strawberry

import models
from engine.input_limits import items, text
from models.audit import AuditAction
from models.audit_streams import AuditStreamStatus
from permissions.allow import ANYONE
from permissions.roles import Permission
from resolvers.audit_streams.mutations import undelivered_events
from schema.fields import Info, Node, computed, derived, object_type, to_one
from schema.lazy_types import Account, Member
from schema.scalars import BigInt
from schema.user_errors import Payload, idempotency_key, result

_URL = "Where events are sent to: https, a public host, port 443 or from 1024 on. Redirects are not followed."
_SECRET = "Shown this once: `whsec_` and base64, as Standard Webhooks have it. What is sent is signed by it."  # noqa: S105


def _actions(actions: list[str] | None) -> list[AuditAction] | None:
    return None if actions is None else [AuditAction(action) for action in actions]


@object_type(
    allow=Permission.MANAGE_ACCOUNT,
    of=models.AuditStream,
    description="A webhook for audit events: each is sent at least once, in the order of the log.",
)
class AuditStream(Node):
    account: Account = to_one(models.Account, "account_id", "Whose events.")
    url: str = text(_URL, most=2_000)
    actions: list[AuditAction] | None = derived(_actions, "Which events are sent: all, where null.")
    status: AuditStreamStatus = strawberry.field(description="Whether events are sent.")
    last_delivered_sequence: BigInt = strawberry.field(
        description="All events up to this one were delivered, or are not wanted."
    )
    last_delivered_at: datetime | None = strawberry.field(
        description="When the receiver last took something; never, where null."
    )

    @computed(BigInt, "How many events the log has after `lastDeliveredSequence`.")
    async def undelivered_events(root: strawberry.Parent[models.AuditStream], info: Info) -> int:
        return await undelivered_events(info.context, root)

    failing_since: datetime | None = strawberry.field(description="All is well, where null.")
    last_error: str | None = strawberry.field(
        description="What went wrong the last time, in a sentence; null once something was delivered."
    )
    last_attempt_at: datetime | None = strawberry.field(description="When something was last sent.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When it is tried again, after something went wrong."
    )
    previous_secrets_expire_at: datetime | None = strawberry.field(
        description="Until then the secrets from before the last rotations, two at most, sign too."
    )
    created_by: Member = to_one(models.Member, "created_by_id", "Who set it up.")
    created_at: datetime = strawberry.field(description="When it was set up.")
    deleted_at: datetime | None = strawberry.field(
        description="Set once it was deleted; the record stays, because the audit log names it."
    )


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


@object_type(allow=ANYONE, description="The new webhook, and its secret.")
class CreateAuditStreamPayload(Payload):
    audit_stream: AuditStream | None = result("The new webhook.")
    secret: str | None = result(f"{_SECRET} Null for a repetition.")


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


@object_type(allow=ANYONE, description="The webhook as it is now.")
class UpdateAuditStreamPayload(Payload):
    audit_stream: AuditStream | None = result("The webhook.")
    secret: str | None = result(f"{_SECRET} Null where it was not rotated.")


@strawberry.input(description="Which webhook to delete.")
class DeleteAuditStreamInput:
    audit_stream_id: strawberry.ID = strawberry.field(description="Which.")


@object_type(allow=ANYONE, description="The webhook that was deleted.")
class DeleteAuditStreamPayload(Payload):
    audit_stream: AuditStream | None = result("The webhook, which sends nothing any more.")
