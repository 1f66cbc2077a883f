"""Reading the audit log. Writing it is `change.py`'s alone."""

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, false, select
from sqlmodel import col

from models.accounts import Account
from models.audit import AuditEvent, AuditHead, CredentialKind
from models.members import Member
from permissions.context import Context
from resolvers.global_ids import decode, decode_as
from resolvers.pages import Order, Page, Slice, count_rows, page

if TYPE_CHECKING:
    from schema.audit import AuditLogFilter

MOST_COUNTED = 100_000
_NEWEST = Order("sequence", (col(AuditEvent.sequence),), descending=True)


async def account_audit_log(
    context: Context, account: Account, slice: Slice, filter: "AuditLogFilter | None"
) -> Page:
    return await _page(context, account.id, slice, _where(filter))


async def member_activity(
    context: Context, member: Member, slice: Slice, filter: "AuditLogFilter | None"
) -> Page:
    where = [col(AuditEvent.actor_member_id) == member.id, *_where(filter)]
    return await _page(context, member.account_id, slice, where)


async def head_sequence(context: Context, account_id: UUID) -> int:
    """How many events there are: they are numbered without a gap."""
    async with context.database.reader() as reader:
        statement = select(col(AuditHead.sequence)).where(col(AuditHead.account_id) == account_id)
        return await reader.scalar(statement) or 0


async def events_after(context: Context, account_id: UUID, sequence: int, most: int) -> list[AuditEvent]:
    statement = (
        select(AuditEvent)
        .where(col(AuditEvent.account_id) == account_id, col(AuditEvent.sequence) > sequence)
        .order_by(col(AuditEvent.sequence))
        .limit(most)
    )
    async with context.database.reader() as reader:
        return list(await reader.scalars(statement))


async def _page(context: Context, account_id: UUID, slice: Slice, filters: list[ColumnElement[bool]]) -> Page:
    where = [col(AuditEvent.account_id) == account_id, *filters]

    async def count() -> int | None:
        if not filters:
            return await head_sequence(context, account_id)
        found = await count_rows(context.database, AuditEvent, where, MOST_COUNTED + 1)
        return found if found <= MOST_COUNTED else None

    return await page(context.database, AuditEvent, where, _NEWEST, slice, count)


def _where(filter: "AuditLogFilter | None") -> list[ColumnElement[bool]]:
    if filter is None:
        return []
    where: list[ColumnElement[bool]] = []
    if filter.actions is not None:
        where.append(col(AuditEvent.action).in_(filter.actions))
    if filter.actor_ids is not None:
        ids = [id for id in (decode_as(Member, actor_id) for actor_id in filter.actor_ids) if id]
        where.append(col(AuditEvent.actor_member_id).in_(ids))
    if filter.target_id is not None:
        decoded = decode(filter.target_id)
        where.append(col(AuditEvent.target_id) == decoded[1] if decoded else false())
    if filter.outcome is not None:
        where.append(col(AuditEvent.outcome) == filter.outcome)
    if filter.occurred_from is not None:
        where.append(col(AuditEvent.occurred_at) >= filter.occurred_from)
    if filter.occurred_until is not None:
        where.append(col(AuditEvent.occurred_at) < filter.occurred_until)
    if filter.request_id is not None:
        where.append(col(AuditEvent.request_id) == filter.request_id)
    if filter.api_key_id is not None:
        decoded = decode(filter.api_key_id)
        where.append(col(AuditEvent.credential_kind) == CredentialKind.API_KEY)
        where.append(col(AuditEvent.credential_id) == decoded[1] if decoded else false())
    if filter.ip is not None:
        where.append(col(AuditEvent.ip) == filter.ip)
    return where
