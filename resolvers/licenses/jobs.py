"""Jobs for licenses: expired licenses are stored as such, with events, and their entitlements released."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from engine.snapshots import attributes, snapshot
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.audit_actions import AuditAction
from models.catalog import Theme
from models.columns import now
from models.database import Database
from models.licenses import LIVE, Entitlement, License, LicenseStatus
from resolvers.change import Change, system_change
from resolvers.due_rows import DueRows
from resolvers.events import PLATFORM

_DUE = DueRows(
    lambda: (
        select(col(License.account_id), col(License.id))
        .where(License.is_due())
        .order_by(col(License.expires_at))
    )
)


async def expire_due(database: Database) -> int:
    """Marks expired licenses. Returns their number."""
    return await _DUE.by_account(database, partial(_expire_in, database))


async def _expire_in(database: Database, account_id: UUID, ids: list[UUID]) -> int:
    async with system_change(
        database, account_id, AuditAction.LICENSE_EXPIRED, PLATFORM, rows=len(ids)
    ) as tx:
        expired = await expire(tx, ids)
        if not expired:
            tx.without_event("another process has marked them, or they expire later by now")
    return expired


async def expire(tx: Change, ids: Sequence[UUID]) -> int:
    """Marks those of the licenses that have expired and are not marked yet. Returns their number. The expiry
    is compared again, because it may have been changed since they were found."""
    found = await tx.fetch(_OVERDUE, account_id=tx.account.id, ids=ids, at=now())
    licenses = [(snapshot(License, record[:-1]), record[-1]) for record in found]
    if not licenses:
        return 0
    await tx.fetch(_EXPIRE, account_id=tx.account.id, ids=[license.id for license, _ in licenses])
    for theme_id, count in Counter(license.theme_id for license, _ in licenses).items():
        await free_entitlements(tx, theme_id, count)
    for license, theme_name in licenses:
        name = f"{theme_name} for {license.site}"
        tx.record(
            license,
            name,
            f"expired the license of {name}",
            action=AuditAction.LICENSE_EXPIRED,
            actor=PLATFORM,
            status=[license.stored_status.value, "EXPIRED"],
        )
    return len(licenses)


async def free_entitlements(tx: Change, theme_id: UUID, count: int = 1) -> None:
    await tx.fetch(_FREE, account_id=tx.account.id, theme_id=theme_id, count=count)


def _overdue() -> AnySelect:
    columns = [getattr(License, name) for name in attributes(License)]
    return (
        select(*columns, col(Theme.name))
        .join(Theme, col(Theme.id) == col(License.theme_id))
        .where(
            col(License.account_id) == parameter("account_id"),
            any_of(col(License.id), parameter("ids")),
            col(License.stored_status).in_(LIVE),
            col(License.expires_at) <= parameter("at"),
        )
        .order_by(col(License.expires_at), col(License.id))
    )


_OVERDUE = Statement(_overdue)
_EXPIRE = Statement(
    lambda: (
        update(License)
        .where(col(License.account_id) == parameter("account_id"), any_of(col(License.id), parameter("ids")))
        .values({col(License.stored_status): LicenseStatus.EXPIRED})
    )
)
_FREE = Statement(
    lambda: (
        update(Entitlement)
        .where(
            col(Entitlement.account_id) == parameter("account_id"),
            col(Entitlement.theme_id) == parameter("theme_id"),
        )
        .values(provisioned=col(Entitlement.provisioned) - parameter("count"))
    )
)
