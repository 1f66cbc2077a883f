"""Jobs for memberships with an end: they end for good, and reminders are sent before. Access is over at the
end, without the job."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, null, or_, select
from sqlmodel import col

from engine.snapshots import columns, snapshots
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from mailer.queue import lane_of_account
from models.accounts import Account
from models.audit import AuditAction
from models.database import Database
from models.members import Member
from permissions.roles import Permission
from resolvers.change import system_change
from resolvers.events import PLATFORM
from resolvers.members.access import REMINDER_DAYS, end_access
from resolvers.members.emails import access_reminders
from resolvers.members.queries import emails_in
from resolvers.unaudited import account_note, enqueue
from settings import Settings

_BATCH = 100


async def end_due(settings: Settings, database: Database) -> int:
    """Ends the memberships that have reached their end. Returns their number."""
    return await _in_batches(database, _DUE, partial(_end_in, settings, database))


async def _end_in(settings: Settings, database: Database, account_id: UUID, ids: Sequence[UUID]) -> int:
    action, rows = AuditAction.MEMBER_ACCESS_ENDED, len(ids)
    async with system_change(database, account_id, action, PLATFORM, rows=rows) as tx:
        members = await tx.rows(Member, _DUE_OF_ACCOUNT, account_id=account_id, ids=ids)
        if not members:
            tx.without_event("another process has ended them, or their ends were changed")
        await end_access(tx, settings, members)
    return len(members)


async def remind(settings: Settings, database: Database) -> int:
    """Emails members and Admins 7 days and 1 day before the end of a membership, once each. Returns the
    number of members."""
    return await _in_batches(database, _REMINDED, partial(_remind_in, settings, database))


async def _remind_in(settings: Settings, database: Database, account_id: UUID, ids: Sequence[UUID]) -> int:
    """Locks each member until its reminder is recorded, so that concurrent workers do not email twice."""
    async with account_note(database, account_id, Member) as writer:
        found = await writer.fetch(_REMINDED_OF_ACCOUNT, account_id=account_id, ids=ids)
        rows: list[tuple[Member, Account]] = [snapshots(record[1:], Member, Account) for record in found]
        for days, group in groupby(zip(found, rows, strict=True), key=lambda pair: pair[0][0]):
            await writer.update_all([member for _, (member, _) in group], access_reminder_days=days)
        if rows:
            admins = await emails_in(writer, account_id, Permission.ASSIGN_ROLES)
            account, members = rows[0][1], [member for member, _ in rows]
            messages = list(access_reminders(settings, account, members, admins))
            await enqueue(writer, messages, lane_of_account(account_id))
    return len(rows)


async def _in_batches(
    database: Database, due: Statement, act: Callable[[UUID, Sequence[UUID]], Awaitable[int]]
) -> int:
    """One transaction per account, so that a killed job leaves an account's batch either complete or
    untouched."""
    done = 0
    while found := sorted((row[0], row[1]) for row in await database.fetch(due.sql)):
        in_batch = 0
        for account_id, ids in groupby(found, key=itemgetter(0)):
            in_batch += await act(account_id, [id for _, id in ids])
        done += in_batch
        if in_batch < _BATCH:
            break
    return done


def _has_end() -> ColumnElement[bool]:
    return and_(col(Member.removed_at).is_(None), col(Member.access_until).is_not(None))


def _is_due() -> ColumnElement[bool]:
    return and_(_has_end(), col(Member.access_until) <= func.now())


def _is_reminded() -> ColumnElement[bool]:
    """Condition: the membership ends soon, and the reminder of this time was not sent yet."""
    end, sent = col(Member.access_until), col(Member.access_reminder_days)
    times = [
        and_(end <= func.now() + timedelta(days=days), or_(sent.is_(None), sent > days))
        for days in REMINDER_DAYS
    ]
    latest = end <= func.now() + timedelta(days=max(REMINDER_DAYS))
    return and_(_has_end(), end > func.now(), latest, or_(*times))


def _reminder_days() -> ColumnElement[int]:
    """Days of the reminder that is due."""
    end = col(Member.access_until)
    return case(
        *((end <= func.now() + timedelta(days=days), days) for days in sorted(REMINDER_DAYS)), else_=null()
    )


def _ids(where: ColumnElement[bool]) -> AnySelect:
    return (
        select(col(Member.account_id), col(Member.id))
        .where(where)
        .order_by(col(Member.access_until))
        .limit(_BATCH)
    )


_ACROSS = "a job looks for what is due; each change that follows is of one account"
_DUE = Statement(lambda: _ids(_is_due()), across_accounts=_ACROSS)
_DUE_OF_ACCOUNT = Statement(
    lambda: select(*columns(Member)).where(
        col(Member.account_id) == parameter("account_id"), any_of(col(Member.id), parameter("ids")), _is_due()
    )
)
_REMINDED = Statement(lambda: _ids(_is_reminded()), across_accounts=_ACROSS)
_REMINDED_OF_ACCOUNT = Statement(
    lambda: (
        select(_reminder_days(), *columns(Member, Account))
        .join(Account, col(Account.id) == col(Member.account_id))
        .where(
            col(Member.account_id) == parameter("account_id"),
            any_of(col(Member.id), parameter("ids")),
            _is_reminded(),
        )
        .order_by(col(Member.access_until), col(Member.id))
        .with_for_update(of=Member, key_share=True)
    )
)
