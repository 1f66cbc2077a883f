from datetime import datetime

import strawberry

import models
from engine.scalars import BigInt
from models.audit_actions import AuditAction
from models.audit_streams import AuditStreamStatus
from permissions.roles import Permission
from resolvers.audit_streams.queries import undelivered_events
from schema.fields import Info, Node, computed, computed_from_columns, object_type, to_one
from schema.lazy_types import Account, Member


def _actions(actions: list[str] | None) -> list[AuditAction] | None:
    return None if actions is None else [AuditAction[action] for action in actions]


@object_type(
    allow=Permission.MANAGE_ACCOUNT,
    of=models.AuditStream,
    description="Audit stream that receives an account's audit events. Each event is delivered at least"
    " once, in the order of the log.",
)
class AuditStream(Node):
    account: Account = to_one(models.Account, "account_id", "Account whose events are delivered.")
    url: str = strawberry.field(
        description="HTTPS URL to which events are sent, as POST requests by Standard Webhooks."
    )
    actions: list[AuditAction] | None = computed_from_columns(
        _actions, "Actions whose events are delivered. Null when the events of all actions are delivered."
    )
    status: AuditStreamStatus = strawberry.field(
        description="Status of the audit stream: whether events are delivered, or delivery is paused or has"
        " ended."
    )
    last_delivered_sequence: BigInt = strawberry.field(
        description="Sequence number of the last event that is done: every event up to it was delivered or"
        " was excluded by `actions`."
    )
    last_delivered_at: datetime | None = strawberry.field(
        description="Time of the last successful delivery. Null when there was none yet."
    )

    @computed(BigInt, "Number of events in the log after `lastDeliveredSequence`.")
    async def undelivered_events(root: strawberry.Parent[models.AuditStream], info: Info) -> int:
        return await undelivered_events(info.context, root)

    failing_since: datetime | None = strawberry.field(
        description="Time of the first failed delivery since the last success. Null when the last delivery"
        " succeeded."
    )
    last_error: str | None = strawberry.field(
        description="Reason why the last delivery failed, in one sentence. Null when the last delivery"
        " succeeded."
    )
    last_attempt_at: datetime | None = strawberry.field(
        description="Time of the last delivery attempt, successful or not. Null when there was none yet."
    )
    next_attempt_at: datetime | None = strawberry.field(
        description="Time from which a failed delivery is retried. Null when no retry is due."
    )
    previous_secrets_expire_at: datetime | None = strawberry.field(
        description="Time until which deliveries are also signed with previous secrets, of which at most two"
        " are kept. Null when the secret was never rotated."
    )
    created_by: Member = to_one(models.Member, "created_by_id", "Member who created the audit stream.")
    created_at: datetime = strawberry.field(description="Time at which the audit stream was created.")
    deleted_at: datetime | None = strawberry.field(
        description="Time at which the audit stream was deleted. Null when it is not deleted. The record"
        " remains because audit events refer to it."
    )
