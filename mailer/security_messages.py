"""Emails that tell a person what happened to its access, who did it, and what to do if that is wrong.

None of them has a secret: their links lead to the app.
"""

from collections.abc import Sequence
from datetime import datetime

from mailer import wording
from mailer.messages import SUBJECT_NAME_LIMIT, Message, unlinked, write


def role_changed(*, to: str, by: str, account: str, before: str, after: str, link: str) -> Message:
    subject = f"You are now {wording.with_article(after)} of {_short(account)}"
    values = {"by": by, "account": account, "before": before, "after": after}
    return write("role_changed", to, unlinked(subject), link, values)


def member_removed(
    *, to: str, by: str, account: str, licenses: int, heir: str, key_names: Sequence[str], link: str
) -> Message:
    """`licenses` is the number of those that passed to `heir`. `key_names` are the API keys that were
    revoked."""
    subject = f"You were removed from {_short(account)}"
    values = {"by": by, "account": account, "heir": heir, "licenses": _number(licenses) if licenses else None}
    return write("member_removed", to, unlinked(subject), link, {**values, "key_names": key_names})


def ownership_moved(
    *, to: str, account: str, previous: str, owner: str, is_new_owner: bool, link: str
) -> Message:
    """`previous` and `owner` are the names of the previous and the new owner. The previous owner, who did it,
    is told too: with a stolen session, somebody else could have done it."""
    subject = f"{'You are' if is_new_owner else _short(owner) + ' is'} now the owner of {_short(account)}"
    values = {"account": account, "previous": previous, "owner": owner, "is_new_owner": is_new_owner}
    return write("ownership_moved", to, unlinked(subject), link, values)


def sessions_ended(*, to: str, by: str, account: str, link: str) -> Message:
    subject = f"Sign in again to use {_short(account)}"
    return write("sessions_ended", to, unlinked(subject), link, {"by": by, "account": account})


def new_client(*, to: str, client: str, ip: str | None, at: datetime, link: str) -> Message:
    """About a sign-in from a client that the person has not used before. `client` is its name, such as
    `Firefox on Windows`."""
    subject = unlinked(f"New sign-in to Team access: {_short(client)}")
    return write("new_client", to, subject, link, {"client": client, "ip": ip, "at": at})


def licenses_given(
    *, to: str, by: str, account: str, name: str | None, count: int, previous: str | None, link: str
) -> Message:
    """`name` is that of a single license; more of them are only counted. `previous` says who held them, None
    for a new license."""
    subject = f"You now hold {_license(name) if name else _number(count)} of {_short(account)}"
    values = {"by": by, "account": account, "name": name, "number": _number(count), "previous": previous}
    return write("licenses_given", to, unlinked(subject), link, values)


def license_taken(*, to: str, by: str, account: str, name: str, heir: str | None, link: str) -> Message:
    """`heir` is the name of the new holder, or None if the license was revoked."""
    subject = f"You no longer hold {_license(name)} of {_short(account)}"
    values = {"by": by, "account": account, "name": name, "heir": heir}
    return write("license_taken", to, unlinked(subject), link, values)


def keys_shortened(
    *, to: str, by: str, account: str, keys: Sequence[tuple[str, datetime]], days: int, link: str
) -> Message:
    """`keys` are names of API keys, with the time at which each expires now. `days` is the longest lifetime
    that the account allows."""
    subject = f"API keys for {_short(account)} expire earlier"
    values = {"by": by, "account": account, "keys": keys, "days": _days(days)}
    return write("keys_shortened", to, unlinked(subject), link, values)


def key_unused(
    *, to: str, account: str, name: str, prefix: str, days: int, revoke_at: datetime, link: str
) -> Message:
    """Notice before the account's policy revokes an API key that was not used for `days`."""
    subject = f"Not used: the API key {_short(name)}"
    values = {"account": account, "name": name, "prefix": prefix, "days": _days(days)}
    return write("key_unused", to, unlinked(subject), link, {**values, "revoke_at": revoke_at})


def unused_key_revoked(*, to: str, account: str, name: str, prefix: str, days: int, link: str) -> Message:
    subject = f"Revoked, because it was not used: the API key {_short(name)}"
    values = {"account": account, "name": name, "prefix": prefix, "days": _days(days)}
    return write("unused_key_revoked", to, unlinked(subject), link, values)


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days:,} days"


def _license(name: str) -> str:
    return f"the license {_short(name)}"


def _number(licenses: int) -> str:
    return "1 license" if licenses == 1 else f"{licenses:,} licenses"


def _short(name: str) -> str:
    return wording.plain(name, SUBJECT_NAME_LIMIT)
