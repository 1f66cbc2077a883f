"""Preview, acceptance and decline of an invitation by the invited person."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import columns, new_row, snapshot
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.audit import ActorKind, CredentialKind
from models.audit_actions import AuditAction
from models.columns import now
from models.invitations import Invitation, InvitationStatus
from models.members import Member, Role, User
from models.sessions import Session
from permissions.context import Context
from permissions.tokens import hash_token
from permissions.viewer import Credential
from resolvers.change import Change, system_change
from resolvers.events import Actor
from resolvers.invitations.inputs import AcceptInvitationInput, DeclineInvitationInput
from resolvers.members.access import REMINDER_DAYS, access_details, end_past_membership
from resolvers.membership_lock import insert_member
from resolvers.reminders import next_reminder
from resolvers.results import mutation_result, shown
from resolvers.sessions.mutations import name_from, person
from resolvers.sessions.sign_ins import SignIn, announce, record_in
from resolvers.sessions.tokens import open_session, opened_session
from resolvers.text import clean_line, mask_email
from resolvers.user_errors import UserErrorCode, UserErrors, WrongEmail, user_error


@dataclass(frozen=True)
class InvitationPreview:
    """Content of the invitation page, without a session."""

    account_name: str
    role: Role
    status: InvitationStatus
    expires_at: datetime
    invited_by_name: str
    masked_email: str
    invitation: Invitation


async def preview(context: Context, token: str) -> InvitationPreview | None:
    found = await context.database.fetch(_OPENED.sql, hash_token(token))
    if not found:
        return None
    *invitation, account_name, inviter = found[0]
    return _preview(snapshot(Invitation, invitation), account_name, inviter)


def _select_opened() -> AnySelect:
    return (
        select(*columns(Invitation), col(Account.name), col(Member.name))
        .join(Account, col(Account.id) == col(Invitation.account_id))
        .join(
            Member,
            (col(Member.account_id) == col(Invitation.account_id))
            & (col(Member.id) == col(Invitation.invited_by_id)),
        )
        .where(col(Invitation.token_hash) == parameter("token_hash"))
    )


_OPENED = Statement(
    _select_opened, across_accounts="a link is looked up by its hash, and says of which account it is"
)


def _preview(invitation: Invitation, account_name: str, inviter: str) -> InvitationPreview:
    return InvitationPreview(
        account_name,
        invitation.role,
        invitation.status,
        invitation.expires_at,
        inviter,
        mask_email(invitation.email),
        invitation,
    )


@mutation_result
class AcceptInvitationResult:
    """Payload of `acceptInvitation`: the membership, and a session for a new person."""

    member: Member = shown("Membership of the person who joined.")
    session_token: str | None = shown(
        "Session token for clients without cookies, sent as `Authorization: Bearer …`. It is shown once."
        " Null for a person who existed before and signs in with an emailed link instead, and in a browser"
        " page, which receives a cookie.",
        default=None,
    )


async def accept_invitation(context: Context, input: AcceptInvitationInput) -> AcceptInvitationResult:
    """Signs in only a person who is created by this acceptance, because strangers can send invitations and
    people forward them.

    Raises `UserErrors` with TOKEN_INVALID, WRONG_EMAIL, or the status of the invitation.
    """
    found = await _opened(context, input.token)
    session = session_token = None
    async with system_change(
        context.database,
        found.account_id,
        AuditAction.MEMBER_JOINED,
        None,
        context.client,
        announcer=context.announcer,
    ) as tx:
        invitation = await _locked(tx, found)
        if invitation.status is InvitationStatus.ACCEPTED:
            member, session_token = await _accept_again(tx, context, found, invitation, input.token)
        else:
            _refuse_ended(invitation)
            name = clean_line(input.name, "A name", "name") if input.name else name_from(invitation.email)
            user, is_new = await person(tx, invitation.email, name)
            await end_past_membership(tx, context.settings, user)
            member = await _join(tx, invitation, user)
            if is_new and context.viewer is None:
                session, session_token = await open_session(tx, context, user, input.token)
                record_in(tx, member, session)
    if session is not None:
        announce(context, SignIn(session, [member.account_id]))
    if session_token:
        context.token = session_token
        context.keep_cookie(session_token)
    await context.reload_viewer()
    return AcceptInvitationResult(member=member, session_token=None if context.is_page else session_token)


async def _accept_again(
    tx: Change, context: Context, found: Invitation, invitation: Invitation, token: str
) -> tuple[Member, str | None]:
    """Accepts a repeated request: a concurrent one, one of the person who is signed in, or one of the browser
    that the first request signed in. That browser gets the same session again."""
    tx.without_event()
    member = await tx.get(Member, cast("UUID", invitation.accepted_by_id))
    session_token = None
    if context.viewer is None:
        session_token = await opened_session(tx, context, token, member.user_id)
    is_concurrent = _is_concurrent(context, found, invitation)
    if member.has_ended or not (is_concurrent or session_token or context.viewer):
        _refuse_ended(invitation)
    return member, session_token


@mutation_result
class DeclineInvitationResult:
    """Payload of `declineInvitation`: the invitation as its recipient sees it."""

    invitation: InvitationPreview | None = shown("Invitation that was declined.")


async def decline_invitation(context: Context, input: DeclineInvitationInput) -> DeclineInvitationResult:
    found = await _opened(context, input.token)
    async with system_change(
        context.database,
        found.account_id,
        AuditAction.INVITATION_DECLINED,
        _invited(found),
        context.client,
        announcer=context.announcer,
    ) as tx:
        invitation = await _locked(tx, found)
        if invitation.status is InvitationStatus.DECLINED:
            tx.without_event()
        else:
            _refuse_ended(invitation)
            invitation = await tx.update(invitation, stored_status=InvitationStatus.DECLINED)
            tx.record(invitation, invitation.email, "declined the invitation", status=["PENDING", "DECLINED"])
    return DeclineInvitationResult(invitation=await preview(context, input.token))


async def _opened(context: Context, token: str) -> Invitation:
    """The invitation of the link. Raises `UserErrors` with TOKEN_INVALID, or with WRONG_EMAIL if another
    person is signed in."""
    shown = await preview(context, token)
    if shown is None:
        raise _no_link()
    viewer = context.viewer
    if viewer is not None and viewer.user.email != shown.invitation.email:
        raise UserErrors(
            WrongEmail(
                UserErrorCode.WRONG_EMAIL,
                f"This invitation is for {shown.masked_email}: sign in with that address.",
                ["token"],
                shown.masked_email,
                viewer.user.email,
            )
        )
    return shown.invitation


async def _locked(tx: Change, found: Invitation) -> Invitation:
    """The invitation under the account's lock, if its link is unchanged."""
    invitation = await tx.get(Invitation, found.id)
    if invitation.token_hash != found.token_hash:
        raise _no_link()
    return invitation


def _no_link() -> UserErrors:
    return user_error(
        UserErrorCode.TOKEN_INVALID,
        "This link is not valid: open the newest email, or ask to be invited again.",
        "token",
    )


def _is_concurrent(context: Context, found: Invitation, invitation: Invitation) -> bool:
    """Whether this request began before the acceptance was stored, as a concurrent repetition does."""
    accepted_at = invitation.accepted_at
    began_before = accepted_at is not None and context.started_at <= accepted_at < invitation.expires_at
    return found.status is InvitationStatus.PENDING or began_before


def _refuse_ended(invitation: Invitation) -> None:
    ended = {
        InvitationStatus.ACCEPTED: (
            UserErrorCode.INVITATION_ALREADY_USED,
            "This invitation was accepted already: sign in instead.",
        ),
        InvitationStatus.REVOKED: (
            UserErrorCode.INVITATION_REVOKED,
            "This invitation was revoked: ask to be invited again.",
        ),
        InvitationStatus.EXPIRED: (
            UserErrorCode.INVITATION_EXPIRED,
            "This invitation has expired: ask an Admin to send it again.",
        ),
        InvitationStatus.DECLINED: (
            UserErrorCode.NOT_ACTIVE,
            "This invitation was declined: ask to be invited again.",
        ),
    }.get(invitation.status)
    if ended:
        raise user_error(*ended, "token")


async def _join(tx: Change, invitation: Invitation, user: User) -> Member:
    ((sessions_valid_from,),) = await tx.fetch(_SESSIONS_ENDED, account_id=tx.account.id, user_id=user.id)
    member = new_row(
        Member,
        account_id=tx.account.id,
        user_id=user.id,
        name=user.name,
        email=user.email,
        role=invitation.role,
        access_until=invitation.access_until,
        access_reminder_at=next_reminder(invitation.access_until, REMINDER_DAYS),
        sessions_valid_from=sessions_valid_from,
    )
    await insert_member(tx, member)
    await tx.update(
        invitation, stored_status=InvitationStatus.ACCEPTED, accepted_by_id=member.id, accepted_at=now()
    )
    tx.actor = Actor(ActorKind.MEMBER, member.name, member.id, _credential(invitation))
    details = {"role": [None, member.role.value], **access_details(member.access_until)}
    tx.record(member, member.name, f"joined as {member.role.value.title()}", details)
    await tx.access_changed(user.id)
    return member


# Sessions that were ended for an earlier membership of the person stay ended.
_SESSIONS_ENDED = Statement(
    lambda: select(Session.last_ended_for_members()).where(
        col(Member.account_id) == parameter("account_id"), col(Member.user_id) == parameter("user_id")
    )
)


def _invited(invitation: Invitation) -> Actor:
    return Actor(ActorKind.MEMBER, invitation.email, None, _credential(invitation))


def _credential(invitation: Invitation) -> Credential:
    return Credential(CredentialKind.INVITATION, invitation.id, invitation.email)
