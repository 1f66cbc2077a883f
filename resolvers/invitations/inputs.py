"""Inputs of invitations: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.invitations import InvitationStatus
from models.members import Role
from resolvers.input_fields import idempotency_key, token


@strawberry.input(description="Conditions for a list of invitations. An invitation must meet all of them.")
class InvitationFilter:
    statuses: list[InvitationStatus] | None = items(
        "Only invitations with one of these statuses. If omitted, invitations of any status.",
        most=100,
        default=None,
    )
    email: str | None = text(
        "Only invitations of this email address, compared case-insensitively. If omitted,"
        " invitations of any address.",
        most=320,
        default=None,
    )


@strawberry.input(
    description="Input of `inviteMember`: the email address and the role of the person to invite."
)
class InviteMemberInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account that the person is to join.")
    email: str = text("Email address to invite, compared case-insensitively.", most=320)
    role: Role = strawberry.field(description="Role that the person receives on joining.")
    message: str | None = text(
        "Personal message to include in the email, as plain text. If omitted, the email has none.",
        most=1_000,
        default=None,
    )
    access_until: datetime | None = strawberry.field(
        default=None,
        description="Time at which the membership ends by itself, in the future. The invitation expires by"
        " then too. If omitted or null, the membership does not end by itself.",
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Person to invite with `inviteMembers`, and the role for that person.")
class InvitationInput:
    email: str = text("Email address to invite, compared case-insensitively.", most=320)
    role: Role = strawberry.field(description="Role that the person receives on joining.")
    message: str | None = text(
        "Personal message to include in the email, as plain text. If omitted, the email has none.",
        most=1_000,
        default=None,
    )
    access_until: datetime | None = strawberry.field(
        default=None,
        description="Time at which the membership ends by itself, in the future. The invitation expires by"
        " then too. If omitted or null, the membership does not end by itself.",
    )


@strawberry.input(description="Input of `inviteMembers`: up to 1,000 people to invite.")
class InviteMembersInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account that the people are to join.")
    invitations: list[InvitationInput] = items("People to invite, at least one.", most=1_000)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Input of `resendInvitation`: the invitation to send again.")
class ResendInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="Id of a pending or expired invitation.")


@strawberry.input(description="Input of `changeInvitationRole`: a pending invitation and the new role.")
class ChangeInvitationRoleInput:
    invitation_id: strawberry.ID = strawberry.field(description="Id of a pending invitation.")
    role: Role = strawberry.field(description="New role that the person receives on joining.")


@strawberry.input(description="Input of `revokeInvitation`: the invitation to revoke.")
class RevokeInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(
        description="Id of an invitation that was neither accepted nor declined."
    )


@strawberry.input(
    description="Input of `acceptInvitation`: the token of the link, and a name for a new person."
)
class AcceptInvitationInput:
    token: str = token("Token of the link in the invitation email.")
    name: str | None = text(
        "Display name for a person who does not have one yet; ignored for others. If omitted, it is derived"
        " from the email address.",
        most=100,
        default=None,
    )


@strawberry.input(description="Input of `declineInvitation`: the token of the emailed link.")
class DeclineInvitationInput:
    token: str = token("Token of the link in the invitation email.")
