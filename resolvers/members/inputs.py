"""Inputs of members: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.member_limits import MOST_THEMES
from models.members import Role
from resolvers.input_fields import idempotency_key


@strawberry.input(description="Conditions for a list of members. A member must meet all of them.")
class MemberFilter:
    search: str | None = text(
        "Only members whose name contains this text, ignoring case. With `INVITE_MEMBERS`,"
        " email addresses are searched too. If omitted, any member.",
        most=200,
        default=None,
    )
    roles: list[Role] | None = items(
        "Only members with one of these roles. If omitted, members with any role.", most=100, default=None
    )
    include_removed: bool | None = strawberry.field(
        default=None,
        description="`true` includes members who left or were removed. If omitted, they are not included.",
    )
    inactive_since: datetime | None = strawberry.field(
        default=None,
        description="Only members whose last activity was before this time. Members without activity count"
        " from the time at which they joined. If omitted, any member.",
    )


@strawberry.input(description="Input of `changeMemberRole`: a member and the new role.")
class ChangeMemberRoleInput:
    member_id: strawberry.ID = strawberry.field(
        description="Id of the member whose role changes. The owner's role cannot change."
    )
    role: Role = strawberry.field(description="New role, which applies from the next request on.")


@strawberry.input(description="Member in `changeMemberRoles`, and the new role of that member.")
class MemberRoleInput:
    member_id: strawberry.ID = strawberry.field(
        description="Id of the member whose role changes. The owner's role cannot change."
    )
    role: Role = strawberry.field(description="New role, which applies from the next request on.")


@strawberry.input(description="Input of `changeMemberRoles`: up to 1,000 members and their new roles.")
class ChangeMemberRolesInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account that the members belong to.")
    members: list[MemberRoleInput] = items("Members and their new roles, at least one.", most=1_000)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Input of `removeMember`: the member, and who receives the member's licenses.")
class RemoveMemberInput:
    member_id: strawberry.ID = strawberry.field(
        description="Id of the member to remove. The owner cannot be removed."
    )
    transfer_licenses_to: strawberry.ID | None = strawberry.field(
        default=None,
        description="Id of the member to whom the licenses of the removed member pass. If omitted, the"
        " owner.",
    )


@strawberry.input(
    description="Input of `setMemberLimits`. A limit that is omitted does not change; null removes it."
)
class SetMemberLimitsInput:
    member_id: strawberry.ID = strawberry.field(description="Id of the member whose limits are set.")
    max_active_licenses: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Maximum number of active licenses that the member can hold, 0 or more. If omitted,"
        " unchanged; null for no limit.",
    )
    theme_ids: list[strawberry.ID] | None = items(
        "Ids of the only themes that the member can provision, download or receive licenses of. An empty list"
        " allows none. If omitted, unchanged; null for all themes.",
        most=MOST_THEMES,
        default=strawberry.UNSET,
    )


@strawberry.input(description="Input of `endMemberSessions`: the member who must sign in again.")
class EndMemberSessionsInput:
    member_id: strawberry.ID = strawberry.field(
        description="Id of the member whose sessions are ended for the account."
    )


@strawberry.input(
    description="Input of `removeMembers`: up to 1,000 members, and who receives all of their licenses."
)
class RemoveMembersInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account that the members belong to.")
    member_ids: list[strawberry.ID] = items(
        "Ids of the members to remove, at least one. The owner cannot be removed.", most=1_000
    )
    transfer_licenses_to: strawberry.ID | None = strawberry.field(
        default=None,
        description="Id of the member to whom the licenses of the removed members pass, and who is none of"
        " them. If omitted, the owner.",
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Input of `setMemberAccess`: a member and the end of the membership.")
class SetMemberAccessInput:
    member_id: strawberry.ID = strawberry.field(
        description="Id of the member whose membership gets an end. The owner's has none."
    )
    until: datetime | None = strawberry.field(
        default=None,
        description="Time at which the membership ends by itself, in the future. If omitted or null, it does"
        " not end by itself.",
    )


@strawberry.input(description="Input of `leaveAccount`: the account to leave.")
class LeaveAccountInput:
    account_id: strawberry.ID = strawberry.field(
        description="Id of the account to leave. Its owner cannot leave."
    )
