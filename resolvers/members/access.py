"""Memberships with an end: sets it, and ends what has reached it."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import columns
from engine.statements import Statement, parameter
from models.audit_actions import AuditAction
from models.columns import now
from models.members import Member, User
from permissions.context import Context
from resolvers.change import Change, change
from resolvers.members.emails import access_end_notice, enqueue_notices
from resolvers.members.inputs import SetMemberAccessInput
from resolvers.members.mutations import end_memberships, find_member, owner_of, present_member
from resolvers.reminders import next_reminder
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, invalid, user_error
from settings import Settings

REMINDER_DAYS = (7, 1)
"""Days before the end at which the member and the Admins are reminded of it."""


@mutation_result
class SetMemberAccessResult:
    """Payload of `setMemberAccess`: the member with the new end of the membership."""

    member: Member = shown("Member with the new end of the membership.")


async def set_member_access(context: Context, input: SetMemberAccessInput) -> SetMemberAccessResult:
    member = await find_member(context, input.member_id)
    async with change(context, member.account_id, AuditAction.MEMBER_ACCESS_CHANGED, on=member) as tx:
        member = await present_member(tx, member)
        if member.is_owner:
            message = "The membership of the owner has no end. Transfer the ownership first."
            raise user_error(UserErrorCode.OWNER_PROTECTED, message, "memberId")
        until, before = clean_access_end(input.until, "until"), member.access_until
        if until == before:
            tx.without_event()
        else:
            reminder_at = next_reminder(until, REMINDER_DAYS)
            member = await tx.update(member, access_until=until, access_reminder_at=reminder_at)
            did = f"changed the end of the access of {member.name}"
            tx.record(member, member.name, did, access_until=[_text(before), _text(until)])
            await enqueue_notices(
                tx, context.settings, access_end_notice(tx, context.settings, member, before)
            )
            await tx.access_changed(member.user_id)
    return SetMemberAccessResult(member=member)


def clean_access_end(until: datetime | None, *path: str) -> datetime | None:
    """Raises `UserErrors` if the time is not in the future."""
    if until is not None and until <= now():
        raise invalid("Access must end in the future, or not at all.", *path)
    return until


def access_details(until: datetime | None) -> dict[str, object]:
    """Details of the event of an invitation or of joining."""
    return {} if until is None else {"access_until": _text(until)}


async def end_past_membership(tx: Change, settings: Settings, user: User) -> None:
    """Ends the person's membership that has reached its end, so that the person can join again."""
    members = await tx.rows(Member, _NOT_REMOVED, account_id=tx.account.id, user_id=user.id)
    await end_access(tx, settings, [member for member in members if member.has_ended])


async def end_access(tx: Change, settings: Settings, members: Sequence[Member]) -> None:
    """Does for memberships that have reached their ends what `removeMember` does."""
    by_end = attrgetter("access_until")
    for ended_at, group in groupby(sorted(members, key=by_end), key=by_end):
        owner = await owner_of(tx)
        await end_memberships(tx, settings, list(group), owner, _ended, ended_at=ended_at)


def _ended(member: Member) -> str:
    return f"ended the access of {member.name}"


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


_NOT_REMOVED = Statement(
    lambda: select(*columns(Member)).where(
        col(Member.account_id) == parameter("account_id"),
        col(Member.user_id) == parameter("user_id"),
        col(Member.removed_at).is_(None),
    )
)
