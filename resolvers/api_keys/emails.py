"""Emails to the members of API keys. They contain no secret except the link to claim a key."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter

from mailer import messages, security_messages
from mailer.messages import LeakedKey, Message
from mailer.security_messages import ListedKey
from models.accounts import Account
from models.api_keys import ApiKey
from models.columns import now
from models.members import Member
from permissions.roles import scopes_in_effect
from resolvers.change import Change
from resolvers.stored_limits import StoredLimit
from resolvers.user_errors import too_many_requests
from settings import Settings

_MOST_SHOWN = 20
"""Keys that one email names."""


async def count_claim_email(tx: Change, settings: Settings, member: Member) -> None:
    """Raises UserErrors if the member has been sent too many emails with keys to claim."""
    subject = f"API keys for {member.id}"
    waits = await tx.charge(StoredLimit(settings.api_key_emails_per_hour, timedelta(hours=1)), [subject])
    if waits:
        message = f"{member.name} was sent too many emails with API keys to claim: try again later."
        raise too_many_requests(message, waits[subject], "memberId")


async def email_about_own_key(tx: Change, settings: Settings, message: Message) -> None:
    """Enqueues the email unless the acting member was sent many: whoever generates or rotates keys in a loop
    would fill the queue. Those that were sent have told of it."""
    subject = f"emails about own API keys to {tx.acting.id}"
    if not await tx.charge(StoredLimit(settings.api_key_emails_per_hour, timedelta(hours=1)), [subject]):
        tx.enqueue(message)


def claim_message(
    settings: Settings, account: Account, key: ApiKey, member: Member, token: str, *, by: Member
) -> Message:
    """Email for a key that is to be claimed. `token` is that of the claim link."""
    assert key.claim_expires_at is not None  # noqa: S101
    scopes, later_scopes = scopes_in_effect(member.role, key.scopes)
    return messages.api_key_claim(
        to=member.email,
        by=by.name,
        account=account.name,
        name=key.name,
        scopes=scopes,
        later_scopes=later_scopes,
        networks=key.allowed_networks,
        link=settings.claim_link.replace("{token}", token),
        claim_until=key.claim_expires_at,
        expires_at=key.expires_at,
    )


def generated_message(settings: Settings, account: Account, key: ApiKey, member: Member) -> Message:
    scopes, later_scopes = scopes_in_effect(member.role, key.scopes)
    return messages.api_key_generated(
        to=member.email,
        account=account.name,
        name=key.name,
        prefix=key.prefix,
        scopes=scopes,
        later_scopes=later_scopes,
        networks=key.allowed_networks,
        link=settings.app_url,
        expires_at=key.expires_at,
    )


def rotated_message(settings: Settings, account: Account, key: ApiKey, member: Member) -> Message:
    return messages.api_key_rotated(
        to=member.email,
        account=account.name,
        name=key.name,
        prefix=key.prefix,
        link=settings.app_url,
        old_until=key.previous_expires_at,
    )


def revoked_message(
    settings: Settings, account: Account, key: ApiKey, member: Member, *, by: Member
) -> Message:
    return messages.api_key_revoked(
        to=member.email, account=account.name, name=key.name, by=by.name, link=settings.app_url
    )


def limit_of(member: Member) -> str:
    """Subject of the limit of emails about what rules and changes do to the keys of a member."""
    return f"emails about the API keys of {member.id}"


def expires_message(settings: Settings, account: Account, keys: Sequence[ApiKey], member: Member) -> Message:
    """One email to a member about all of its keys that expire soon."""
    ends = sorted(
        (ListedKey(key.name, key.prefix, key.expires_at) for key in keys if key.expires_at is not None),
        key=attrgetter("ends_at"),
    )
    return security_messages.keys_expire(
        to=member.email,
        account=account.name,
        keys=ends[:_MOST_SHOWN],
        count=len(ends),
        link=settings.app_url,
    )


def shortened_message(
    settings: Settings,
    account: Account,
    keys: Sequence[ApiKey],
    member: Member,
    *,
    by: Member | None,
    days: int,
) -> Message:
    """One email to a member about keys of it that expire earlier now."""
    ends = [(key.name, key.expires_at) for key in keys[:_MOST_SHOWN] if key.expires_at is not None]
    return security_messages.keys_shortened(
        to=member.email,
        by=by.name if by else None,
        account=account.name,
        keys=ends,
        more=len(keys) - len(ends),
        days=days,
        link=settings.app_url,
    )


def unused_message(
    settings: Settings,
    account: Account,
    keys: Sequence[tuple[ApiKey, datetime]],
    member: Member,
    *,
    days: int,
) -> Message:
    """One email to a member about keys that it does not use, with the times at which they are revoked."""
    return security_messages.keys_unused(
        to=member.email,
        account=account.name,
        keys=[ListedKey(key.name, key.prefix, revoke_at) for key, revoke_at in keys[:_MOST_SHOWN]],
        count=len(keys),
        days=days,
        link=settings.app_url,
    )


def unused_revoked_message(
    settings: Settings, account: Account, keys: Sequence[ApiKey], member: Member, *, days: int
) -> Message:
    """One email to a member about keys that were revoked, because it did not use them."""
    return security_messages.unused_keys_revoked(
        to=member.email,
        account=account.name,
        keys=[ListedKey(key.name, key.prefix, now()) for key in keys[:_MOST_SHOWN]],
        count=len(keys),
        days=days,
        link=settings.app_url,
    )


@dataclass(frozen=True)
class Leak:
    """Key that leaked, with its member and the place where it was found, as reported."""

    key: ApiKey
    member: Member
    found_at: str

    def told_to(self, address: str) -> LeakedKey:
        member = None if address == self.member.email else self.member.name
        return LeakedKey(self.key.name, self.key.prefix, member, self.found_at)


def leaked_messages(
    settings: Settings, account: Account, leaks: Sequence[Leak], admins: Collection[str]
) -> Iterator[Message]:
    """One email to each Admin, about all of the keys, and one to each other member, about its own. A report
    may name a thousand keys of an account with as many Admins."""
    own: dict[str, list[Leak]] = {}
    for leak in leaks:
        own.setdefault(leak.member.email, []).append(leak)
    for address in dict.fromkeys([*own, *admins]):
        shown, count, to_admin = own.get(address, []), len(leaks), address in admins
        if to_admin:
            others = (leak for leak in leaks if leak.member.email != address)
            shown = [*shown, *islice(others, _MOST_SHOWN)]
        else:
            count = len(shown)
        keys = [leak.told_to(address) for leak in shown[:_MOST_SHOWN]]
        to, name, link = address, account.name, settings.app_url
        if count == 1:
            yield messages.api_key_leaked(to=to, account=name, link=link, **asdict(keys[0]))
        else:
            yield messages.api_keys_leaked(
                to=to, account=name, keys=keys, count=count, to_admin=to_admin, link=link
            )
