"""Applies the rules of an account about API keys, when they are set."""

from datetime import timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlmodel import col

from engine.snapshots import columns, snapshots
from engine.statements import Statement, parameter
from engine.tables import AnyExpression
from models.api_keys import ApiKey
from models.columns import now
from models.members import Member
from resolvers.api_keys.emails import shortened_message
from resolvers.api_keys.narrowing import record_update
from resolvers.change import Change
from settings import Settings


async def shorten_keys(tx: Change, settings: Settings, days: int) -> None:
    """Lets each key that would live longer expire `days` after it was generated: at once, if that has passed.
    Each has an event, and each member one email."""
    found = await tx.fetch(_TOO_LONG, account_id=tx.account.id, days=days)
    rows: list[tuple[ApiKey, Member]] = [snapshots(record, ApiKey, Member) for record in found]
    for _, group in groupby(rows, key=lambda row: row[1].id):
        keys = []
        for key, member in group:
            expires_at = max(key.created_at + timedelta(days=days), now())
            keys.append(await record_update(tx, key, {"expires_at": expires_at}, member))
        tx.enqueue(shortened_message(settings, tx.account, keys, member, by=tx.acting, days=days))


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


def _lives_longer(days: AnyExpression) -> ColumnElement[bool]:
    end = col(ApiKey.created_at) + func.make_interval(0, 0, 0, days)
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
    )
)
