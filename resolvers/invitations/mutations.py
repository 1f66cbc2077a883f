"""Changes that an Admin makes to invitations. `joining.py` has those of the invited person."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import columns, new_row
from engine.statements import Statement, any_of, parameter
from mailer import messages
from mailer.messages import Message
from models.audit import AuditAction
from models.columns import now
from models.invitations import DeliveryStatus, Invitation, InvitationStatus
from models.members import Member, Role
from permissions.context import Context
from permissions.tokens import new_token
from resolvers.accounts.queries import account_id_of
from resolvers.change import Change, change
from resolvers.events import PLATFORM
from resolvers.invitations.inputs import (
    InviteMemberInput,
    InviteMembersInput,
    ResendInvitationInput,
    RevokeInvitationInput,
)
from resolvers.invitations.invitation_email_limits import count_emails, too_many_to
from resolvers.invitations.outcomes import Outcome, answer_of, earlier_outcomes
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.text import clean_email, clean_text
from resolvers.user_errors import UserErrorCode, UserErrors, invalid, not_found, user_error
from settings import Settings

MOST_INVITATIONS = 1_000
_AT_ONCE = 20
"""Number of invitations after which the event loop may serve other requests."""


@mutation_result
class InviteMemberResult:
    """Payload of `inviteMember`, and of each invitation in `inviteMembers`."""

    invitation: Invitation = shown("Invitation that was created. Its email is queued.")


async def invite_member(context: Context, input: InviteMemberInput) -> InviteMemberResult:
    account_id = account_id_of(input.account_id)
    async with change(context, account_id, AuditAction.MEMBER_INVITED, key=input.idempotency_key) as tx:
        if tx.earlier_answer:
            return InviteMemberResult(invitation=await tx.get(Invitation, UUID(tx.earlier_answer)))
        email = clean_email(input.email, "email")
        message = clean_text(input.message, "A message", "message")
        roster = await _roster(tx, [email])
        await _count_emails(tx, context.settings, roster, [email], "email")
        invitation = _invite(tx, context.settings, roster, email, input.role, message)
        await _store(tx, roster)
        tx.remember(str(invitation.id))
    return InviteMemberResult(invitation=invitation)


@mutation_result
class InviteMembersResult:
    """Payload of `inviteMembers`: a result for each person."""

    results: list[Outcome] = shown(
        "Results of the single invitations, in the order of the input. Each has its own `userErrors`.",
        shown_as="InviteMemberPayload",
        never_null=True,
    )


async def invite_members(context: Context, input: InviteMembersInput) -> InviteMembersResult:
    """Invites each person independently of the others. The result has an outcome for each row."""
    account_id = account_id_of(input.account_id)
    action, rows = AuditAction.MEMBER_INVITED, len(input.invitations)
    async with change(context, account_id, action, key=input.idempotency_key, rows=rows) as tx:
        if tx.earlier_answer is not None:
            return InviteMembersResult(results=await earlier_outcomes(tx))
        if not 1 <= len(input.invitations) <= MOST_INVITATIONS:
            raise invalid(f"Invite 1 to {MOST_INVITATIONS:,} people at a time.", "invitations")
        emails = [_email_or_errors(row.email, index) for index, row in enumerate(input.invitations)]
        addresses = [email for email in emails if isinstance(email, str)]
        roster = await _roster(tx, addresses)
        await _count_emails(tx, context.settings, roster, addresses, "invitations")
        results: list[Outcome] = []
        for index, (row, email) in enumerate(zip(input.invitations, emails, strict=True)):
            if index % _AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                if isinstance(email, UserErrors):
                    raise email
                path = ("invitations", str(index), "email")
                invitation = _invite(tx, context.settings, roster, email, row.role, None, path)
                results.append(Outcome(invitation, []))
            except UserErrors as refusal:
                results.append(Outcome(None, refusal.errors))
        await _store(tx, roster)
        if not roster.new:
            tx.without_event("no person of the list could be invited")
        tx.remember(answer_of(results))
    return InviteMembersResult(results=results)


@mutation_result
class ResendInvitationResult:
    """Payload of `resendInvitation`: the invitation with its new expiry."""

    invitation: Invitation = shown("Invitation with its new expiry. The previous link is no longer valid.")


async def resend_invitation(context: Context, input: ResendInvitationInput) -> ResendInvitationResult:
    """Invalidates the previous link. The new one is valid as long as the link of a new invitation."""
    found = await _get(context, input.invitation_id)
    async with change(context, found.account_id, AuditAction.INVITATION_RESENT, on=found) as tx:
        invitation = await tx.get(Invitation, found.id)
        if invitation.status not in (InvitationStatus.PENDING, InvitationStatus.EXPIRED):
            raise _ended(invitation)
        await _make_room(tx, context.settings, invitation)
        token, token_hash = new_token()
        invitation = await tx.update(
            invitation,
            token_hash=token_hash,
            stored_status=InvitationStatus.PENDING,
            expires_at=now() + timedelta(seconds=context.settings.invitation_lifetime_seconds),
            emails=invitation.emails + 1,
            delivery=DeliveryStatus.QUEUED,
            delivery_error=None,
            sent_at=None,
        )
        tx.enqueue(_message(tx, context.settings, invitation, token))
        did = f"resent the invitation of {invitation.email}"
        tx.record(invitation, invitation.email, did, emails=invitation.emails)
    return ResendInvitationResult(invitation=invitation)


@mutation_result
class RevokeInvitationResult:
    """Payload of `revokeInvitation`: the invitation that was revoked."""

    invitation: Invitation = shown("Invitation that was revoked. Its link is no longer valid.")


async def revoke_invitation(context: Context, input: RevokeInvitationInput) -> RevokeInvitationResult:
    found = await _get(context, input.invitation_id)
    async with change(context, found.account_id, AuditAction.INVITATION_REVOKED, on=found) as tx:
        invitation = await tx.get(Invitation, found.id)
        status = invitation.status
        if status is InvitationStatus.REVOKED:
            tx.without_event()
        elif status in (InvitationStatus.PENDING, InvitationStatus.EXPIRED):
            _note_expiry(tx, invitation)
            invitation = await tx.update(invitation, stored_status=InvitationStatus.REVOKED)
            did = f"revoked the invitation of {invitation.email}"
            tx.record(invitation, invitation.email, did, status=[status.value, "REVOKED"])
        else:
            raise _ended(invitation)
    return RevokeInvitationResult(invitation=invitation)


async def _get(context: Context, global_id: str) -> Invitation:
    invitation = await find(context, Invitation, global_id)
    if invitation is None:
        raise not_found("invitation", "invitationId")
    return invitation


async def _make_room(tx: Change, settings: Settings, invitation: Invitation) -> None:
    """Checks that the invitation may become pending again, and marks what has expired: an address has at most
    one pending invitation in an account. Raises `UserErrors`."""
    roster = await _roster(tx, [invitation.email])
    pending = roster.pending.get(invitation.email)
    if pending is not None and pending.id == invitation.id:
        del roster.pending[invitation.email]
    await _count_emails(tx, settings, roster, [invitation.email], "invitationId")
    _refuse_known(roster, invitation.email, ("invitationId",))
    _note_expiry(tx, invitation)
    for overdue in roster.pending.values():
        _note_expiry(tx, overdue)
    await tx.update_all(list(roster.pending.values()), stored_status=InvitationStatus.EXPIRED)


def _note_expiry(tx: Change, invitation: Invitation) -> None:
    """Records the expiry of an invitation that has expired and that the job has not marked yet."""
    if invitation.status is not invitation.stored_status:
        tell_of_expiry(tx, invitation)


def _ended(invitation: Invitation) -> UserErrors:
    code, message = {
        InvitationStatus.ACCEPTED: (UserErrorCode.INVITATION_ALREADY_USED, "has joined already"),
        InvitationStatus.REVOKED: (
            UserErrorCode.INVITATION_REVOKED,
            "no longer has an invitation: invite the person again",
        ),
        InvitationStatus.DECLINED: (
            UserErrorCode.NOT_ACTIVE,
            "declined the invitation: invite the person again",
        ),
    }[invitation.status]
    return user_error(code, f"{invitation.email} {message}.", "invitationId")


@dataclass
class _Roster:
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


async def _roster(tx: Change, emails: Sequence[str]) -> _Roster:
    values = {"account_id": tx.account.id, "emails": emails}
    invited = await tx.rows(Invitation, _PENDING, **values)
    members = await tx.fetch(_MEMBERS, **values)
    return _Roster({row[0] for row in members}, {invitation.email: invitation for invitation in invited})


_MEMBERS = Statement(
    lambda: select(col(Member.email)).where(
        col(Member.account_id) == parameter("account_id"),
        any_of(col(Member.email), parameter("emails")),
        col(Member.removed_at).is_(None),
    )
)
_PENDING = Statement(
    lambda: select(*columns(Invitation)).where(
        col(Invitation.account_id) == parameter("account_id"),
        any_of(col(Invitation.email), parameter("emails")),
        col(Invitation.stored_status) == InvitationStatus.PENDING,
    )
)


async def _store(tx: Change, roster: _Roster) -> None:
    """Marks the expired ones first, because an address has at most one pending invitation."""
    await tx.update_all(roster.overdue, stored_status=InvitationStatus.EXPIRED)
    await tx.insert(*roster.new)


async def _count_emails(
    tx: Change, settings: Settings, roster: _Roster, emails: Sequence[str], *path: str
) -> None:
    """Counts the emails that will be sent."""
    roster.waiting = await count_emails(
        tx, settings, [each for each in emails if roster.is_free(each)], *path
    )


def _invite(
    tx: Change,
    settings: Settings,
    roster: _Roster,
    email: str,
    role: Role,
    message: str | None,
    path: tuple[str, ...] = ("email",),
) -> Invitation:
    _refuse_known(roster, email, path)
    if email in roster.pending:
        tell_of_expiry(tx, roster.pending[email])
        roster.overdue.append(roster.pending[email])
    token, token_hash = new_token()
    invitation = new_row(
        Invitation,
        account_id=tx.account.id,
        email=email,
        role=role,
        message=message,
        token_hash=token_hash,
        invited_by_id=tx.acting.id,
        expires_at=now() + timedelta(seconds=settings.invitation_lifetime_seconds),
    )
    roster.pending[email] = invitation
    roster.new.append(invitation)
    tx.enqueue(_message(tx, settings, invitation, token))
    tx.record(invitation, email, f"invited {email} as {role.value.title()}", email=email, role=role.value)
    return invitation


def _refuse_known(roster: _Roster, email: str, path: tuple[str, ...]) -> None:
    if email in roster.members:
        raise user_error(UserErrorCode.ALREADY_MEMBER, f"{email} is already a member of this account.", *path)
    pending = roster.pending.get(email)
    if pending is not None and pending.status is InvitationStatus.PENDING:
        raise user_error(
            UserErrorCode.ALREADY_INVITED, f"{email} is already invited: resend that invitation.", *path
        )
    if email in roster.waiting:
        raise too_many_to(email, roster.waiting[email], *path)


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


def _message(tx: Change, settings: Settings, invitation: Invitation, token: str) -> Message:
    return messages.invitation(
        to=invitation.email,
        inviter=tx.acting.name,
        account=tx.account.name,
        role=invitation.role,
        note=invitation.message,
        link=settings.join_link.replace("{token}", token),
        expires_at=invitation.expires_at,
        delivery=messages.InvitationDelivery(invitation.account_id, invitation.id, invitation.emails),
    )


def _email_or_errors(text: str, index: int) -> str | UserErrors:
    try:
        return clean_email(text, "invitations", str(index), "email")
    except UserErrors as refusal:
        return refusal
