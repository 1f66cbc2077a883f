from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from engine.scalars import BigInt
from permissions.allow import SIGNED_IN
from permissions.roles import Permission
from resolvers import subscriptions as live
from schema.audit import AuditEvent
from schema.fields import Info, subscribed
from schema.members import Member

AccountId = Annotated[
    strawberry.ID, strawberry.argument(description="Id of the account. The viewer must be a member of it.")
]


async def _audit_log_appended(
    info: Info,
    account_id: AccountId,
    after_sequence: Annotated[
        BigInt | None,
        strawberry.argument(
            description="Sequence number of the last event that the client has: stored events after it are"
            " pushed first. 0 pushes all stored events. If omitted, only new events are pushed."
        ),
    ] = None,
) -> AsyncGenerator[AuditEvent, None]:
    async for event in live.audit_log_appended(info.context, account_id, after_sequence):
        yield event  # type: ignore[misc]


async def _viewer_member_changed(info: Info, account_id: AccountId) -> AsyncGenerator[Member, None]:
    async for member in live.viewer_member_changed(info.context, account_id):
        yield member  # type: ignore[misc]


@strawberry.type(
    description="Entry points for events that are pushed over a WebSocket at `/graphql` (subprotocol"
    " `graphql-transport-ws`)."
)
class Subscription:
    audit_log_appended: AuditEvent = subscribed(
        _audit_log_appended,
        allow=Permission.VIEW_AUDIT_LOG,
        description="Audit events of an account, each pushed once, in order and without a gap, after it is"
        " committed. Ends with a FORBIDDEN error when the viewer loses the permission.",
    )
    viewer_member_changed: Member = subscribed(
        _viewer_member_changed,
        allow=SIGNED_IN,
        description="Membership of the viewer, pushed at the start and after each change of its role,"
        " ownership, limits or end. Ends when the membership ends.",
    )
