"""Jobs for licenses: expired licenses are stored as such, with events, and their entitlements released."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from engine.snapshots import attributes, snapshot
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.audit import AuditAction
from models.catalog import Theme
from models.database import Database
from models.licenses import LIVE, Entitlement, License, LicenseStatus
from resolvers.change import Change, system_change
from resolvers.events import PLATFORM

_BATCH = 500
_DUE = Statement(
    lambda: (
        select(col(License.account_id), col(License.id))
        .where(License.is_due())
        .order_by(col(License.expires_at))
        .limit(_BATCH)
    ),
    across_accounts="a job looks for what is due; each change that follows is of one account",
)


async def expire_due(database: Database) -> int:
    """Marks expired licenses in one change per account, so that a killed job leaves an account's batch
    complete or untouched. Returns their number."""
    expired = 0
    while due := [(row[0], row[1]) for row in await database.fetch(_DUE.sql)]:
        in_batch = 0
        for account_id, ids in groupby(sorted(due), key=lambda row: row[0]):
            in_batch += await _expire_in(database, account_id, [id for _, id in ids])
        expired += in_batch
        if in_batch < _BATCH:
            break
    return expired


async def _expire_in(database: Database, account_id: UUID, ids: list[UUID]) -> int:
    async with system_change(
        database, account_id, AuditAction.LICENSE_EXPIRED, PLATFORM, rows=len(ids)
    ) as tx:
        expired = await expire(tx, ids)
        if not expired:
            tx.without_event("another process has marked them")
    return expired


async def expire(tx: Change, ids: Sequence[UUID]) -> int:
    """Marks those of the licenses that have expired and are not marked yet. Returns their number. The expiry
    time of a license never changes."""
    found = await tx.fetch(_LIVE, account_id=tx.account.id, ids=ids)
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


def _live() -> AnySelect:
    columns = [getattr(License, name) for name in attributes(License)]
    return (
        select(*columns, col(Theme.name))
        .join(Theme, col(Theme.id) == col(License.theme_id))
        .where(
            col(License.account_id) == parameter("account_id"),
            any_of(col(License.id), parameter("ids")),
            col(License.stored_status).in_(LIVE),
        )
        .order_by(col(License.expires_at), col(License.id))
    )


_LIVE = Statement(_live)
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
