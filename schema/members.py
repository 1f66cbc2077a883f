from datetime import datetime
from typing import Any

import strawberry

import models
from engine.row_fields import ROW, Same
from models.members import Role
from permissions.allow import HasOrOwns
from permissions.roles import Permission, permissions_of
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit.queries import member_activity
from resolvers.licenses.inputs import LicenseFilter
from resolvers.licenses.queries import member_licenses
from resolvers.members import offboarding as left_behind
from schema.api_keys import ApiKey
from schema.audit import AuditEventConnection
from schema.connections import Connection
from schema.fields import Info, Node, computed, connection, derived, guarded, object_type, to_one
from schema.invitations import Invitation
from schema.lazy_types import Account
from schema.licenses import License


def _itself(root: strawberry.Parent[Any]) -> Any:
    return root


def _permissions(role: Role, removed_at: datetime | None) -> list[Permission]:
    return [] if removed_at else permissions_of(role)


@object_type(
    allow=Permission.REMOVE_MEMBERS,
    of=models.Member,
    description="What would be left behind: licenses, which go to another member, and keys, which end.",
)
class Offboarding:
    @computed(int, "How many active licenses the member holds.")
    async def active_licenses(root: strawberry.Parent[models.Member], info: Info) -> int:
        return await left_behind.active_licenses(info.context, root)

    @computed(list[ApiKey], f"Those that work: the newest {left_behind.MOST_SHOWN}.")
    async def active_api_keys(root: strawberry.Parent[models.Member], info: Info) -> list[models.ApiKey]:
        return await left_behind.active_api_keys(info.context, root)

    @computed(
        list[Invitation], f"Those that the member sent, which stay: the newest {left_behind.MOST_SHOWN}."
    )
    async def pending_invitations(
        root: strawberry.Parent[models.Member], info: Info
    ) -> list[models.Invitation]:
        return await left_behind.pending_invitations(info.context, root)


@object_type(allow=Permission.VIEW_TEAM, of=models.Member, description="A person in an account, with a role.")
class Member(Node):
    account: Account = to_one(models.Account, "account_id", "Where.")
    name: str = strawberry.field(description="As the person calls itself.")
    email: str | None = guarded(
        allow=HasOrOwns(Permission.INVITE_MEMBERS, own="id"), description="For Admins, and the member itself."
    )
    role: Role = strawberry.field(description="As of now.")
    is_owner: bool = strawberry.field(description="Whether all purchases are billed to this member.")
    joined_at: datetime = strawberry.field(description="When the person joined.")
    last_active_at: datetime | None = strawberry.field(description="Precise to the minute.")
    removed_at: datetime | None = strawberry.field(
        description="Set once the member has left or was removed; the record stays, the log names it."
    )

    permissions: list[Permission] = derived(_permissions, "What the member may do, as of now.")
    licenses: Connection[License] | None = connection(
        member_licenses,
        allow=Permission.VIEW_ACTIVE_LICENSES,
        filter=LicenseFilter,
        description="Those that the member holds and the viewer may see. The newest first.",
    )
    activity: AuditEventConnection | None = connection(
        member_activity,
        allow=HasOrOwns(Permission.VIEW_AUDIT_LOG, own="id", needs=Permission.VIEW_OWN_ACTIVITY),
        filter=AuditLogFilter,
        description="What the member did, the newest first. For Admins, and the member itself.",
    )
    offboarding: Offboarding | None = guarded(
        allow=Permission.REMOVE_MEMBERS,
        resolver=_itself,
        metadata={ROW: Same()},
        description="What would be left behind if this member were removed now.",
    )
