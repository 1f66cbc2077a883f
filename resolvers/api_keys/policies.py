"""Applies the rules of an account about API keys to the keys that it has."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlmodel import col

from engine.pauses import with_pauses
from engine.snapshots import columns, snapshots
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression
from models.accounts import Account
from models.api_keys import ApiKey
from models.audit_actions import AuditAction
from models.columns import now
from models.database import Database
from models.members import Member
from resolvers.api_keys.emails import limit_of, shortened_message
from resolvers.api_keys.narrowing import tell_of_update
from resolvers.change import Change, system_change
from resolvers.due_rows import DueRows
from resolvers.events import PLATFORM
from resolvers.limited_emails import within_limit
from settings import Settings

_MOST = 500
"""Number of keys that one change shortens, because the account is locked meanwhile."""
_PAUSE_AFTER = 20
"""Number of members after which the event loop may serve other requests."""


async def shorten_keys(tx: Change, settings: Settings, days: int) -> int:
    """Lets keys that would live longer expire `days` after they were generated: at once, if that has passed.
    Each has an event, and each member one email, within a limit. Returns their number, `_MOST` at most:
    `shorten_others` goes on."""
    account_id = tx.account.id
    found = await tx.fetch(_TOO_LONG, account_id=account_id, days=days, most=_MOST)
    rows: list[tuple[ApiKey, Member]] = [snapshots(record, ApiKey, Member) for record in found]
    if not rows:
        return 0
    ids = [key.id for key, _ in rows]
    shortened = {
        key.id: key
        for key in await tx.rows(ApiKey, _SHORTEN, account_id=account_id, ids=ids, days=days, at=now())
    }
    messages = {}
    async for _, group in with_pauses(groupby(rows, key=lambda row: row[1].id), every=_PAUSE_AFTER):
        of_member = list(group)
        keys, member = [shortened[key.id] for key, _ in of_member], of_member[0][1]
        for before, key in zip((key for key, _ in of_member), keys, strict=True):
            tell_of_update(tx, before, key, ["expires_at"], member)
        message = shortened_message(settings, tx.account, keys, member, by=tx.member, days=days)
        messages[limit_of(member)] = [message]
    tx.enqueue(*await within_limit(tx.connection, settings, messages))
    await tx.access_changed(*ids)
    return len(rows)


async def shorten_others(settings: Settings, database: Database) -> int:
    """Job: shortens the keys of accounts that have more of them than one change shortens. Returns their
    number."""
    return await _TOO_LONG_ANYWHERE.by_account(database, partial(_shorten_in, settings, database))


async def _shorten_in(settings: Settings, database: Database, account_id: UUID, ids: Sequence[UUID]) -> int:
    action = AuditAction.API_KEY_UPDATED
    async with system_change(database, account_id, action, PLATFORM, rows=len(ids)) as tx:
        days = tx.account.api_key_max_lifetime_days
        number = 0 if days is None else await shorten_keys(tx, settings, days)
        if not number:
            tx.without_event("another process has shortened them, or the rule has changed")
    return number


async def forget_notices(tx: Change) -> None:
    """Lets members be told anew of keys that they do not use, because the rule has changed since."""
    await tx.fetch(_FORGET_NOTICES, account_id=tx.account.id)


_FORGET_NOTICES = Statement(
    lambda: (
        update(ApiKey)
        .where(col(ApiKey.account_id) == parameter("account_id"), col(ApiKey.unused_notified_at).is_not(None))
        .values(unused_notified_at=None)
    )
)


def _longest_until(days: AnyExpression) -> AnyExpression:
    """Time until which a key may live."""
    return col(ApiKey.created_at) + func.make_interval(0, 0, 0, days)


def _lives_longer(days: AnyExpression) -> ColumnElement[bool]:
    end = _longest_until(days)
    return and_(
        ApiKey.works_or_may_yet(), or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > end)
    )


_TOO_LONG = Statement(
    lambda: (
        select(*columns(ApiKey, Member))
        .join(
            Member,
            and_(col(Member.account_id) == col(ApiKey.account_id), col(Member.id) == col(ApiKey.member_id)),
        )
        .where(col(ApiKey.account_id) == parameter("account_id"), _lives_longer(parameter("days")))
        .order_by(col(ApiKey.member_id), col(ApiKey.created_at), col(ApiKey.id))
        .limit(parameter("most"))
    )
)
_SHORTEN = Statement(
    lambda: (
        update(ApiKey)
        .where(col(ApiKey.account_id) == parameter("account_id"), any_of(col(ApiKey.id), parameter("ids")))
        .values(
            expires_at=func.greatest(_longest_until(parameter("days")), parameter("at")),
            expiry_notified_at=None,
        )
        .returning(*columns(ApiKey))
    )
)
_TOO_LONG_ANYWHERE = DueRows(
    lambda: (
        select(col(ApiKey.account_id), col(ApiKey.id))
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .where(
            col(Account.api_key_max_lifetime_days).is_not(None),
            _lives_longer(col(Account.api_key_max_lifetime_days)),
        )
    ),
    _MOST,
)
