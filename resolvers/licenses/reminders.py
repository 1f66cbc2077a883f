"""Reminders of the expiry of licenses, 30 and 7 days before. They are due at the start of the day in UTC, so
that one email to each recipient has all licenses of the account."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlmodel import col

from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from mailer.queue import lane_of_account
from models.accounts import Account
from models.catalog import Theme
from models.database import Database
from models.licenses import License, LicenseStatus
from models.members import Member
from permissions.roles import Permission
from resolvers.due_rows import DueRows
from resolvers.licenses.emails import HeldLicense, expiry_messages
from resolvers.members.queries import emails_in
from resolvers.reminders import next_reminder
from resolvers.unaudited import account_note, enqueue
from settings import Settings

_REMINDER_DAYS = (30, 7)
_MOST_AT_ONCE = 10_000
"""Licenses of one transaction. An account with more of them on one day gets further emails."""
_MESSAGES_AT_ONCE = 100
"""Emails that are written before other tasks run again."""


def next_expiry_reminder(expires_at: datetime | None) -> datetime | None:
    """Time of the next reminder, tomorrow at the earliest. None if there is none any more."""
    if expires_at is None:
        return None
    day = expires_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return next_reminder(day, _REMINDER_DAYS)


async def remind(settings: Settings, database: Database) -> int:
    """Emails the holders and Admins of licenses that expire soon. Returns the number of licenses."""
    return await _DUE.by_account(database, partial(_remind_in, settings, database))


async def _remind_in(settings: Settings, database: Database, account_id: UUID, _ids: Sequence[UUID]) -> int:
    """Reminds of all licenses of the account that are due. The account is locked, as by changes, so that
    concurrent workers do not email twice."""
    async with account_note(database, account_id, License) as writer:
        account = await writer.find(Account, account_id, lock=True)
        found = await writer.fetch(_DUE_OF_ACCOUNT, account_id=account_id)
        if account is None or not found:
            return 0
        licenses = [HeldLicense(*record[1:]) for record in found]
        expiries = ((record[0], license.expires_at) for record, license in zip(found, licenses, strict=True))
        for reminder_at, ids in _by_next_reminder(expiries).items():
            await writer.fetch(_SET_NEXT, account_id=account_id, ids=ids, reminder_at=reminder_at)
        admins = await emails_in(writer, account_id, Permission.REVOKE_LICENSES)
        messages = expiry_messages(settings, account, licenses, admins)
        while chunk := list(islice(messages, _MESSAGES_AT_ONCE)):
            await enqueue(writer, chunk, lane_of_account(account_id))
    return len(found)


def _by_next_reminder(expiries: Iterable[tuple[UUID, datetime]]) -> dict[datetime | None, list[UUID]]:
    ids: defaultdict[datetime | None, list[UUID]] = defaultdict(list)
    for id, expires_at in expiries:
        ids[next_expiry_reminder(expires_at)].append(id)
    return ids


def _is_due() -> ColumnElement[bool]:
    return and_(
        col(License.stored_status) == LicenseStatus.ACTIVE,
        col(License.expiry_reminder_at) <= func.now(),
        col(License.expires_at) > func.now(),
    )


_DUE = DueRows(
    lambda: (
        select(col(License.account_id), col(License.id))
        .where(_is_due())
        .order_by(col(License.expiry_reminder_at))
    )
)


def _due_of_account() -> AnySelect:
    """The id, and the values of `HeldLicense`."""
    of_account = col(Member.account_id) == col(License.account_id)
    return (
        select(
            col(License.id),
            col(Theme.name),
            col(License.site),
            col(License.expires_at),
            col(Member.name),
            col(Member.email),
            Member.is_present(),
        )
        .join(Theme, col(Theme.id) == col(License.theme_id))
        .join(Member, and_(of_account, col(Member.id) == col(License.holder_id)))
        .where(col(License.account_id) == parameter("account_id"), _is_due())
        .order_by(col(License.expires_at), col(License.id))
        .limit(_MOST_AT_ONCE)
    )


_DUE_OF_ACCOUNT = Statement(_due_of_account)
_SET_NEXT = Statement(
    lambda: (
        update(License)
        .where(col(License.account_id) == parameter("account_id"), any_of(col(License.id), parameter("ids")))
        .values(expiry_reminder_at=parameter("reminder_at"))
    )
)
