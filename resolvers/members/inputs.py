"""Inputs of members: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import items, text
from models.members import Role


@strawberry.input(description="Which members.")
class MemberFilter:
    search: str | None = text(
        "Part of the name; of the address too, for who may see addresses.", most=200, default=None
    )
    roles: list[Role] | None = items("Of these roles.", most=100, default=None)
    include_removed: bool | None = strawberry.field(
        default=None, description="Also those that have left or were removed."
    )


@strawberry.input(description="A member's new role.")
class ChangeMemberRoleInput:
    member_id: strawberry.ID = strawberry.field(description="Whose. The owner stays Admin.")
    role: Role = strawberry.field(description="Holds from the next request on.")


@strawberry.input(description="Who is to go.")
class RemoveMemberInput:
    member_id: strawberry.ID = strawberry.field(description="Not the owner.")
    transfer_licenses_to: strawberry.ID | None = strawberry.field(
        default=None, description="The member who gets the licenses; the owner where nobody is named."
    )


@strawberry.input(description="Which account to leave.")
class LeaveAccountInput:
    account_id: strawberry.ID = strawberry.field(description="One that the viewer does not own.")
