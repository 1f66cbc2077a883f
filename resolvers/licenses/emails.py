"""Emails to members about licenses that somebody else gave them or took from them."""

from mailer import security_messages
from models.members import Member
from resolvers.change import Change
from resolvers.members.emails import Notice, author_for
from settings import Settings


def given_notice(
    tx: Change,
    settings: Settings,
    holder: Member,
    *,
    name: str | None = None,
    count: int = 1,
    previous: str | None = None,
) -> Notice | None:
    """The email to the new holder, or None if it is not told. `name` is that of a single license. `previous`
    says who held them until now."""
    by = author_for(tx, holder)
    if by is None:
        return None
    message = security_messages.licenses_given(
        to=holder.email,
        by=by,
        account=tx.account.name,
        name=name,
        count=count,
        previous=previous,
        link=settings.app_url,
    )
    return Notice(holder, message)


def taken_notice(
    tx: Change, settings: Settings, holder: Member, name: str, heir: Member | None = None
) -> Notice | None:
    """The email to the previous holder, or None if it is not told. `heir` is the new holder. Without one the
    license was revoked."""
    by = author_for(tx, holder)
    if by is None:
        return None
    message = security_messages.license_taken(
        to=holder.email,
        by=by,
        account=tx.account.name,
        name=name,
        heir=heir.name if heir else None,
        link=settings.app_url,
    )
    return Notice(holder, message)
