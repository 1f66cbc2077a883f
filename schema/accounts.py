from datetime import datetime
from decimal import Decimal
from typing import Annotated, cast

import strawberry

import models
from engine.input_limits import items_argument
from engine.row_loader import load
from permissions.allow import SIGNED_IN
from permissions.roles import Permission
from permissions.viewer import Membership
from resolvers.accounts.queries import account_owner, active_licenses
from resolvers.api_keys.inputs import ApiKeyFilter
from resolvers.api_keys.queries import account_api_keys
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit.integrity import account_integrity
from resolvers.audit.queries import account_audit_log
from resolvers.audit_streams.queries import account_audit_streams
from resolvers.billing.inputs import PurchaseItemInput
from resolvers.billing.invoices import spent_this_month
from resolvers.billing.purchase_items import MOST_ITEMS
from resolvers.billing.quotes import purchase_quote
from resolvers.invitations.inputs import InvitationFilter
from resolvers.invitations.queries import account_invitations
from resolvers.licenses.inputs import EntitlementFilter, LicenseFilter
from resolvers.licenses.queries import LicenseOrder, account_entitlements, account_licenses
from resolvers.members.inputs import MemberFilter
from resolvers.members.queries import MemberOrder, account_members
from schema.api_keys import ApiKey
from schema.audit import AuditEventConnection, AuditIntegrity
from schema.audit_streams import AuditStream
from schema.billing import Billing, PurchaseQuote, shown_quote
from schema.connections import Connection
from schema.fields import Info, Node, computed, computed_from_columns, connection, guarded, object_type, same
from schema.invitations import Invitation
from schema.licenses import Entitlement, License
from schema.members import Member
from schema.money import Money


async def _spent_this_month(root: strawberry.Parent[models.Account], info: Info) -> Money | None:
    return Money(amount=await spent_this_month(info.context.database, root), currency=root.currency)


def _max_monthly_spend(max_monthly_spend: Decimal | None, currency: str) -> Money | None:
    return None if max_monthly_spend is None else Money(amount=max_monthly_spend, currency=currency)


async def _owner(root: strawberry.Parent[models.Account], info: Info) -> models.Member:
    return await account_owner(info.context, root)


def _own_membership(root: models.Account, info: Info) -> Membership:
    membership = info.context.signed_in().own_membership(root.id)
    if membership is None:
        raise LookupError("an account is shown to its members only")
    return membership


async def _purchase_quote(
    root: strawberry.Parent[models.Account],
    info: Info,
    items: Annotated[
        list[PurchaseItemInput],
        items_argument("Themes and the number of licenses for each, at least one.", most=MOST_ITEMS),
    ],
) -> PurchaseQuote | None:
    return shown_quote(await purchase_quote(info.context, root, items))


async def _audit_integrity(root: strawberry.Parent[models.Account], info: Info) -> AuditIntegrity | None:
    return cast("AuditIntegrity", await account_integrity(info.context, root))


@object_type(
    allow=SIGNED_IN, of=models.Account, description="Limits of an account and how much of them is used."
)
class AccountLimits:
    @computed(int, "Number of licenses whose status is ACTIVE.")
    async def active_licenses(root: strawberry.Parent[models.Account], info: Info) -> int:
        return await active_licenses(info.context, root)

    max_active_licenses: int | None = strawberry.field(
        description="Maximum number of active licenses. Null when there is no limit."
    )
    spent_this_month: Money | None = guarded(
        allow=Permission.MANAGE_BILLING,
        resolver=_spent_this_month,
        description="Total of the invoices issued in the current calendar month (UTC), including tax. Void"
        " invoices are not counted.",
    )
    max_monthly_spend: Money | None = computed_from_columns(
        _max_monthly_spend,
        "Maximum total of purchases in a calendar month (UTC), including tax. Null when there is no limit.",
    )


@object_type(
    allow=SIGNED_IN,
    of=models.Account,
    description="Rules of an account about sessions and API keys.",
)
class SecurityPolicy:
    max_session_age_seconds: int | None = strawberry.field(
        description="Maximum age of a session in seconds. Null when there is no rule."
    )
    api_key_max_lifetime_days: int | None = strawberry.field(
        description="Maximum lifetime of an API key in days. Null when there is no rule."
    )
    api_key_revoke_unused_after_days: int | None = strawberry.field(
        description="Number of days without use after which an API key is revoked. Null when there is no"
        " rule."
    )


@object_type(
    allow=SIGNED_IN,
    of=models.Account,
    description="Company account with its team, licenses, billing and audit log. Visible to its members"
    " only.",
)
class Account(Node):
    name: str = strawberry.field(
        description="Display name of the account. Holders of `MANAGE_ACCOUNT` can change it."
    )
    slug: str = strawberry.field(
        description="Unique name of the account in lower-case ASCII, such as `northwind-1a2b3c4d`, which"
        " file names of reports contain. It does not change when the account is renamed."
    )
    created_at: datetime = strawberry.field(description="Time at which the account was created.")

    @computed(
        bool,
        "Whether the viewer must sign in again to use this account, because its session is older than the"
        " security policy admits or was ended for this account. Until then, the account shows its name and"
        " the viewer's own membership only; other fields fail with `REAUTHENTICATION_REQUIRED`.",
    )
    def reauthentication_required(root: strawberry.Parent[models.Account], info: Info) -> bool:
        return root.id in info.context.signed_in().memberships_after_sign_in

    owner: Member = guarded(
        allow=SIGNED_IN,
        nullable=False,
        resolver=_owner,
        description="Member to whom all purchases are billed. The owner always has the role ADMIN.",
    )

    @computed(Member, "Membership of the viewer in this account.")
    async def viewer_member(root: strawberry.Parent[models.Account], info: Info) -> models.Member:
        member_id = _own_membership(root, info).member_id
        return await load(info.context, models.Member, member_id, account_id=root.id)

    @computed(
        list[Permission],
        "Permissions that the viewer has in this account now. With an API key, only those that its scopes"
        " include. Empty while `reauthenticationRequired` is true.",
    )
    def viewer_permissions(root: strawberry.Parent[models.Account], info: Info) -> list[Permission]:
        membership = info.context.signed_in().memberships.get(root.id)
        return membership.permissions if membership else []

    members: Connection[Member] | None = connection(
        account_members,
        allow=Permission.VIEW_TEAM,
        filter=MemberFilter,
        order=MemberOrder,
        description="Members of the team, sorted by time of joining, earliest first, unless `orderBy` is"
        " set. Members who left or were removed are included only with `includeRemoved` in the filter.",
    )
    invitations: Connection[Invitation] | None = connection(
        account_invitations,
        allow=Permission.INVITE_MEMBERS,
        filter=InvitationFilter,
        description="Invitations to this account, newest first.",
    )
    licenses: Connection[License] | None = connection(
        account_licenses,
        allow=Permission.VIEW_ACTIVE_LICENSES,
        filter=LicenseFilter,
        order=LicenseOrder,
        description="Licenses that the viewer can see: Viewers see active ones, Members also those that they"
        " hold or provisioned, Admins all. Newest first unless `orderBy` is set.",
    )
    entitlements: Connection[Entitlement] | None = connection(
        account_entitlements,
        allow=Permission.VIEW_ACTIVE_LICENSES,
        filter=EntitlementFilter,
        description="Licenses that the account has purchased or was granted, with the number in use: one"
        " entry for each theme, in the order in which the themes were first purchased.",
    )
    api_keys: Connection[ApiKey] | None = connection(
        account_api_keys,
        allow=SIGNED_IN,
        filter=ApiKeyFilter,
        description="API keys of the account, newest first. A viewer with `GENERATE_API_KEYS` sees all of"
        " them, any other viewer only its own.",
    )
    audit_log: AuditEventConnection | None = connection(
        account_audit_log,
        allow=Permission.VIEW_AUDIT_LOG,
        filter=AuditLogFilter,
        description="Events of the account's audit log, newest first. A member's own events are in"
        " `Member.activity`.",
    )
    audit_integrity: AuditIntegrity | None = guarded(
        allow=Permission.VIEW_AUDIT_LOG,
        resolver=_audit_integrity,
        description="Result of recomputing the hashes of the audit log to detect changed, missing or"
        " inserted events.",
    )

    audit_streams: Connection[AuditStream] | None = connection(
        account_audit_streams,
        allow=Permission.MANAGE_ACCOUNT,
        description="Audit streams that receive the account's audit events, oldest first. Deleted ones are"
        " not included.",
    )

    billing: Billing | None = same(
        "Billing details, invoices and outstanding amount of the account.", allow=Permission.MANAGE_BILLING
    )

    purchase_quote: PurchaseQuote | None = guarded(
        allow=Permission.PURCHASE_LICENSES,
        resolver=_purchase_quote,
        description="Amounts that `purchaseLicenses` would charge for the same items now, and the problems"
        " for which it would refuse them. Nothing is purchased or reserved.",
    )

    limits: AccountLimits = same(
        "Limits of the account and their current use.", allow=SIGNED_IN, nullable=False
    )
    security_policy: SecurityPolicy | None = same(
        "Rules of the account about sessions and API keys.", allow=Permission.VIEW_TEAM
    )
