"""Limits of invitation emails: to one address from all accounts, from one account, and from one person.

The daily limit of a new account is low and doubles with each day of its age. All new accounts of a person
share one limit, and all of its older accounts share another one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil, log2

from sqlalchemy import Select, exists, or_, select
from sqlmodel import col

from engine.statements import Statement, parameter
from models.audit import AuditEvent, CredentialKind
from models.audit_actions import AuditAction
from models.billing import Invoice, InvoiceStatus
from models.columns import now
from resolvers.change import Change
from resolvers.email_addresses import counted_address
from resolvers.stored_limits import StoredLimit
from resolvers.user_errors import UserErrors, too_many_requests
from settings import Settings

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_TO = "invitations to "


async def count_emails(
    tx: Change, settings: Settings, emails: Sequence[str], *path: str
) -> dict[str, datetime]:
    """Charges one email to each address. Returns the addresses over their limit, with the time of the next
    email. Raises UserErrors if the account or the inviter is over its limit."""
    different = list(dict.fromkeys(emails))
    waiting = await _count_recipients(tx, settings, different)
    going_out = len(different) - len(waiting)
    if going_out:
        await count_of_sender(tx, settings, going_out, *path)
    return waiting


async def count_of_sender(tx: Change, settings: Settings, count: int, *path: str) -> None:
    """Charges emails to the account and to the acting member. Raises UserErrors if one is over its limit."""
    a_day = await _emails_a_day(tx, settings)
    if count > a_day:
        raise too_many_requests(_of_new(a_day), _when_grown(tx, settings, count), *path)
    full = a_day >= settings.invitation_emails_per_account_per_day
    by_person = f"invitations by {tx.acting.user_id}" + ("" if full else " in new accounts")
    # Always in this order, so that transactions do not deadlock.
    for subject in (f"invitations of {tx.account.id}", by_person):
        waits = await tx.charge(StoredLimit(a_day, _DAY), [subject], count)
        if waits:
            raise too_many_requests(_OF_FULL if full else _of_new(a_day), waits[subject], *path)


_OF_FULL = "You, or this account, sent the maximum number of invitations today: try again later."


def _of_new(a_day: int) -> str:
    return (
        f"New accounts can send at most {a_day} invitation emails a day, counted over all your new"
        " accounts, and the limit doubles every day. Invite fewer people, or try again later."
    )


async def _count_recipients(tx: Change, settings: Settings, emails: Sequence[str]) -> dict[str, datetime]:
    """Counts the spellings of one mailbox one after the other."""
    limit = StoredLimit(settings.invitation_emails_per_hour, _HOUR)
    spellings: dict[str, list[str]] = {}
    for email in emails:
        spellings.setdefault(_TO + counted_address(email), []).append(email)
    waiting: dict[str, datetime] = {}
    repetition = 0
    while spellings:
        refused = await tx.charge(limit, list(spellings))
        for subject, retry_at in refused.items():
            waiting.update(dict.fromkeys(spellings.pop(subject)[repetition:], retry_at))
        repetition += 1
        spellings = {subject: same for subject, same in spellings.items() if len(same) > repetition}
    return waiting


async def _emails_a_day(tx: Change, settings: Settings) -> int:
    full = settings.invitation_emails_per_account_per_day
    age = now() - tx.account.created_at
    grown = settings.invitation_emails_of_a_new_account << min(max(age // _DAY, 0), 32)
    if grown >= full:
        return full
    return full if await is_trusted(tx) else grown


async def is_trusted(tx: Change) -> bool:
    """Whether the account has paid, was created by the operator or was granted licenses."""
    ((is_so,),) = await tx.fetch(_TRUST, account_id=tx.account.id)
    return bool(is_so)


def _when_grown(tx: Change, settings: Settings, count: int) -> datetime:
    """When the account's limit will be large enough."""
    days = ceil(log2(count / settings.invitation_emails_of_a_new_account))
    return tx.account.created_at + days * _DAY


def _select_trust() -> Select[tuple[bool]]:
    paid = exists().where(
        col(Invoice.account_id) == parameter("account_id"),
        col(Invoice.status) == InvoiceStatus.PAID,
        col(Invoice.total) > 0,
    )
    by_operator = exists().where(
        col(AuditEvent.account_id) == parameter("account_id"),
        col(AuditEvent.action).in_((AuditAction.ACCOUNT_CREATED, AuditAction.ENTITLEMENT_GRANTED)),
        col(AuditEvent.credential_kind) == CredentialKind.OPERATOR,
    )
    return select(or_(paid, by_operator))


_TRUST = Statement(_select_trust)


def too_many_to(email: str, retry_at: datetime, *path: str) -> UserErrors:
    message = f"Too many invitations were sent to {email}: try again later."
    return too_many_requests(message, retry_at, *path)
