from datetime import datetime

import strawberry

import models
from models.invitations import DeliveryStatus, InvitationStatus
from models.members import Role
from permissions.allow import ANYONE
from permissions.roles import Permission
from resolvers.invitations import joining
from schema.fields import Node, computed_from_columns, object_type, to_one
from schema.lazy_types import Account, Member


@object_type(
    allow=Permission.INVITE_MEMBERS,
    of=models.Invitation,
    description="Invitation of an email address to join an account with a role.",
)
class Invitation(Node):
    account: Account = to_one(models.Account, "account_id", "Account that the invited person is to join.")
    email: str = strawberry.field(description="Email address that was invited, or `Erased person`.")
    role: Role = strawberry.field(description="Role that the person receives on joining.")
    message: str | None = strawberry.field(
        description="Personal message included in the email. Null when there is none."
    )
    status: InvitationStatus = computed_from_columns(
        models.Invitation.status_of,
        "Status of the invitation at the time of the request.",
        expression=models.Invitation.status_now,
    )
    delivery: DeliveryStatus = strawberry.field(description="Delivery status of the most recent email.")
    delivery_error: str | None = strawberry.field(
        description="Reason given by the mail server for not accepting the most recent email. Null when"
        " there was no failure."
    )
    invited_by: Member = to_one(models.Member, "invited_by_id", "Member who sent the invitation.")
    created_at: datetime = strawberry.field(description="Time at which the invitation was created.")
    sent_at: datetime | None = strawberry.field(
        description="Time at which the mail server accepted the most recent email. Null when it has not yet."
    )
    expires_at: datetime = strawberry.field(description="Time until which the emailed link is valid.")
    access_until: datetime | None = strawberry.field(
        description="Time at which the membership that the invitation leads to ends by itself. Null when it"
        " does not."
    )
    accepted_by: Member | None = to_one(
        models.Member, "accepted_by_id", "Member who joined with this invitation. Null when nobody has."
    )


@object_type(
    allow=ANYONE,
    of=joining.InvitationPreview,
    description="Data of an invitation that is shown to anyone who has its link, before signing in.",
)
class InvitationPreview:
    account_name: str = strawberry.field(
        description="Name of the account that the invited person is to join."
    )
    role: Role = strawberry.field(description="Role that the person receives on joining.")
    status: InvitationStatus = strawberry.field(
        description="Status of the invitation at the time of the request."
    )
    expires_at: datetime = strawberry.field(description="Time until which the emailed link is valid.")
    invited_by_name: str = strawberry.field(description="Name of the member who sent the invitation.")
    masked_email: str = strawberry.field(
        description="Invited email address, masked so that only its owner recognizes it: `j•••@e•••.com`."
    )
