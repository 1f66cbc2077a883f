"""Emails to members about licenses that somebody else gave them or took from them."""

from mailer import security_messages
from models.members import Member
from resolvers.change import Change
from resolvers.members.emails import author_for
from settings import Settings


def tell_of_given(
    tx: Change,
    settings: Settings,
    holder: Member,
    *,
    name: str | None = None,
    count: int = 1,
    previous: str | None = None,
) -> None:
    """`name` is that of a single license. `previous` says who held them until now."""
    by = author_for(tx, holder)
    if by:
        message = security_messages.licenses_given(
            to=holder.email,
            by=by,
            account=tx.account.name,
            name=name,
            count=count,
            previous=previous,
            link=settings.app_url,
        )
        tx.enqueue(message)


def tell_of_taken(
    tx: Change, settings: Settings, holder: Member, name: str, heir: Member | None = None
) -> None:
    """`heir` is the new holder. Without one the license was revoked."""
    by = author_for(tx, holder)
    if by:
        message = security_messages.license_taken(
            to=holder.email,
            by=by,
            account=tx.account.name,
            name=name,
            heir=heir.name if heir else None,
            link=settings.app_url,
        )
        tx.enqueue(message)
