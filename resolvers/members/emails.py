"""Emails to members about what somebody else did to their membership, and about its end.

Nobody is told of its own change, except the previous owner of an account. An erased person has no address.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from mailer import security_messages
from mailer.messages import AccessEnd, Message, access_ends, members_access_ends
from models.accounts import Account
from models.api_keys import ApiKey
from models.member_limits import MemberLimits
from models.members import Member, Role
from permissions.roles import has_member_limits
from resolvers.change import Change
from resolvers.limited_emails import within_limit
from settings import Settings

_MOST_SHOWN = 20
"""Members that one reminder names, and themes that one email about limits names."""


class Notice(NamedTuple):
    """Email to a member."""

    member: Member
    message: Message


def author_for(tx: Change, member: Member) -> str | None:
    """Name of who makes the change, if the member is told of it. None if it is the member itself, the
    platform or its operator."""
    author = tx.member
    return author.name if author is not None and author.id != member.id and member.email else None


def role_notice(tx: Change, settings: Settings, member: Member, before: Role) -> Notice | None:
    """The email about a new role, or None if the member is not told."""
    by = author_for(tx, member)
    if by is None:
        return None
    message = security_messages.role_changed(
        to=member.email,
        by=by,
        account=tx.account.name,
        before=before,
        after=member.role,
        link=settings.app_url,
    )
    return Notice(member, message)


def limits_notice(
    tx: Change, settings: Settings, member: Member, limits: MemberLimits, theme_names: Sequence[str]
) -> Notice | None:
    """The email about new limits, or None if the member is not told. `theme_names` are those of the themes
    that the limits include."""
    by = author_for(tx, member)
    if by is None:
        return None
    shown = theme_names[:_MOST_SHOWN]
    message = security_messages.limits_changed(
        to=member.email,
        by=by,
        account=tx.account.name,
        most=limits.max_active_licenses,
        themes=None if limits.theme_ids is None else shown,
        more=len(theme_names) - len(shown),
        applies=has_member_limits(member.role),
        link=settings.app_url,
    )
    return Notice(member, message)


def access_end_notice(
    tx: Change, settings: Settings, member: Member, before: datetime | None
) -> Notice | None:
    """The email about a new end of the membership, or None if the member is not told."""
    by = author_for(tx, member)
    if by is None:
        return None
    message = security_messages.access_end_changed(
        to=member.email,
        by=by,
        account=tx.account.name,
        before=before,
        until=member.access_until,
        link=settings.app_url,
    )
    return Notice(member, message)


async def enqueue_notices(tx: Change, settings: Settings, *notices: Notice | None) -> None:
    """Enqueues emails about what can be changed again and again, except to members who were sent many."""
    by_subject: dict[str, list[Message]] = {}
    for notice in notices:
        if notice is not None:
            subject = f"emails about the access of {notice.member.id}"
            by_subject.setdefault(subject, []).append(notice.message)
    tx.enqueue(*await within_limit(tx.connection, settings, by_subject))


def tell_of_removal(
    tx: Change, settings: Settings, member: Member, licenses: int, heir: Member, keys: Sequence[ApiKey]
) -> None:
    """`licenses` is the number of those that passed to the heir. `keys` were revoked."""
    by = author_for(tx, member)
    if by:
        message = security_messages.member_removed(
            to=member.email,
            by=by,
            account=tx.account.name,
            licenses=licenses,
            heir=heir.name,
            key_names=[key.name for key in keys],
            link=settings.app_url,
        )
        tx.enqueue(message)


def tell_of_end(
    tx: Change, settings: Settings, member: Member, licenses: int, heir: Member, keys: Sequence[ApiKey]
) -> None:
    """Like `tell_of_removal`, of a membership that has reached its end."""
    message = security_messages.access_ended(
        to=member.email,
        account=tx.account.name,
        ended_at=cast("datetime", member.access_until),
        licenses=licenses,
        heir=heir.name,
        key_names=[key.name for key in keys],
        link=settings.app_url,
    )
    tx.enqueue(message)


def tell_of_ownership(tx: Change, settings: Settings, previous: Member, owner: Member) -> None:
    """Tells both. The previous owner has done it itself, or somebody with its credential."""
    for member in (previous, owner):
        message = security_messages.ownership_moved(
            to=member.email,
            account=tx.account.name,
            previous=previous.name,
            owner=owner.name,
            is_new_owner=member is owner,
            link=settings.app_url,
        )
        tx.enqueue(message)


def tell_of_ended_sessions(tx: Change, settings: Settings, member: Member) -> None:
    by = author_for(tx, member)
    if by:
        message = security_messages.sessions_ended(
            to=member.email, by=by, account=tx.account.name, link=settings.app_url
        )
        tx.enqueue(message)


def access_reminders(
    settings: Settings, account: Account, members: Sequence[Member], admins: Sequence[str]
) -> Iterator[Message]:
    """Emails about memberships that end by themselves soon: one to each of the members about its own, and one
    to each Admin about those of the others."""
    link = settings.app_url
    ends = [(each.email, AccessEnd(each.name, each.access_until)) for each in members if each.access_until]
    for email, end in ends:
        yield access_ends(to=email, account=account.name, link=link, ends_at=end.ends_at)
    for admin in admins:
        others = [end for email, end in ends if email != admin]
        if others:
            yield members_access_ends(
                to=admin, account=account.name, members=others[:_MOST_SHOWN], count=len(others), link=link
            )
