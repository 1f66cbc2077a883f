"""Emails to members about what somebody else did to the licenses that they hold, and about those that expire
soon."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from mailer import security_messages
from mailer.messages import ExpiringLicense, Message, licenses_expire
from models.accounts import Account
from models.members import Member
from resolvers.change import Change
from resolvers.members.emails import Notice, author_for
from settings import Settings

_MOST_SHOWN = 20
"""Licenses that one reminder names."""


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


def passed_notice(tx: Change, settings: Settings, owner: Member, *, count: int, previous: str) -> Notice:
    """The email to the owner, to whom licenses pass because memberships have ended by themselves."""
    message = security_messages.licenses_given(
        to=owner.email,
        by=None,
        account=tx.account.name,
        name=None,
        count=count,
        previous=previous,
        link=settings.app_url,
    )
    return Notice(owner, message)


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


def suspension_notice(
    tx: Change, settings: Settings, holder: Member, name: str, *, is_suspended: bool
) -> Notice | None:
    """The email to the holder of a license that was suspended or reinstated, or None if it is not told."""
    by = author_for(tx, holder)
    if by is None:
        return None
    message = security_messages.license_suspension(
        to=holder.email,
        by=by,
        account=tx.account.name,
        name=name,
        is_suspended=is_suspended,
        link=settings.app_url,
    )
    return Notice(holder, message)


def rotated_notice(tx: Change, settings: Settings, holder: Member, name: str) -> Notice | None:
    """The email to the holder about a new key, or None if it is not told. The key is not in it."""
    by = author_for(tx, holder)
    if by is None:
        return None
    message = security_messages.license_key_rotated(
        to=holder.email, by=by, account=tx.account.name, name=name, link=settings.app_url
    )
    return Notice(holder, message)


class HeldLicense(NamedTuple):
    """License that expires soon, with its holder. A holder who has left is not told."""

    theme: str
    site: str
    expires_at: datetime
    holder: str
    holder_email: str | None
    is_holder_present: bool

    def told_to(self, email: str) -> ExpiringLicense:
        holder = None if self.holder_email == email else self.holder
        return ExpiringLicense(f"{self.theme} for {self.site}", holder, self.expires_at)


def expiry_messages(
    settings: Settings, account: Account, licenses: Sequence[HeldLicense], admins: Sequence[str]
) -> Iterator[Message]:
    """One email to each Admin, about all of the licenses, and one to each other holder, about its own."""
    to_admins = frozenset(admins)
    own: dict[str, list[HeldLicense]] = {}
    for license in licenses:
        if license.holder_email is not None and license.is_holder_present:
            own.setdefault(license.holder_email, []).append(license)
    for email in dict.fromkeys([*admins, *own]):
        told = licenses if email in to_admins else own[email]
        yield licenses_expire(
            to=email,
            account=account.name,
            licenses=[license.told_to(email) for license in told[:_MOST_SHOWN]],
            count=len(told),
            to_admin=email in to_admins,
            link=settings.app_url,
        )
