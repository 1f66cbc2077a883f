"""Members and invited people among some email addresses, and the emails and events of invitations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import columns
from engine.statements import Statement, any_of, parameter
from mailer import messages
from mailer.messages import Message
from models.audit_actions import AuditAction
from models.columns import now
from models.invitations import Invitation, InvitationStatus
from models.members import Member
from resolvers.change import Change
from resolvers.events import PLATFORM
from resolvers.invitations.invitation_email_limits import count_emails, too_many_to
from resolvers.user_errors import UserErrorCode, user_error
from settings import Settings


@dataclass
class Roster:
    """Members and pending invitations of an account among some email addresses."""

    members: set[str]
    pending: dict[str, Invitation]
    """Invitations by email address. Some of them may have expired."""
    overdue: list[Invitation] = field(default_factory=list)
    """Expired ones that are replaced by new invitations."""
    new: list[Invitation] = field(default_factory=list)
    waiting: dict[str, datetime] = field(default_factory=dict)
    """Addresses over their limit of invitations from all accounts, with the time of the next one."""

    def is_free(self, email: str) -> bool:
        """Whether the address is neither a member's nor invited."""
        pending = self.pending.get(email)
        return email not in self.members and (
            pending is None or pending.status is not InvitationStatus.PENDING
        )


async def roster_of(tx: Change, emails: Sequence[str]) -> Roster:
    values = {"account_id": tx.account.id, "emails": emails}
    invited = await tx.rows(Invitation, _PENDING, **values)
    members = await tx.fetch(_MEMBERS, **values)
    return Roster({row[0] for row in members}, {invitation.email: invitation for invitation in invited})


_MEMBERS = Statement(
    lambda: select(col(Member.email)).where(
        col(Member.account_id) == parameter("account_id"),
        any_of(col(Member.email), parameter("emails")),
        Member.is_present(),
    )
)
_PENDING = Statement(
    lambda: select(*columns(Invitation)).where(
        col(Invitation.account_id) == parameter("account_id"),
        any_of(col(Invitation.email), parameter("emails")),
        col(Invitation.stored_status) == InvitationStatus.PENDING,
    )
)


async def count_emails_to(
    tx: Change, settings: Settings, roster: Roster, emails: Sequence[str], *path: str
) -> None:
    """Counts the emails that will be sent."""
    roster.waiting = await count_emails(
        tx, settings, [each for each in emails if roster.is_free(each)], *path
    )


def refuse_known(roster: Roster, email: str, path: tuple[str, ...]) -> None:
    if email in roster.members:
        raise user_error(UserErrorCode.ALREADY_MEMBER, f"{email} is already a member of this account.", *path)
    pending = roster.pending.get(email)
    if pending is not None and pending.status is InvitationStatus.PENDING:
        raise user_error(
            UserErrorCode.ALREADY_INVITED, f"{email} is already invited: resend that invitation.", *path
        )
    if email in roster.waiting:
        raise too_many_to(email, roster.waiting[email], *path)


def expiry_of(settings: Settings, access_until: datetime | None) -> datetime:
    """Expiry of a link that is sent now: not after the end of the membership that it leads to."""
    expires_at = now() + timedelta(seconds=settings.invitation_lifetime_seconds)
    return expires_at if access_until is None else min(expires_at, access_until)


def tell_of_expiry(tx: Change, invitation: Invitation) -> None:
    """Records the event of an invitation that has expired. The caller stores its new status."""
    did = f"expired the invitation of {invitation.email}"
    tx.record(
        invitation,
        invitation.email,
        did,
        action=AuditAction.INVITATION_EXPIRED,
        actor=PLATFORM,
        status=["PENDING", "EXPIRED"],
    )


def invitation_message(tx: Change, settings: Settings, invitation: Invitation, token: str) -> Message:
    return messages.invitation(
        to=invitation.email,
        inviter=tx.acting.name,
        account=tx.account.name,
        role=invitation.role,
        note=invitation.message,
        link=settings.join_link.replace("{token}", token),
        expires_at=invitation.expires_at,
        access_until=invitation.access_until,
        delivery=messages.InvitationDelivery(invitation.account_id, invitation.id, invitation.emails),
    )
