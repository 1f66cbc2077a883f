"""Reading the audit log. Writing it is `change.py`'s alone."""

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from models.accounts import Account
from models.audit import AuditEvent, AuditHead, CredentialKind
from models.members import Member
from permissions.context import Context
from permissions.errors import BadUserInput
from resolvers.global_ids import decode, decode_all, decode_credential
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
        actors = decode_all(Member, filter.actor_ids, "actorIds")
        where.append(col(AuditEvent.actor_member_id).in_(actors))
    if filter.target_id is not None:
        where.append(col(AuditEvent.target_id) == _decoded(filter.target_id, "targetId"))
    if filter.outcome is not None:
        where.append(col(AuditEvent.outcome) == filter.outcome)
    if filter.occurred_from is not None:
        where.append(col(AuditEvent.occurred_at) >= filter.occurred_from)
    if filter.occurred_until is not None:
        where.append(col(AuditEvent.occurred_at) < filter.occurred_until)
    if filter.request_id is not None:
        where.append(col(AuditEvent.request_id) == filter.request_id)
    if filter.api_key_id is not None:
        where.append(col(AuditEvent.credential_kind) == CredentialKind.API_KEY)
        where.append(col(AuditEvent.credential_id) == _credential_id(filter.api_key_id))
    if filter.ip is not None:
        where.append(col(AuditEvent.ip) == filter.ip)
    return where


def _decoded(global_id: str, argument: str) -> UUID:
    decoded = decode(global_id)
    if decoded is None:
        raise BadUserInput(f"`{argument}` is no id: use one that this API gave.")
    return decoded[1]


def _credential_id(global_id: str) -> UUID:
    id = decode_credential(CredentialKind.API_KEY, global_id)
    if id is None:
        raise BadUserInput("`apiKeyId` is no API key's id: use one that this API gave.")
    return id
