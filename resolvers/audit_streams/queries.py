"""Reads audit streams: the list of an account, and how many events each has still to deliver."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.conditions import Condition
from engine.pagination import Listing, Order
from engine.row_loader import loaded
from engine.statements import Statement, any_of, parameter
from models.accounts import Account
from models.audit import AuditHead
from models.audit_streams import AuditStream
from permissions.context import Context

_OLDEST = Order("oldest", (col(AuditStream.created_at), col(AuditStream.id)))


_of_account = Condition(lambda account_id: col(AuditStream.account_id) == account_id)


_present = Condition(lambda: col(AuditStream.deleted_at).is_(None))


HEADS = Statement(
    lambda: select(col(AuditHead.account_id), col(AuditHead.sequence)).where(
        any_of(col(AuditHead.account_id), parameter("account_ids"))
    )
)


def account_audit_streams(context: Context, account: Account) -> Listing:
    return Listing(AuditStream, (_of_account(account.id), _present()), _OLDEST)


async def undelivered_events(context: Context, stream: AuditStream) -> int:
    """Number of the log's events after the audit stream's cursor, whether they match its actions or not."""

    async def fetch(account_ids: list[UUID]) -> list[int]:
        found = await context.database.fetch(HEADS.sql, account_ids)
        heads = {row[0]: row[1] for row in found}
        return [heads.get(account_id, 0) for account_id in account_ids]

    head = await loaded(context, AuditHead, fetch, stream.account_id)
    return max(0, head - stream.last_delivered_sequence)
