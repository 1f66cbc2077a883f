"""Rows by their global ids, with the same permissions as elsewhere."""

from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlmodel import SQLModel, col

from engine.conditions import BoundCondition, Condition
from engine.row_loader import of_accounts, with_id, with_ids
from engine.row_reader import row
from engine.tables import AnySelect
from models import (
    Account,
    License,
    Session,
    Theme,
    ThemeFile,
    ThemeRelease,
    User,
)
from permissions.allow import Allow
from permissions.context import Context
from permissions.errors import Forbidden, ReauthenticationRequired, Unauthenticated
from permissions.viewer import Viewer
from resolvers.global_ids import decode, decode_as
from resolvers.sessions.queries import live_of_user
from resolvers.visibility import sees_license, themes_on_offer

Row = TypeVar("Row", bound=SQLModel)

MOST_NODES = 100
Rules = Mapping[type[SQLModel], Allow]
"""Rule of each table's rows: the `allow=` of the GraphQL type."""


async def node(context: Context, global_id: str, rules: Rules) -> SQLModel | None:
    """Raises `Forbidden` for rows of the viewer's accounts that it may not read, and
    `ReauthenticationRequired` for those of accounts that no longer accept the session, like lists do."""
    viewer = context.signed_in()
    decoded = decode(global_id)
    if decoded is None:
        return None
    table, id = decoded
    if table in _ON_OFFER:
        _require(rules[table], context, None)
        return await row(context.database, table, with_id(table)(id), _ON_OFFER[table]())
    found = await _find(context, viewer, table, id)
    if found is not None:
        _require(rules[table], context, found)
    return found


async def nodes(context: Context, global_ids: list[str], rules: Rules) -> list[SQLModel | Exception | None]:
    """Rows in the order of the ids. A refused row is replaced by its error."""
    found: list[SQLModel | Exception | None] = []
    for global_id in global_ids:
        try:
            found.append(await node(context, global_id, rules))
        except (Forbidden, ReauthenticationRequired, Unauthenticated) as refusal:
            found.append(refusal)
    return found


async def find(context: Context, table: type[Row], global_id: str) -> Row | None:
    """The row that a change is about, in an account of the viewer. The change checks the permission."""
    viewer = context.signed_in()
    id = decode_as(table, global_id)
    return await _find(context, viewer, table, id) if id else None


async def find_row(context: Context, table: type[Row], account_id: UUID, id: UUID) -> Row | None:
    """Reads a row of the account again, bypassing the request's cache."""
    return await row(context.database, table, of_accounts(table)([account_id]), with_id(table)(id))


async def _find(context: Context, viewer: Viewer, table: type[Row], id: UUID) -> Row | None:
    if table is Session and viewer.is_api_key:
        return None  # Sessions belong to a person; an API key has none.
    found = await row(context.database, table, with_id(table)(id), _within(viewer, table))
    if isinstance(found, License):
        membership = viewer.own_membership(found.account_id)
        if membership is None or not sees_license(membership, found):
            return None
    return found


def _within(viewer: Viewer, table: type[SQLModel]) -> BoundCondition:
    if table is User:
        return with_id(User)(viewer.user.id)
    if table is Session:
        return live_of_user(viewer.user.id)
    if table is Account:
        return with_ids(Account)(viewer.account_ids)
    return of_accounts(table)(viewer.account_ids)


def _require(allow: Allow, context: Context, source: SQLModel | None) -> None:
    """Raises the refusal. Objects of the catalog have no account, so they are refused before they are
    read."""
    refusal = allow.refusal(context, source)
    if refusal is not None:
        raise refusal


def _releases_on_offer() -> AnySelect:
    themes = select(col(Theme.id)).where(themes_on_offer().condition.expression())
    return select(col(ThemeRelease.id)).where(col(ThemeRelease.theme_id).in_(themes))


_ON_OFFER: dict[type[SQLModel], Condition] = {
    Theme: themes_on_offer().condition,
    ThemeRelease: Condition(lambda: col(ThemeRelease.id).in_(_releases_on_offer())),
    ThemeFile: Condition(lambda: col(ThemeFile.release_id).in_(_releases_on_offer())),
}
