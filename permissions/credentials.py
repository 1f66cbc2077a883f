"""The look-up of a credential: whose it is, whether it works, and that it was used."""

from datetime import datetime
from typing import Any

import asyncpg
from graphql import GraphQLError
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlmodel import col

from engine.statements import Statement, parameter
from models.accounts import Account
from models.api_keys import ApiKey, ApiKeyStatus
from models.database import Database
from models.members import Member, Role, User
from models.sessions import Session
from permissions.errors import Forbidden, Unauthenticated
from permissions.roles import Permission, has_api_access
from permissions.tokens import hash_token, is_api_key, looks_like_api_key
from permissions.viewer import BY_API_KEY, BY_SESSION, Viewer

_MEMBERSHIP_LIMIT = 1_000


def refusal_of(viewer: Viewer) -> GraphQLError | None:
    """Why this credential does not work, though it is somebody's: as of now, and of the member's role."""
    if not viewer.is_api_key:
        return None
    member = viewer.key_member
    return refusal_of_api_key(ApiKeyStatus(viewer.api_key.status), member.role, member.removed_at)


def refusal_of_api_key(
    status: ApiKeyStatus, role: Role, removed_at: datetime | None
) -> Unauthenticated | Forbidden | None:
    """Why a key of this status, of such a member, does not work; None if it works."""
    match status:
        case ApiKeyStatus.UNCLAIMED:
            return Unauthenticated("This API key was not claimed by its member yet.")
        case ApiKeyStatus.REVOKED:
            return Unauthenticated("This API key was revoked.")
        case ApiKeyStatus.EXPIRED:
            return Unauthenticated("This API key has expired.")
    if removed_at is not None:
        return Unauthenticated("This API key is of somebody who is no member any more.")
    if not has_api_access(role):
        return Forbidden(
            Permission.ACCESS_API,
            f"This API key's member is a {role.title()} now, and API keys need"
            f" {Permission.ACCESS_API.value}: it works again once the member has a role with that.",
        )
    return None


def _session() -> Select[*tuple[Any, ...]]:
    return (
        select(*BY_SESSION.columns)
        .select_from(Session)
        .join(User, col(User.id) == col(Session.user_id))
        .outerjoin(Member, (col(Member.user_id) == col(User.id)) & col(Member.removed_at).is_(None))
        .outerjoin(Account, col(Account.id) == col(Member.account_id))
        .where(
            col(Session.token_hash) == parameter("token_hash"),
            Session.is_live(),
        )
        .order_by(col(Member.id))
        .limit(_MEMBERSHIP_LIMIT)
    )


def _api_key(secret: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Also one that does not work any more: who tries it is told why, and so is the log."""
    of_account = col(Member.account_id) == col(ApiKey.account_id)
    return (
        select(*BY_API_KEY.columns)
        .select_from(ApiKey)
        .join(Member, and_(of_account, col(Member.id) == col(ApiKey.member_id)))
        .join(User, col(User.id) == col(Member.user_id))
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .where(secret)
    )


def _is_hash(column: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column == parameter("token_hash")
    return condition


_SESSION = Statement(
    _session, across_accounts="a credential is looked up by its hash, and says of which accounts it is"
)
_API_KEY = Statement(
    lambda: _api_key(_is_hash(col(ApiKey.key_hash))),
    across_accounts="a credential is looked up by its hash, and says of which accounts it is",
)
_ROTATED_API_KEY = Statement(
    lambda: _api_key(ApiKey.had_secret(_is_hash)),
    across_accounts="a credential is looked up by its hash, and says of which accounts it is",
)


async def find(database: Database, token: str) -> Viewer:
    """Whose credential this is, whether it works or not: one statement, two for a secret that was rotated
    out or is nobody's, and none for what cannot be a key.

    Raises `Unauthenticated` where it is nobody's.
    """
    if not looks_like_api_key(token):
        records = await database.fetch(_SESSION.sql, hash_token(token))
        if not records:
            raise Unauthenticated("This session is not valid any more: sign in again.")
        return Viewer(records, BY_SESSION)
    if not is_api_key(token):
        raise Unauthenticated("This is no API key, or not all of one: it has 52 characters, and a checksum.")
    token_hash = hash_token(token)
    records = await database.fetch(_API_KEY.sql, token_hash)
    if not records:
        records = await database.fetch(_ROTATED_API_KEY.sql, token_hash)
    if not records:
        raise Unauthenticated("There is no such API key, or its secret was replaced.")
    return Viewer(records, BY_API_KEY)


def _works() -> Select[*tuple[Any, ...]]:
    """By clock_timestamp(): now() is when the transaction began, which may have waited since."""
    at = func.clock_timestamp
    session = exists().where(_is_hash(col(Session.token_hash)), Session.is_live(at))
    api_key = exists().where(ApiKey.has_secret(_is_hash, at), ApiKey.works_or_may_yet(at))
    return select(or_(session, api_key))


_WORKS = Statement(_works, across_accounts="a credential is looked up by its hash; what it opens is not read")


async def require_working(driver: asyncpg.Connection, token: str) -> None:
    """Within a change, whose account is locked: what was revoked before it got the lock changes nothing
    more. Raises `Unauthenticated`."""
    if not await driver.fetchval(_WORKS.sql, hash_token(token)):
        raise Unauthenticated("This session or API key was ended meanwhile: nothing was changed.")


async def look_up(database: Database, token: str) -> Viewer:
    """Who may use this token now, for who only waits for news: that is no use of it and does not prolong it.

    Raises `Unauthenticated`, and `Forbidden` where the member's role is none for API keys.
    """
    viewer = await find(database, token)
    refusal = refusal_of(viewer)
    if refusal is not None:
        raise refusal
    return viewer
