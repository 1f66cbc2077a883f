"""Invites people to an account. `sent_invitations.py` has the later changes of an Admin, and `joining.py`
those of the invited person."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.pauses import with_pauses
from engine.snapshots import new_row
from models.audit_actions import AuditAction
from models.invitations import Invitation, InvitationStatus
from models.members import Role
from permissions.context import Context
from permissions.tokens import new_token
from resolvers.accounts.queries import account_id_of
from resolvers.change import Change, change
from resolvers.invitations.inputs import InvitationInput, InviteMemberInput, InviteMembersInput
from resolvers.invitations.outcomes import Outcome, answer_of, earlier_outcomes
from resolvers.invitations.roster import (
    Roster,
    count_emails_to,
    expiry_of,
    invitation_message,
    refuse_known,
    roster_of,
    tell_of_expiry,
)
from resolvers.members.access import access_details, clean_access_end
from resolvers.results import mutation_result, shown
from resolvers.text import clean_email, clean_text
from resolvers.user_errors import UserErrors, invalid
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
        offer = _offer(input)
        roster = await roster_of(tx, [offer.email])
        await count_emails_to(tx, context.settings, roster, [offer.email], "email")
        invitation = _invite(tx, context.settings, roster, offer)
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
        rows_in_turn = with_pauses(enumerate(input.invitations), every=_AT_ONCE)
        offers = [_offer_or_errors(row, index) async for index, row in rows_in_turn]
        addresses = [offer.email for offer in offers if isinstance(offer, _Offer)]
        roster = await roster_of(tx, addresses)
        await count_emails_to(tx, context.settings, roster, addresses, "invitations")
        results: list[Outcome] = []
        async for index, offer in with_pauses(enumerate(offers), every=_AT_ONCE):
            try:
                if isinstance(offer, UserErrors):
                    raise offer
                path = ("invitations", str(index), "email")
                invitation = _invite(tx, context.settings, roster, offer, path)
                results.append(Outcome(invitation, []))
            except UserErrors as refusal:
                results.append(Outcome(None, refusal.errors))
        await _store(tx, roster)
        if not roster.new:
            tx.without_event("no person of the list could be invited")
        tx.remember(answer_of(results))
    return InviteMembersResult(results=results)


async def _store(tx: Change, roster: Roster) -> None:
    """Marks the expired ones first, because an address has at most one pending invitation."""
    await tx.update_all(roster.overdue, stored_status=InvitationStatus.EXPIRED)
    await tx.insert(*roster.new)


@dataclass(frozen=True)
class _Offer:
    """Invitation of one person, as it is asked for."""

    email: str
    role: Role
    message: str | None
    access_until: datetime | None


def _invite(
    tx: Change, settings: Settings, roster: Roster, offer: _Offer, path: tuple[str, ...] = ("email",)
) -> Invitation:
    email, role = offer.email, offer.role
    refuse_known(roster, email, path)
    if email in roster.pending:
        tell_of_expiry(tx, roster.pending[email])
        roster.overdue.append(roster.pending[email])
    token, token_hash = new_token()
    invitation = new_row(
        Invitation,
        account_id=tx.account.id,
        email=email,
        role=role,
        message=offer.message,
        token_hash=token_hash,
        invited_by_id=tx.acting.id,
        expires_at=expiry_of(settings, offer.access_until),
        access_until=offer.access_until,
    )
    roster.pending[email] = invitation
    roster.new.append(invitation)
    tx.enqueue(invitation_message(tx, settings, invitation, token))
    details = {"email": email, "role": role.value, **access_details(offer.access_until)}
    tx.record(invitation, email, f"invited {email} as {role.value.title()}", details)
    return invitation


def _offer_or_errors(row: InvitationInput, index: int) -> _Offer | UserErrors:
    try:
        return _offer(row, "invitations", str(index))
    except UserErrors as refusal:
        return refusal


def _offer(row: InviteMemberInput | InvitationInput, *path: str) -> _Offer:
    message = clean_text(row.message, "A message", *path, "message")
    access_until = clean_access_end(row.access_until, *path, "accessUntil")
    return _Offer(clean_email(row.email, *path, "email"), row.role, message, access_until)
