"""Invites people to an account. `sent_invitations.py` has the later changes of an Admin, and `joining.py`
those of the invited person."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from engine.snapshots import new_row
from models.audit import AuditAction
from models.columns import now
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
    invitation_message,
    refuse_known,
    roster_of,
    tell_of_expiry,
)
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
        email = clean_email(input.email, "email")
        message = clean_text(input.message, "A message", "message")
        roster = await roster_of(tx, [email])
        await count_emails_to(tx, context.settings, roster, [email], "email")
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
        texts = [_texts_or_errors(row, index) for index, row in enumerate(input.invitations)]
        addresses = [row.email for row in texts if isinstance(row, _Texts)]
        roster = await roster_of(tx, addresses)
        await count_emails_to(tx, context.settings, roster, addresses, "invitations")
        results: list[Outcome] = []
        for index, (row, text) in enumerate(zip(input.invitations, texts, strict=True)):
            if index % _AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                if isinstance(text, UserErrors):
                    raise text
                path = ("invitations", str(index), "email")
                invitation = _invite(tx, context.settings, roster, text.email, row.role, text.message, path)
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


def _invite(
    tx: Change,
    settings: Settings,
    roster: Roster,
    email: str,
    role: Role,
    message: str | None,
    path: tuple[str, ...] = ("email",),
) -> Invitation:
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
        message=message,
        token_hash=token_hash,
        invited_by_id=tx.acting.id,
        expires_at=now() + timedelta(seconds=settings.invitation_lifetime_seconds),
    )
    roster.pending[email] = invitation
    roster.new.append(invitation)
    tx.enqueue(invitation_message(tx, settings, invitation, token))
    tx.record(invitation, email, f"invited {email} as {role.value.title()}", email=email, role=role.value)
    return invitation


@dataclass(frozen=True)
class _Texts:
    email: str
    message: str | None


def _texts_or_errors(row: InvitationInput, index: int) -> _Texts | UserErrors:
    path = ("invitations", str(index))
    try:
        message = clean_text(row.message, "A message", *path, "message")
        return _Texts(clean_email(row.email, *path, "email"), message)
    except UserErrors as refusal:
        return refusal
