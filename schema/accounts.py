from datetime import datetime
from decimal import Decimal
from typing import cast

import strawberry

import models
from engine.row_loader import load
from permissions.allow import SIGNED_IN
from permissions.roles import Permission
from resolvers.accounts.queries import account_owner, active_licenses
from resolvers.api_keys.inputs import ApiKeyFilter
from resolvers.api_keys.queries import account_api_keys
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit.integrity import account_integrity
from resolvers.audit.queries import account_audit_log
from resolvers.audit_streams.queries import account_audit_streams
from resolvers.billing.invoices import spent_this_month
from resolvers.invitations.inputs import InvitationFilter
from resolvers.invitations.queries import account_invitations
from resolvers.licenses.inputs import LicenseFilter
from resolvers.licenses.queries import LicenseOrder, account_entitlements, account_licenses
from resolvers.members.inputs import MemberFilter
from resolvers.members.queries import MemberOrder, account_members
from schema.api_keys import ApiKey
from schema.audit import AuditEventConnection, AuditIntegrity
from schema.audit_streams import AuditStream
from schema.billing import Billing
from schema.connections import Connection
from schema.fields import Info, Node, computed, connection, derived, guarded, object_type, same
from schema.invitations import Invitation
from schema.licenses import Entitlement, License
from schema.members import Member
from schema.money import Money


async def _spent_this_month(root: strawberry.Parent[models.Account], info: Info) -> Money | None:
    return Money(amount=await spent_this_month(info.context.database, root), currency=root.currency)


def _max_monthly_spend(max_monthly_spend: Decimal | None, currency: str) -> Money | None:
    return None if max_monthly_spend is None else Money(amount=max_monthly_spend, currency=currency)


async def _audit_integrity(root: strawberry.Parent[models.Account], info: Info) -> AuditIntegrity | None:
    return cast("AuditIntegrity", await account_integrity(info.context, root))


@object_type(allow=SIGNED_IN, of=models.Account, description="What an account may use, and uses.")
class AccountLimits:
    @computed(int, "How many licenses are active.")
    async def active_licenses(root: strawberry.Parent[models.Account], info: Info) -> int:
        return await active_licenses(info.context, root)

    max_active_licenses: int | None = strawberry.field(description="No cap where null.")
    spent_this_month: Money | None = guarded(
        allow=Permission.MANAGE_BILLING,
        resolver=_spent_this_month,
        description="What was bought this month of UTC, with tax; void invoices do not count.",
    )
    max_monthly_spend: Money | None = derived(_max_monthly_spend, "No cap where null.")


@object_type(
    allow=SIGNED_IN,
    of=models.Account,
    description="A company with its team, its licenses and its log. Shown to its members.",
)
class Account(Node):
    name: str = strawberry.field(description="As its Admins call it.")
    slug: str = strawberry.field(
        description="Short name of the account, which stays when it is renamed. Unique; it has a random part."
    )
    created_at: datetime = strawberry.field(description="When it was created.")

    @computed(Member, "All purchases are billed to the owner, who is always an Admin.")
    async def owner(root: strawberry.Parent[models.Account], info: Info) -> models.Member:
        return await account_owner(info.context, root)

    @computed(Member, "The viewer's own membership here.")
    async def viewer_member(root: strawberry.Parent[models.Account], info: Info) -> models.Member:
        membership = info.context.signed_in().memberships[root.id]
        member_id = membership.member_id
        return await load(info.context, models.Member, member_id, account_id=root.id)

    @computed(list[Permission], "What the viewer may do here, as of now.")
    def viewer_permissions(root: strawberry.Parent[models.Account], info: Info) -> list[Permission]:
        return info.context.signed_in().memberships[root.id].permissions

    members: Connection[Member] | None = connection(
        account_members,
        allow=Permission.VIEW_TEAM,
        filter=MemberFilter,
        order=MemberOrder,
        description="The team: who joined first comes first.",
    )
    invitations: Connection[Invitation] | None = connection(
        account_invitations,
        allow=Permission.INVITE_MEMBERS,
        filter=InvitationFilter,
        description="The newest first.",
    )
    licenses: Connection[License] | None = connection(
        account_licenses,
        allow=Permission.VIEW_ACTIVE_LICENSES,
        filter=LicenseFilter,
        order=LicenseOrder,
        description="Those that the viewer may see: the active ones, one's own, or all. The newest first.",
    )
    entitlements: Connection[Entitlement] | None = connection(
        account_entitlements,
        allow=Permission.VIEW_ACTIVE_LICENSES,
        description="What has been purchased, and how much of it is in use.",
    )
    api_keys: Connection[ApiKey] | None = connection(
        account_api_keys,
        allow=SIGNED_IN,
        filter=ApiKeyFilter,
        description="An Admin sees every key of the account, anyone else their own. The newest first.",
    )
    audit_log: AuditEventConnection | None = connection(
        account_audit_log,
        allow=Permission.VIEW_AUDIT_LOG,
        filter=AuditLogFilter,
        description="The newest first. A member's own part is `Member.activity`.",
    )
    audit_integrity: AuditIntegrity | None = guarded(
        allow=Permission.VIEW_AUDIT_LOG,
        resolver=_audit_integrity,
        description="Whether the log is what it was written as: recomputed, not remembered.",
    )

    audit_streams: Connection[AuditStream] | None = connection(
        account_audit_streams,
        allow=Permission.MANAGE_ACCOUNT,
        description="The webhooks for audit events, the oldest first.",
    )

    billing: Billing | None = same("What it is billed, and how.", allow=Permission.MANAGE_BILLING)

    limits: AccountLimits = same("What it may use, and uses.")
