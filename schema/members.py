from datetime import datetime

import strawberry

import models
from models.members import Role
from permissions.allow import ANYONE, HasOrOwns
from permissions.roles import Permission, permissions_of
from resolvers.audit import member_activity
from resolvers.licenses import member_licenses
from schema.audit import AuditEventConnection, AuditLogFilter
from schema.connections import Connection
from schema.errors import Payload, result
from schema.fields import Node, connection, derived, guarded, object_type, to_one
from schema.later import Account
from schema.licenses import License, LicenseFilter


def _permissions(role: Role, removed_at: datetime | None) -> list[Permission]:
    return [] if removed_at else permissions_of(role)


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


@strawberry.input(description="Which members.")
class MemberFilter:
    search: str | None = strawberry.field(
        default=None, description="Part of the name; of the address too, for who may see addresses."
    )
    roles: list[Role] | None = strawberry.field(default=None, description="Of these roles.")
    include_removed: bool | None = strawberry.field(
        default=None, description="Also those that have left or were removed."
    )


@strawberry.input(description="A member's new role.")
class ChangeMemberRoleInput:
    member_id: strawberry.ID = strawberry.field(description="Whose. The owner stays Admin.")
    role: Role = strawberry.field(description="Holds from the next request on.")


@object_type(allow=ANYONE, description="The member with its new role.")
class ChangeMemberRolePayload(Payload):
    member: Member | None = result("The member.")


@strawberry.input(description="Who is to go.")
class RemoveMemberInput:
    member_id: strawberry.ID = strawberry.field(description="Not the owner.")
    transfer_licenses_to: strawberry.ID | None = strawberry.field(
        default=None, description="The member who gets the licenses; the owner where nobody is named."
    )


@object_type(allow=ANYONE, description="The member that was removed.")
class RemoveMemberPayload(Payload):
    member: Member | None = result("The member, as it is kept for the log.")


@strawberry.input(description="Which account to leave.")
class LeaveAccountInput:
    account_id: strawberry.ID = strawberry.field(description="One that the viewer does not own.")


@object_type(allow=ANYONE, description="The membership that has ended.")
class LeaveAccountPayload(Payload):
    member: Member | None = result("The viewer's member, as it is kept for the log.")
