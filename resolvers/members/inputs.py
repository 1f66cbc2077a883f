"""Inputs of members: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.members import Role


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


@strawberry.input(description="Input of `leaveAccount`: the account to leave.")
class LeaveAccountInput:
    account_id: strawberry.ID = strawberry.field(
        description="Id of the account to leave. Its owner cannot leave."
    )
