from datetime import datetime

import strawberry

import models
from engine.input_limits import items, text
from models.invitations import DeliveryStatus, InvitationStatus
from models.members import Role
from permissions.allow import ANYONE
from permissions.roles import Permission
from resolvers.invitations import joining
from schema.fields import Node, derived, object_type, to_one
from schema.lazy_types import Account, Member
from schema.user_errors import Payload, idempotency_key, result, token


@object_type(
    allow=Permission.INVITE_MEMBERS,
    of=models.Invitation,
    description="Somebody was asked to join an account.",
)
class Invitation(Node):
    account: Account = to_one(models.Account, "account_id", "Where to.")
    email: str = strawberry.field(description="Whom.")
    role: Role = strawberry.field(description="As what.")
    message: str | None = strawberry.field(description="What the Admin added.")
    status: InvitationStatus = derived(
        models.Invitation.status_of, "What became of it.", expression=models.Invitation.status_now
    )
    delivery: DeliveryStatus = strawberry.field(description="Where the newest email is.")
    delivery_error: str | None = strawberry.field(
        description="What the mail server said, if it did not take it."
    )
    invited_by: Member = to_one(models.Member, "invited_by_id", "By whom.")
    created_at: datetime = strawberry.field(description="When.")
    sent_at: datetime | None = strawberry.field(description="When the mail server took the newest email.")
    expires_at: datetime = strawberry.field(description="Until when its link works.")
    accepted_by: Member | None = to_one(models.Member, "accepted_by_id", "Who joined by it.")


@object_type(
    allow=ANYONE,
    of=joining.InvitationPreview,
    description="What an invitation's link shows before anyone signs in.",
)
class InvitationPreview:
    account_name: str = strawberry.field(description="Where to.")
    role: Role = strawberry.field(description="As what.")
    status: InvitationStatus = strawberry.field(description="What became of it.")
    expires_at: datetime = strawberry.field(description="Until when its link works.")
    invited_by_name: str = strawberry.field(description="By whom.")
    masked_email: str = strawberry.field(
        description="Enough to recognise one's own address, too little to learn another's: `j•••@e•••.com`."
    )


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


@object_type(allow=ANYONE, description="The invitation, whose email is on its way.")
class InviteMemberPayload(Payload):
    invitation: Invitation | None = result("The invitation.")


@strawberry.input(description="One of several to invite.")
class InvitationInput:
    email: str = text("Whom.", most=320)
    role: Role = strawberry.field(description="As what.")


@strawberry.input(description="Whom to invite, up to 1,000 at a time.")
class InviteMembersInput:
    account_id: strawberry.ID = strawberry.field(description="Where to.")
    invitations: list[InvitationInput] = items("One or more.", most=1_000)
    idempotency_key: str | None = idempotency_key()


@object_type(allow=ANYONE, description="What became of each.")
class InviteMembersPayload(Payload):
    results: list[InviteMemberPayload] = strawberry.field(
        default_factory=list, description="One for each that was asked, in that order."
    )


@strawberry.input(description="Which invitation to send again.")
class ResendInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="One that waits or has expired.")


@object_type(allow=ANYONE, description="The invitation with its new link.")
class ResendInvitationPayload(Payload):
    invitation: Invitation | None = result("The old link is dead, and the time begins anew.")


@strawberry.input(description="Which invitation to withdraw.")
class RevokeInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="One that nobody has accepted.")


@object_type(allow=ANYONE, description="The invitation that was withdrawn.")
class RevokeInvitationPayload(Payload):
    invitation: Invitation | None = result("Its link is dead.")


@strawberry.input(description="The emailed link's token.")
class AcceptInvitationInput:
    token: str = token("What stands in the link.")
    name: str | None = text(
        "For somebody new; made from the address where it is left out.", most=100, default=None
    )


@object_type(allow=ANYONE, description="The new member.")
class AcceptInvitationPayload(Payload):
    member: Member | None = result("The new member.")
    session_token: str | None = result(
        "Session token of a person that the acceptance created, for clients without cookies. Shown once; null"
        " for somebody who existed already, who signs in by an emailed link."
    )


@strawberry.input(description="The emailed link's token.")
class DeclineInvitationInput:
    token: str = token("What stands in the link.")


@object_type(allow=ANYONE, description="The invitation that was declined.")
class DeclineInvitationPayload(Payload):
    invitation: InvitationPreview | None = result("As its link shows it.")
