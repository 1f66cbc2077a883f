"""Emails to members about what somebody else did to their membership.

Nobody is told of its own change, except the previous owner of an account. An erased person has no address.
"""

from collections.abc import Sequence

from mailer import security_messages
from models.api_keys import ApiKey
from models.members import Member, Role
from resolvers.change import Change
from settings import Settings


def author_for(tx: Change, member: Member) -> str | None:
    """Name of who makes the change, if the member is told of it. None if it is the member itself, the
    platform or its operator."""
    author = tx.member
    return author.name if author is not None and author.id != member.id and member.email else None


def tell_of_role(tx: Change, settings: Settings, member: Member, before: Role) -> None:
    by = author_for(tx, member)
    if by:
        message = security_messages.role_changed(
            to=member.email,
            by=by,
            account=tx.account.name,
            before=before,
            after=member.role,
            link=settings.app_url,
        )
        tx.enqueue(message)


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
