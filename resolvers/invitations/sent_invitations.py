"""Changes that an Admin makes to invitations that were sent."""

from models.audit_actions import AuditAction
from models.columns import now
from models.invitations import DeliveryStatus, Invitation, InvitationStatus
from models.members import Role
from permissions.context import Context
from permissions.tokens import new_token
from resolvers.change import Change, change
from resolvers.invitations.inputs import (
    ChangeInvitationRoleInput,
    ResendInvitationInput,
    RevokeInvitationInput,
)
from resolvers.invitations.roster import (
    count_emails_to,
    expiry_of,
    invitation_message,
    refuse_known,
    roster_of,
    tell_of_expiry,
)
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, UserErrors, not_found, user_error
from settings import Settings


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
        invitation = await _send_again(tx, context.settings, invitation, invitation.role)
        did = f"resent the invitation of {invitation.email}"
        tx.record(invitation, invitation.email, did, emails=invitation.emails)
    return ResendInvitationResult(invitation=invitation)


@mutation_result
class ChangeInvitationRoleResult:
    """Payload of `changeInvitationRole`: the invitation with the new role."""

    invitation: Invitation = shown("Invitation with the new role. A changed role has a new link and expiry.")


async def change_invitation_role(
    context: Context, input: ChangeInvitationRoleInput
) -> ChangeInvitationRoleResult:
    """Sends the email again, because the first one states the previous role. Its link is no longer valid, so
    that nobody joins with a role other than the one it has read."""
    found = await _get(context, input.invitation_id)
    async with change(context, found.account_id, AuditAction.INVITATION_ROLE_CHANGED, on=found) as tx:
        invitation = await tx.get(Invitation, found.id)
        if invitation.status is not InvitationStatus.PENDING:
            raise _ended(invitation)
        if invitation.role is input.role:
            tx.without_event()
        else:
            before = invitation.role
            invitation = await _send_again(tx, context.settings, invitation, input.role)
            roles = f"from {before.value.title()} to {invitation.role.value.title()}"
            did = f"changed the role of the invitation of {invitation.email} {roles}"
            role = [before.value, invitation.role.value]
            tx.record(invitation, invitation.email, did, role=role, emails=invitation.emails)
    return ChangeInvitationRoleResult(invitation=invitation)


async def _send_again(tx: Change, settings: Settings, invitation: Invitation, role: Role) -> Invitation:
    """Enqueues a new email, whose link replaces the previous one. Raises `UserErrors`."""
    if invitation.access_until is not None and invitation.access_until <= now():
        raise user_error(
            UserErrorCode.INVITATION_EXPIRED,
            f"The access that {invitation.email} was offered has ended: invite the person again.",
            "invitationId",
        )
    await _make_room(tx, settings, invitation)
    token, token_hash = new_token()
    invitation = await tx.update(
        invitation,
        role=role,
        token_hash=token_hash,
        stored_status=InvitationStatus.PENDING,
        expires_at=expiry_of(settings, invitation.access_until),
        emails=invitation.emails + 1,
        delivery=DeliveryStatus.QUEUED,
        delivery_error=None,
        sent_at=None,
    )
    tx.enqueue(invitation_message(tx, settings, invitation, token))
    return invitation


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
    roster = await roster_of(tx, [invitation.email])
    pending = roster.pending.get(invitation.email)
    if pending is not None and pending.id == invitation.id:
        del roster.pending[invitation.email]
    await count_emails_to(tx, settings, roster, [invitation.email], "invitationId")
    refuse_known(roster, invitation.email, ("invitationId",))
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
        InvitationStatus.EXPIRED: (
            UserErrorCode.INVITATION_EXPIRED,
            "has an expired invitation: resend it, then change its role",
        ),
    }[invitation.status]
    return user_error(code, f"{invitation.email} {message}.", "invitationId")
