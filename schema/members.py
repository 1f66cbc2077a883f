from datetime import datetime
from typing import cast

import strawberry

import models
from engine.list_sizes import usually
from engine.row_fields import ROW, Same
from models.member_limits import MOST_THEMES
from models.members import Role
from permissions.allow import HasOrOwns
from permissions.roles import Permission, permissions_of
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit.queries import member_activity
from resolvers.licenses.inputs import LicenseFilter
from resolvers.licenses.queries import member_licenses
from resolvers.members import offboarding as left_behind
from resolvers.members.limits import allowed_themes, member_limits
from schema.api_keys import ApiKey
from schema.audit import AuditEventConnection
from schema.catalog import Theme
from schema.connections import Connection
from schema.fields import (
    Info,
    Node,
    computed,
    computed_from_columns,
    connection,
    guarded,
    object_type,
    to_one,
)
from schema.invitations import Invitation
from schema.lazy_types import Account
from schema.licenses import License


def _itself(root: strawberry.Parent[object]) -> object:
    return root


def _permissions(role: Role, removed_at: datetime | None, access_until: datetime | None) -> list[Permission]:
    return [] if models.Member.ended(removed_at, access_until) else permissions_of(role)


@object_type(
    allow=Permission.REMOVE_MEMBERS,
    of=models.Member,
    description="Objects that would be affected if a member were removed now.",
)
class Offboarding:
    @computed(int, "Number of active licenses that the member holds. On removal they pass to another member.")
    async def active_licenses(root: strawberry.Parent[models.Member], info: Info) -> int:
        return await left_behind.active_licenses(info.context, root.account_id, root.id)

    @computed(
        list[ApiKey],
        "API keys of the member with the status ACTIVE, newest first, at most"
        f" {left_behind.MOST_SHOWN}. They are revoked on removal.",
        size=usually(10, most=left_behind.MOST_SHOWN),
    )
    async def active_api_keys(root: strawberry.Parent[models.Member], info: Info) -> list[models.ApiKey]:
        return await left_behind.active_api_keys(info.context, root)

    @computed(
        list[Invitation],
        "Pending invitations from the member, newest first, at most"
        f" {left_behind.MOST_SHOWN}. They stay valid after the removal.",
        size=usually(10, most=left_behind.MOST_SHOWN),
    )
    async def pending_invitations(
        root: strawberry.Parent[models.Member], info: Info
    ) -> list[models.Invitation]:
        return await left_behind.pending_invitations(info.context, root)


@object_type(
    allow=Permission.VIEW_TEAM,
    of=models.MemberLimits,
    description="Limits on what a member can license, within the limits of the account. They do not apply"
    " while the member is an Admin.",
)
class MemberLimits:
    max_active_licenses: int | None = strawberry.field(
        description="Maximum number of active licenses that the member can hold. Null when there is no limit."
    )

    @computed(int, "Number of licenses with the status ACTIVE that the member holds.")
    async def active_licenses(root: strawberry.Parent[models.MemberLimits], info: Info) -> int:
        return await left_behind.active_licenses(info.context, root.account_id, root.member_id)

    @computed(
        list[Theme] | None,
        "The only themes that the member can provision, download or receive licenses of. Null when every"
        " theme is allowed.",
        size=usually(10, most=MOST_THEMES),
    )
    async def themes(root: strawberry.Parent[models.MemberLimits], info: Info) -> list[models.Theme] | None:
        return await allowed_themes(info.context, root)


async def _limits(root: strawberry.Parent[models.Member], info: Info) -> MemberLimits | None:
    return cast("MemberLimits", await member_limits(info.context, root))


@object_type(
    allow=Permission.VIEW_TEAM,
    of=models.Member,
    description="Membership of a person in an account, with a role.",
)
class Member(Node):
    account: Account = to_one(models.Account, "account_id", "Account to which the membership belongs.")
    name: str = strawberry.field(
        description="Display name that the person has chosen, the same in every account; `Erased person`"
        " after the person was erased."
    )
    email: str | None = guarded(
        allow=HasOrOwns(Permission.INVITE_MEMBERS, own="id"),
        description="Email address of the member. Null after the person was erased.",
    )
    role: Role = strawberry.field(
        description="Current role of the member, or the last role of a member who left or was removed."
    )
    is_owner: bool = strawberry.field(
        description="Whether the member is the account's owner, to whom all purchases are billed."
    )
    joined_at: datetime = strawberry.field(description="Time at which the person joined the account.")
    last_active_at: datetime | None = strawberry.field(
        description="Time of the member's last request, accurate to the minute. Null when there was none yet."
    )
    removed_at: datetime | None = strawberry.field(
        description="Time at which the member left or was removed. Null for a current member. The record"
        " remains because audit events refer to it."
    )
    access_until: datetime | None = strawberry.field(
        description="Time at which the membership ends by itself. Null when it does not."
    )

    permissions: list[Permission] = computed_from_columns(
        _permissions, "Permissions of the member's current role. Empty for a member who left or was removed."
    )
    limits: MemberLimits | None = guarded(
        allow=HasOrOwns(Permission.ASSIGN_ROLES, own="id"),
        resolver=_limits,
        description="Limits on what the member can license, within the limits of the account.",
    )
    licenses: Connection[License] | None = connection(
        member_licenses,
        allow=Permission.VIEW_ACTIVE_LICENSES,
        filter=LicenseFilter,
        description="Licenses that the member holds and the viewer can see, newest first.",
    )
    activity: AuditEventConnection | None = connection(
        member_activity,
        allow=HasOrOwns(Permission.VIEW_AUDIT_LOG, own="id", needs=Permission.VIEW_OWN_ACTIVITY),
        filter=AuditLogFilter,
        description="Audit events that the member caused, newest first.",
    )
    offboarding: Offboarding | None = guarded(
        allow=Permission.REMOVE_MEMBERS,
        resolver=_itself,
        metadata={ROW: Same()},
        description="Objects that would be affected if the member were removed now.",
    )
