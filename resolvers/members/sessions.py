"""Ends the sessions of a member for one account. For other accounts of the person they stay valid."""

from sqlalchemy import exists, func, select
from sqlmodel import col

from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.audit_actions import AuditAction
from models.columns import now
from models.members import Member
from models.sessions import Session
from permissions.context import Context
from resolvers.change import Change, change
from resolvers.members.emails import tell_of_ended_sessions
from resolvers.members.inputs import EndMemberSessionsInput
from resolvers.members.mutations import find_member, owner_protected, present_member
from resolvers.results import mutation_result, shown

_OWNER_ENDS_THEM = "Only the owner can end the owner's sessions."


@mutation_result
class EndMemberSessionsResult:
    """Payload of `endMemberSessions`: the member whose sessions were ended."""

    member: Member = shown("Member who must sign in again to use this account.")


async def end_member_sessions(context: Context, input: EndMemberSessionsInput) -> EndMemberSessionsResult:
    """Without a session that was not ended before there is nothing to end, and no event.

    Nobody ends the owner's sessions but the owner: a leaked key or another Admin could repeat it at each
    sign-in, and so keep out the only member whom it cannot remove, who could stop it.
    """
    member = await find_member(context, input.member_id)
    async with change(context, member.account_id, AuditAction.MEMBER_SESSIONS_ENDED, on=member) as tx:
        member = await present_member(tx, member)
        is_own = member.id == tx.acting.id
        if member.is_owner and not is_own:
            raise owner_protected(_OWNER_ENDS_THEM, "memberId")
        if await _has_session(tx, member):
            member = await tx.update(member, sessions_valid_from=now())
            whose = "their own sessions" if is_own else f"the sessions of {member.name}"
            tx.record(member, member.name, f"ended {whose}")
            tell_of_ended_sessions(tx, context.settings, member)
            await tx.access_changed(member.user_id)
        else:
            tx.without_event()
    await context.reload_viewer()
    return EndMemberSessionsResult(member=member)


async def _has_session(tx: Change, member: Member) -> bool:
    ((found,),) = await tx.fetch(_HAS_SESSION, account_id=tx.account.id, member_id=member.id)
    return bool(found)


def _has_session_to_end() -> AnySelect:
    """Also one that is too old for the account now: a later policy could accept it again."""
    return select(
        exists().where(
            col(Member.account_id) == parameter("account_id"),
            col(Member.id) == parameter("member_id"),
            col(Session.user_id) == col(Member.user_id),
            Session.is_live(func.clock_timestamp),
            Session.is_not_ended_for_member(),
        )
    )


_HAS_SESSION = Statement(_has_session_to_end)
