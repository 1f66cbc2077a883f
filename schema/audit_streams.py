from datetime import datetime

import strawberry

import models
from engine.input_limits import text
from engine.scalars import BigInt
from models.audit import AuditAction
from models.audit_streams import AuditStreamStatus
from permissions.roles import Permission
from resolvers.audit_streams.queries import undelivered_events
from schema.fields import Info, Node, computed, derived, object_type, to_one
from schema.lazy_types import Account, Member

_URL = "Where events are sent to: https, a public host, port 443 or from 1024 on. Redirects are not followed."


def _actions(actions: list[str] | None) -> list[AuditAction] | None:
    return None if actions is None else [AuditAction[action] for action in actions]


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
