"""One row by its id: by the same rules as through the front door, or not at all."""

from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlmodel import SQLModel, col

from models import (
    Account,
    AuditEvent,
    Entitlement,
    Invitation,
    License,
    Member,
    Session,
    Theme,
    ThemeFile,
    ThemeRelease,
    User,
)
from models.columns import now
from permissions.context import Context
from permissions.errors import BadUserInput, Forbidden, Unauthenticated
from permissions.roles import Permission
from permissions.viewer import Viewer
from resolvers.global_ids import decode, decode_as
from resolvers.visibility import is_own_event, licenses_seen_by, themes_on_offer

Row = TypeVar("Row", bound=SQLModel)

MOST_NODES = 100
_NEEDS: dict[type[SQLModel], Permission] = {
    AuditEvent: Permission.VIEW_AUDIT_LOG,
    Entitlement: Permission.VIEW_ACTIVE_LICENSES,
    Invitation: Permission.INVITE_MEMBERS,
    License: Permission.VIEW_ACTIVE_LICENSES,
    Member: Permission.VIEW_TEAM,
}


async def node(context: Context, global_id: str) -> SQLModel | None:
    """Raises `Forbidden` for what the viewer may know of and not see, as the lists do."""
    viewer = context.signed_in()
    decoded = decode(global_id)
    if decoded is None:
        return None
    table, id = decoded
    if table in (Theme, ThemeRelease, ThemeFile):
        return await _from_catalog(context, viewer, table, id)
    row = await _find(context, viewer, table, id)
    if row is not None and table in _NEEDS:
        _require(viewer, row)
    return row


async def nodes(context: Context, global_ids: list[str]) -> list[Any]:
    """In the order asked for; a refusal takes the place of what it refuses."""
    if len(global_ids) > MOST_NODES:
        raise BadUserInput(f"`ids` may be {MOST_NODES} at most, not {len(global_ids)}.")
    found: list[Any] = []
    for global_id in global_ids:
        try:
            found.append(await node(context, global_id))
        except (Forbidden, Unauthenticated) as refusal:
            found.append(refusal)
    return found


async def viewer_memberships(context: Context) -> list[Member]:
    """The viewer's own, the oldest first."""
    viewer = context.signed_in()
    statement = (
        select(Member)
        .where(col(Member.user_id) == viewer.user.id, col(Member.removed_at).is_(None))
        .order_by(col(Member.id))
        .limit(1_000)
    )
    async with context.database.reader() as reader:
        return list(await reader.scalars(statement))


async def find(context: Context, table: type[Row], global_id: str) -> Row | None:
    """A row for a change to work on, of an account of the viewer's; the change asks what the viewer may."""
    viewer = context.signed_in()
    id = decode_as(table, global_id)
    return cast("Row | None", await _find(context, viewer, table, id)) if id else None


async def find_row(context: Context, table: type[Row], account_id: UUID, id: UUID) -> Row | None:
    """A tenant's row, as it is now, not as the request remembers it."""
    async with context.database.reader() as reader:
        return await reader.get(table, (account_id, id))


async def _find(context: Context, viewer: Viewer, table: type[SQLModel], id: UUID) -> SQLModel | None:
    where = [col(cast("Any", table).id) == id, _within(viewer, table)]
    async with context.database.reader() as reader:
        return (await reader.scalars(select(table).where(*where))).one_or_none()


def _within(viewer: Viewer, table: type[SQLModel]) -> ColumnElement[bool]:
    if table is User:
        return col(User.id) == viewer.user.id
    if table is Session:
        live = and_(col(Session.ended_at).is_(None), col(Session.expires_at) > now())
        return and_(col(Session.user_id) == viewer.user.id, live)
    if table is Account:
        return col(Account.id).in_(viewer.memberships)
    if table is License:
        return or_(
            *(
                and_(col(License.account_id) == account_id, licenses_seen_by(membership))
                for account_id, membership in viewer.memberships.items()
            ),
            false(),
        )
    return col(cast("Any", table).account_id).in_(viewer.memberships)


def _require(viewer: Viewer, row: Any) -> None:
    membership = viewer.memberships[row.account_id]
    needed = _NEEDS[type(row)]
    if isinstance(row, AuditEvent) and is_own_event(row, membership):
        needed = Permission.VIEW_OWN_ACTIVITY
    if not membership.may(needed):
        raise Forbidden(needed)


async def _from_catalog(context: Context, viewer: Viewer, table: type[SQLModel], id: UUID) -> SQLModel | None:
    if not viewer.may_anywhere(Permission.BROWSE_CATALOG):
        raise Forbidden(Permission.BROWSE_CATALOG)
    statement = select(table).where(col(cast("Any", table).id) == id, themes_on_offer())
    if table is ThemeFile:
        statement = statement.join(ThemeRelease, col(ThemeRelease.id) == col(ThemeFile.release_id))
    if table is not Theme:
        statement = statement.join(Theme, col(Theme.id) == col(ThemeRelease.theme_id))
    async with context.database.reader() as reader:
        return (await reader.scalars(statement)).one_or_none()
