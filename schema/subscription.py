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

AccountId = Annotated[strawberry.ID, strawberry.argument(description="Of which account.")]


async def _audit_log_appended(
    info: Info,
    account_id: AccountId,
    after_sequence: Annotated[
        BigInt | None,
        strawberry.argument(description="Those after this one first; from now on where left out."),
    ] = None,
) -> AsyncGenerator[AuditEvent, None]:
    async for event in live.audit_log_appended(info.context, account_id, after_sequence):
        yield event  # type: ignore[misc]


async def _viewer_member_changed(info: Info, account_id: AccountId) -> AsyncGenerator[Member, None]:
    async for member in live.viewer_member_changed(info.context, account_id):
        yield member  # type: ignore[misc]


@strawberry.type(description="What can be followed as it happens.")
class Subscription:
    audit_log_appended: AuditEvent = subscribed(
        _audit_log_appended,
        allow=Permission.VIEW_AUDIT_LOG,
        description="Every event of an account as it is committed, without a gap.",
    )
    viewer_member_changed: Member = subscribed(
        _viewer_member_changed,
        allow=SIGNED_IN,
        description="The viewer's own role and permissions, now and at each change, while there are any.",
    )
