"""Emails that tell a person what happened to its access, who did it, and what to do if that is wrong.

None of them has a secret: their links lead to the app.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

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


def limits_changed(
    *,
    to: str,
    by: str,
    account: str,
    most: int | None,
    themes: Sequence[str] | None,
    more: int,
    applies: bool,
    link: str,
) -> Message:
    """The limits of a member as they are now: `most` active licenses, of `themes` and `more` others, or of
    any theme if that is None. `applies`: they apply to the role that the member has now."""
    subject = f"Your limits in {_short(account)} have changed"
    values = {"by": by, "account": account, "themes": themes, "more": more, "applies": applies}
    values |= {"licenses": wording.licenses_at_most(most)}
    return write("limits_changed", to, unlinked(subject), link, values)


def access_end_changed(
    *, to: str, by: str, account: str, before: datetime | None, until: datetime | None, link: str
) -> Message:
    """At least one of the two ends, the previous and the new one, is not None."""
    ends = f"ends on {wording.day(until)}" if until else "does not end by itself any more"
    subject = f"Your access to {_short(account)} {ends}"
    values = {"by": by, "account": account, "before": before, "until": until}
    return write("access_end_changed", to, unlinked(subject), link, values)


def access_ended(
    *,
    to: str,
    account: str,
    ended_at: datetime,
    licenses: int,
    heir: str,
    key_names: Sequence[str],
    link: str,
) -> Message:
    """About a membership that has reached its end. `licenses` is the number of those that passed to `heir`.
    `key_names` are the API keys that were revoked."""
    subject = f"Your access to {_short(account)} has ended"
    values = {"account": account, "heir": heir, "licenses": _number(licenses) if licenses else None}
    about_keys = {"ended_at": ended_at, "key_names": key_names}
    return write("access_ended", to, unlinked(subject), link, {**values, **about_keys})


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
    *, to: str, by: str | None, account: str, name: str | None, count: int, previous: str | None, link: str
) -> Message:
    """`name` is that of a single license; more of them are only counted. `previous` says who held them, None
    for a new license. `by` is None for those that pass to the owner because a membership has ended by
    itself."""
    subject = f"You now hold {_license(name) if name else _number(count)} of {_short(account)}"
    values = {"by": by, "account": account, "name": name, "number": _number(count), "previous": previous}
    values |= {"more": "1 more license" if count == 1 else f"{count:,} more licenses"}
    return write("licenses_given", to, unlinked(subject), link, values)


def license_taken(*, to: str, by: str, account: str, name: str, heir: str | None, link: str) -> Message:
    """`heir` is the name of the new holder, or None if the license was revoked."""
    subject = f"You no longer hold {_license(name)} of {_short(account)}"
    values = {"by": by, "account": account, "name": name, "heir": heir}
    return write("license_taken", to, unlinked(subject), link, values)


def license_suspension(
    *, to: str, by: str, account: str, name: str, is_suspended: bool, link: str
) -> Message:
    """About a license that was suspended, or reinstated."""
    subject = f"{'Suspended' if is_suspended else 'Active again'}: {_license(name)} of {_short(account)}"
    values = {"by": by, "account": account, "name": name, "is_suspended": is_suspended}
    return write("license_suspension", to, unlinked(subject), link, values)


def license_key_rotated(*, to: str, by: str, account: str, name: str, link: str) -> Message:
    subject = f"New key for {_license(name)} of {_short(account)}"
    values = {"by": by, "account": account, "name": name}
    return write("license_key_rotated", to, unlinked(subject), link, values)


def keys_shortened(
    *,
    to: str,
    by: str | None,
    account: str,
    keys: Sequence[tuple[str, datetime]],
    more: int,
    days: int,
    link: str,
) -> Message:
    """`by` changed the account's rule; None where a job applies it later. `keys` are names of API keys, with
    the time at which each expires now, of which there are `more`. `days` is the longest lifetime that the
    account allows."""
    subject = f"API keys for {_short(account)} expire earlier"
    values = {"by": by, "account": account, "keys": keys, "more": more, "days": _days(days)}
    return write("keys_shortened", to, unlinked(subject), link, values)


class ListedKey(NamedTuple):
    """API key of the recipient, with the time at which it ends."""

    name: str
    prefix: str
    ends_at: datetime


def keys_expire(*, to: str, account: str, keys: Sequence[ListedKey], count: int, link: str) -> Message:
    """About all keys of the recipient that expire soon: `count`, of which `keys` are shown, the first to
    expire at the beginning."""
    what = f"Expires on {wording.day(keys[0].ends_at)}" if count == 1 else "Expire soon"
    return _about_keys(what, "keys_expire", to, account, keys, count, link)


def keys_unused(
    *, to: str, account: str, keys: Sequence[ListedKey], count: int, days: int, link: str
) -> Message:
    """Notice before the account's policy revokes API keys that were not used for `days`: `count`, of which
    `keys` are shown."""
    return _about_keys("Not used", "keys_unused", to, account, keys, count, link, days=_days(days))


def unused_keys_revoked(
    *, to: str, account: str, keys: Sequence[ListedKey], count: int, days: int, link: str
) -> Message:
    what = "Revoked, because it was not used" if count == 1 else "Revoked, because they were not used"
    return _about_keys(what, "unused_keys_revoked", to, account, keys, count, link, days=_days(days))


def _about_keys(
    what: str,
    template: str,
    to: str,
    account: str,
    keys: Sequence[ListedKey],
    count: int,
    link: str,
    **values: object,
) -> Message:
    subject = f"{what}: " + (f"the API key {_short(keys[0].name)}" if count == 1 else f"{count:,} API keys")
    shown = {"account": account, "keys": keys, "count": count, **values}
    return write(template, to, unlinked(subject), link, shown)


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days:,} days"


def _license(name: str) -> str:
    return f"the license {_short(name)}"


def _number(licenses: int) -> str:
    return "1 license" if licenses == 1 else f"{licenses:,} licenses"


def _short(name: str) -> str:
    return wording.plain(name, SUBJECT_NAME_LIMIT)
