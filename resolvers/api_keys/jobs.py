"""Jobs for API keys: events for expired keys, and emails about keys that expire soon. Keys stop working at
their expiry, without the job."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import SQLModel, col

from engine.snapshots import columns, snapshots
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression, AnySelect
from mailer.queue import lane_of_account
from models.accounts import Account
from models.api_keys import ApiKey
from models.audit_actions import AuditAction
from models.columns import now
from models.database import Database
from models.members import Member
from models.new_event import PersonName
from resolvers.api_keys.emails import expires_message, limit_of
from resolvers.change import Change, system_change
from resolvers.due_rows import DueRows
from resolvers.events import PLATFORM
from resolvers.limited_emails import within_limit
from resolvers.unaudited import account_note, enqueue
from settings import Settings

EXPIRY_NOTICE_PERIOD = timedelta(days=7)


def _is_not_ended() -> ColumnElement[bool]:
    return and_(col(ApiKey.revoked_at).is_(None), col(ApiKey.expired_at).is_(None))


def _has_expired() -> ColumnElement[bool]:
    """Condition: the key has expired, and the log has no event of it yet."""
    return and_(_is_not_ended(), ApiKey.has_expired())


def _has_lapsed() -> ColumnElement[bool]:
    """Condition: the claim link has expired, and the log has no event of it yet."""
    return and_(_is_not_ended(), ApiKey.has_lapsed())


def _expires_soon() -> ColumnElement[bool]:
    """Condition: the key expires soon, and its member has not been emailed yet."""
    return and_(
        _is_not_ended(),
        col(ApiKey.expires_at).is_not(None),
        col(ApiKey.expires_at) > func.now(),
        col(ApiKey.expires_at) <= func.now() + EXPIRY_NOTICE_PERIOD,
        col(ApiKey.claimed_at).is_not(None),
        col(ApiKey.expiry_notified_at).is_(None),
    )


def _ids(where: ColumnElement[bool], along: AnyExpression) -> AnySelect:
    return select(col(ApiKey.account_id), col(ApiKey.id)).where(where).order_by(along)


_EXPIRED = DueRows(lambda: _ids(_has_expired(), col(ApiKey.expires_at)))
_LAPSED = DueRows(lambda: _ids(_has_lapsed(), col(ApiKey.claim_expires_at)))
_EXPIRE_SOON = DueRows(lambda: _ids(_expires_soon(), col(ApiKey.expires_at)))


async def expire_due(database: Database) -> int:
    """Writes the events of expired keys and closes their connections. Returns the number of keys."""
    act = partial(_expire_in, database)
    return await _EXPIRED.by_account(database, act) + await _LAPSED.by_account(database, act)


async def _expire_in(database: Database, account_id: UUID, ids: list[UUID]) -> int:
    async with system_change(
        database, account_id, AuditAction.API_KEY_EXPIRED, PLATFORM, rows=len(ids)
    ) as tx:
        found = await tx.fetch(_EXPIRED_OF_ACCOUNT, account_id=account_id, ids=ids)
        due: list[tuple[ApiKey, Member]] = [snapshots(record, ApiKey, Member) for record in found]
        for key, member in due:
            tell_of_expiration(tx, key, member)
        await tx.update_all([key for key, _ in due], expired_at=now())
        await tx.access_changed(*(key.id for key, _ in due))
        if not due:
            tx.without_event("another worker has recorded it meanwhile")
    return len(due)


def tell_of_expiration(tx: Change, key: ApiKey, member: Member) -> None:
    """Records the event of a key that has expired. The caller stores its `expired_at`."""
    why = "" if key.claimed_at else ", which was not claimed in time"
    tx.record(
        key,
        key.name,
        f"expired the API key {key.name} of {member.name}{why}",
        action=AuditAction.API_KEY_EXPIRED,
        actor=PLATFORM,
        status=["ACTIVE" if key.claimed_at else "UNCLAIMED", "EXPIRED"],
        member=PersonName(member),
        prefix=key.prefix,
    )


async def tell_of_expiry(settings: Settings, database: Database) -> int:
    """Emails the members whose keys expire within 7 days, once about each expiry of a key. Returns the number
    of keys."""
    return await _EXPIRE_SOON.by_account(database, partial(_tell_in, settings, database))


async def _tell_in(settings: Settings, database: Database, account_id: UUID, ids: list[UUID]) -> int:
    """Locks each key until its email is recorded, so that concurrent workers do not email twice."""
    async with account_note(database, account_id, ApiKey) as writer:
        found = await writer.fetch(_EXPIRE_SOON_OF_ACCOUNT, account_id=account_id, ids=ids)
        due: list[tuple[ApiKey, Member, Account]] = [
            snapshots(record, ApiKey, Member, Account) for record in found
        ]
        await writer.update_all([key for key, _, _ in due], expiry_notified_at=now())
        messages = {
            limit_of(member): [expires_message(settings, account, keys, member)]
            for member, account, keys in by_member(due)
        }
        sent = await within_limit(writer.connection, settings, messages)
        await enqueue(writer, sent, lane_of_account(account_id))
    return len(due)


def by_member(
    rows: Sequence[tuple[ApiKey, Member, Account]],
) -> Iterator[tuple[Member, Account, list[ApiKey]]]:
    """The keys of each member. `rows` are in the order of the members."""
    for _, group in groupby(rows, key=lambda row: row[1].id):
        of_member = list(group)
        yield of_member[0][1], of_member[0][2], [key for key, _, _ in of_member]


def _of_account(where: ColumnElement[bool], *tables: type[SQLModel]) -> AnySelect:
    """The keys that meet the condition under the lock, with their members."""
    of_account = col(Member.account_id) == col(ApiKey.account_id)
    return (
        select(*columns(ApiKey, Member, *tables))
        .join(Member, and_(of_account, col(Member.id) == col(ApiKey.member_id)))
        .where(
            col(ApiKey.account_id) == parameter("account_id"), any_of(col(ApiKey.id), parameter("ids")), where
        )
        .order_by(col(ApiKey.member_id), col(ApiKey.id))
    )


_EXPIRED_OF_ACCOUNT = Statement(lambda: _of_account(or_(_has_expired(), _has_lapsed())))
_EXPIRE_SOON_OF_ACCOUNT = Statement(
    lambda: (
        _of_account(_expires_soon(), Account)
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .with_for_update(of=ApiKey, key_share=True)
    )
)
