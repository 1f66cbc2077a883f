from datetime import datetime

import strawberry

import models
from models.invitations import DeliveryStatus, InvitationStatus
from models.members import Role
from permissions.allow import ANYONE
from permissions.roles import Permission
from resolvers.invitations import joining
from schema.fields import Node, derived, object_type, to_one
from schema.lazy_types import Account, Member


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
