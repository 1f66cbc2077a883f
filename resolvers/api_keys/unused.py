"""Job that revokes API keys which are not used, where the account's policy says so. The member is told 7 days
before; where the rule is shorter, as long before as the rule is."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import col

from engine.snapshots import columns, snapshots
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression, AnySelect
from mailer.queue import lane_of_account
from models.accounts import Account
from models.api_keys import ApiKey, ApiKeyStatus
from models.audit_actions import AuditAction
from models.columns import now
from models.database import Database
from models.members import Member
from models.new_event import PersonName
from resolvers.api_keys.emails import limit_of, unused_message, unused_revoked_message
from resolvers.api_keys.jobs import by_member
from resolvers.change import system_change
from resolvers.due_rows import DueRows
from resolvers.events import PLATFORM
from resolvers.limited_emails import within_limit
from resolvers.unaudited import account_note, enqueue
from settings import Settings

_NOTICE_DAYS = 7


def _last_use() -> AnyExpression:
    """Time of the last use; of a key that was never used, that of its claim."""
    return func.coalesce(col(ApiKey.last_used_at), col(ApiKey.claimed_at))


def _days(days: AnyExpression) -> AnyExpression:
    return func.make_interval(0, 0, 0, days)


def _notice() -> AnyExpression:
    return _days(func.least(col(Account.api_key_revoke_unused_after_days), _NOTICE_DAYS))


def _is_told() -> ColumnElement[bool]:
    """Condition: the member was told since the last use."""
    return col(ApiKey.unused_notified_at) > _last_use()


def _is_in_use() -> ColumnElement[bool]:
    return and_(
        ApiKey.works_or_may_yet(),
        col(ApiKey.claimed_at).is_not(None),
        col(Account.api_key_revoke_unused_after_days).is_not(None),
    )


def _is_to_be_told() -> ColumnElement[bool]:
    end = _last_use() + _days(col(Account.api_key_revoke_unused_after_days))
    return and_(_is_in_use(), end - _notice() <= func.now(), _is_told().is_not(True))


def _is_to_be_revoked() -> ColumnElement[bool]:
    """Condition: the rule's days have passed since the last use, and the notice period since the email."""
    end = _last_use() + _days(col(Account.api_key_revoke_unused_after_days))
    is_over = col(ApiKey.unused_notified_at) + _notice() <= func.now()
    return and_(_is_in_use(), end <= func.now(), _is_told(), is_over)


async def tell_of_unused(settings: Settings, database: Database) -> int:
    """Emails the members whose unused keys are to be revoked, each about all of its keys. Returns the number
    of keys."""
    return await _TO_BE_TOLD.by_account(database, partial(_tell_in, settings, database))


async def revoke_unused(settings: Settings, database: Database) -> int:
    """Revokes the keys whose time has passed. Returns their number."""
    return await _TO_BE_REVOKED.by_account(database, partial(_revoke_in, settings, database))


async def _tell_in(settings: Settings, database: Database, account_id: UUID, ids: list[UUID]) -> int:
    """Locks each key until its email is recorded, so that concurrent workers do not email twice."""
    async with account_note(database, account_id, ApiKey) as writer:
        found = await writer.fetch(_TO_BE_TOLD_OF_ACCOUNT, account_id=account_id, ids=ids)
        due: list[tuple[ApiKey, Member, Account]] = [
            snapshots(record, ApiKey, Member, Account) for record in found
        ]
        await writer.update_all([key for key, _, _ in due], unused_notified_at=now())
        messages = {}
        for member, account, keys in by_member(due):
            ends = [(key, _revoke_at(key, account)) for key in keys]
            messages[limit_of(member)] = [
                unused_message(settings, account, ends, member, days=_rule(account))
            ]
        sent = await within_limit(writer.connection, settings, messages)
        await enqueue(writer, sent, lane_of_account(account_id))
    return len(due)


def _rule(account: Account) -> int:
    assert account.api_key_revoke_unused_after_days is not None  # noqa: S101
    return account.api_key_revoke_unused_after_days


def _revoke_at(key: ApiKey, account: Account) -> datetime:
    """When the key is revoked, if the member is told now."""
    last_use = key.last_used_at or key.claimed_at or key.created_at
    days = _rule(account)
    return max(last_use + timedelta(days=days), now() + timedelta(days=min(days, _NOTICE_DAYS)))


async def _revoke_in(settings: Settings, database: Database, account_id: UUID, ids: list[UUID]) -> int:
    """Reads the keys with their locks, so that none is revoked that was just used."""
    action = AuditAction.API_KEY_REVOKED
    async with system_change(database, account_id, action, PLATFORM, rows=len(ids)) as tx:
        found = await tx.fetch(_TO_BE_REVOKED_OF_ACCOUNT, account_id=account_id, ids=ids)
        due: list[tuple[ApiKey, Member, Account]] = [
            snapshots(record, ApiKey, Member, Account) for record in found
        ]
        for member, account, keys in by_member(due):
            tx.enqueue(unused_revoked_message(settings, account, keys, member, days=_rule(account)))
        for key, member, account in due:
            days = _rule(account)
            tx.record(
                key,
                key.name,
                f"revoked the API key {key.name} of {member.name}, which was not used for {days:,} days",
                status=[ApiKeyStatus.ACTIVE.value, ApiKeyStatus.REVOKED.value],
                unused_days=days,
                member=PersonName(member),
                prefix=key.prefix,
            )
        await tx.update_all([key for key, _, _ in due], revoked_at=now())
        await tx.access_changed(*(key.id for key, _, _ in due))
        if not due:
            tx.without_event("another worker has revoked them meanwhile, or they were used")
    return len(due)


def _ids(where: ColumnElement[bool]) -> AnySelect:
    return (
        select(col(ApiKey.account_id), col(ApiKey.id))
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .where(where)
    )


def _of_account(where: ColumnElement[bool]) -> AnySelect:
    """The keys that meet the condition under their locks, with their members and the account."""
    of_account = col(Member.account_id) == col(ApiKey.account_id)
    return (
        select(*columns(ApiKey, Member, Account))
        .join(Member, and_(of_account, col(Member.id) == col(ApiKey.member_id)))
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .where(
            col(ApiKey.account_id) == parameter("account_id"), any_of(col(ApiKey.id), parameter("ids")), where
        )
        .order_by(col(ApiKey.member_id), col(ApiKey.id))
        .with_for_update(of=ApiKey, key_share=True)
    )


_TO_BE_TOLD = DueRows(lambda: _ids(_is_to_be_told()))
_TO_BE_REVOKED = DueRows(lambda: _ids(_is_to_be_revoked()))
_TO_BE_TOLD_OF_ACCOUNT = Statement(lambda: _of_account(_is_to_be_told()))
_TO_BE_REVOKED_OF_ACCOUNT = Statement(lambda: _of_account(_is_to_be_revoked()))
