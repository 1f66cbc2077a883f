"""Inputs of invitations: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import items, text
from models.invitations import InvitationStatus
from models.members import Role
from resolvers.input_fields import idempotency_key, token


@strawberry.input(description="Which invitations.")
class InvitationFilter:
    statuses: list[InvitationStatus] | None = items("In these states.", most=100, default=None)
    email: str | None = text("Of this address.", most=320, default=None)


@strawberry.input(description="Whom to invite, as what.")
class InviteMemberInput:
    account_id: strawberry.ID = strawberry.field(description="Where to.")
    email: str = text("Whom.", most=320)
    role: Role = strawberry.field(description="As what.")
    message: str | None = text("A few words for the email.", most=1_000, default=None)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="One of several to invite.")
class InvitationInput:
    email: str = text("Whom.", most=320)
    role: Role = strawberry.field(description="As what.")


@strawberry.input(description="Whom to invite, up to 1,000 at a time.")
class InviteMembersInput:
    account_id: strawberry.ID = strawberry.field(description="Where to.")
    invitations: list[InvitationInput] = items("One or more.", most=1_000)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Which invitation to send again.")
class ResendInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="One that waits or has expired.")


@strawberry.input(description="Which invitation to withdraw.")
class RevokeInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="One that nobody has accepted.")


@strawberry.input(description="The emailed link's token.")
class AcceptInvitationInput:
    token: str = token("What stands in the link.")
    name: str | None = text(
        "For somebody new; made from the address where it is left out.", most=100, default=None
    )


@strawberry.input(description="The emailed link's token.")
class DeclineInvitationInput:
    token: str = token("What stands in the link.")
