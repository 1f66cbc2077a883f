"""Jobs for memberships with an end: they end for good, and reminders are sent before. Access is over at the
end, without the job."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import col

from engine.snapshots import columns, snapshots
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression, AnySelect
from mailer.messages import Message
from mailer.queue import lane_of_account
from models.accounts import Account
from models.audit_actions import AuditAction
from models.database import Database
from models.members import Member
from permissions.roles import Permission
from resolvers.change import system_change
from resolvers.due_rows import DueRows
from resolvers.events import PLATFORM
from resolvers.limited_emails import within_limit
from resolvers.members.access import REMINDER_DAYS, end_access
from resolvers.members.emails import access_reminders
from resolvers.members.queries import emails_in
from resolvers.reminders import next_reminder
from resolvers.unaudited import account_note, enqueue
from settings import Settings

_BATCH = 100


async def end_due(settings: Settings, database: Database) -> int:
    """Ends the memberships that have reached their end. Returns their number."""
    return await _DUE.by_account(database, partial(end_in, settings, database))


async def end_in(settings: Settings, database: Database, account_id: UUID, ids: Sequence[UUID]) -> int:
    """Ends those of the memberships that have reached their ends. Returns their number."""
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
    return await _REMINDED.by_account(database, partial(_remind_in, settings, database))


async def _remind_in(settings: Settings, database: Database, account_id: UUID, ids: Sequence[UUID]) -> int:
    """Locks each member until its reminder is recorded, so that concurrent workers do not email twice."""
    async with account_note(database, account_id, Member) as writer:
        found = await writer.fetch(_REMINDED_OF_ACCOUNT, account_id=account_id, ids=ids)
        rows: list[tuple[Member, Account]] = [snapshots(record, Member, Account) for record in found]
        for member, _ in rows:
            await writer.update(member, access_reminder_at=next_reminder(member.access_until, REMINDER_DAYS))
        if rows:
            admins = await emails_in(writer, account_id, Permission.ASSIGN_ROLES)
            account, members = rows[0][1], [member for member, _ in rows]
            reminders = dict[str, list[Message]]()
            for message in access_reminders(settings, account, members, admins):
                subject = f"reminders of the end of access to {account_id} to {message.to}"
                reminders.setdefault(subject, []).append(message)
            sent = await within_limit(writer.connection, settings, reminders)
            await enqueue(writer, sent, lane_of_account(account_id))
    return len(rows)


def _has_end() -> ColumnElement[bool]:
    return and_(col(Member.removed_at).is_(None), col(Member.access_until).is_not(None))


def _is_due() -> ColumnElement[bool]:
    return and_(_has_end(), col(Member.access_until) <= func.now())


def _is_reminded() -> ColumnElement[bool]:
    """Condition: a reminder of the end is due."""
    is_due = col(Member.access_reminder_at) <= func.now()
    return and_(_has_end(), col(Member.access_until) > func.now(), is_due)


def _ids(where: ColumnElement[bool], along: AnyExpression) -> AnySelect:
    return select(col(Member.account_id), col(Member.id)).where(where).order_by(along)


_DUE = DueRows(lambda: _ids(_is_due(), col(Member.access_until)), _BATCH)
_DUE_OF_ACCOUNT = Statement(
    lambda: select(*columns(Member)).where(
        col(Member.account_id) == parameter("account_id"), any_of(col(Member.id), parameter("ids")), _is_due()
    )
)
_REMINDED = DueRows(lambda: _ids(_is_reminded(), col(Member.access_reminder_at)), _BATCH)
_REMINDED_OF_ACCOUNT = Statement(
    lambda: (
        select(*columns(Member, Account))
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
