"""Lookup of a credential: its viewer, whether it works, and its last use."""

import asyncpg
from graphql import GraphQLError
from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlmodel import col

from engine.statements import Statement, parameter
from engine.tables import AnyExpression, AnySelect
from models.accounts import Account
from models.api_keys import ApiKey, ApiKeyStatus
from models.database import Database
from models.members import Member, Role, User
from models.sessions import Session
from permissions.client_networks import admits
from permissions.errors import Forbidden, ForbiddenNetwork, Unauthenticated
from permissions.roles import Permission, has_api_access
from permissions.tokens import hash_token, is_api_key, looks_like_api_key
from permissions.viewer import BY_API_KEY, BY_SESSION, Scopes, Viewer, scopes_of

_MEMBERSHIP_LIMIT = 1_000


def refusal_of(viewer: Viewer, ip: str | None) -> GraphQLError | None:
    """Returns why an existing credential does not work for a client with this address, or None if it works,
    by its current status and networks and its member's current role."""
    if not viewer.is_api_key:
        return None
    member, key = viewer.key_member, viewer.api_key
    refusal = refusal_of_api_key(ApiKeyStatus(key.status), member.role, has_ended=member.has_ended)
    if refusal is None and not admits(key.allowed_networks, ip):
        return ForbiddenNetwork(ip)
    return refusal


def refusal_of_api_key(
    status: ApiKeyStatus, role: Role, *, has_ended: bool
) -> Unauthenticated | Forbidden | None:
    """Returns why a key with this status, of a member with this role, does not work, or None if it works.
    `has_ended` is whether the membership has."""
    match status:
        case ApiKeyStatus.UNCLAIMED:
            return Unauthenticated("This API key has not been claimed by its member yet.")
        case ApiKeyStatus.REVOKED:
            return Unauthenticated("This API key was revoked.")
        case ApiKeyStatus.EXPIRED:
            return Unauthenticated("This API key has expired.")
    if has_ended:
        return Unauthenticated(
            "The member that this API key belongs to is no longer a member of the account."
        )
    if not has_api_access(role):
        return Forbidden(
            Permission.ACCESS_API,
            f"This API key's member is now a {role.title()}, a role without {Permission.ACCESS_API.value}."
            " The key works again once the member has a role with this permission.",
        )
    return None


def _session() -> AnySelect:
    return (
        select(*BY_SESSION.columns)
        .select_from(Session)
        .join(User, col(User.id) == col(Session.user_id))
        .outerjoin(Member, (col(Member.user_id) == col(User.id)) & Member.is_present())
        .outerjoin(Account, col(Account.id) == col(Member.account_id))
        .where(
            col(Session.token_hash) == parameter("token_hash"),
            Session.is_live(),
        )
        .order_by(col(Member.id))
        .limit(_MEMBERSHIP_LIMIT)
    )


def _api_key(secret: ColumnElement[bool]) -> AnySelect:
    """Selects a key even if it no longer works, so that the error and the log can say why."""
    of_account = col(Member.account_id) == col(ApiKey.account_id)
    return (
        select(*BY_API_KEY.columns)
        .select_from(ApiKey)
        .join(Member, and_(of_account, col(Member.id) == col(ApiKey.member_id)))
        .join(User, col(User.id) == col(Member.user_id))
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .where(secret)
    )


def _is_hash(column: AnyExpression) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column == parameter("token_hash")
    return condition


_SESSION = Statement(
    _session, across_accounts="a credential is looked up by its hash, and the row names its accounts"
)
_API_KEY = Statement(
    lambda: _api_key(_is_hash(col(ApiKey.key_hash))),
    across_accounts="a credential is looked up by its hash, and the row names its accounts",
)
_ROTATED_API_KEY = Statement(
    lambda: _api_key(ApiKey.had_secret(_is_hash)),
    across_accounts="a credential is looked up by its hash, and the row names its accounts",
)


async def find_viewer(database: Database, token: str) -> Viewer:
    """Returns the viewer of a credential, whether the credential works or not. It executes one statement; two
    for the previous secret of a rotated key or an unknown one; none for a text that cannot be a key.

    Raises `Unauthenticated` if there is no such credential.
    """
    if not looks_like_api_key(token):
        records = await database.fetch(_SESSION.sql, hash_token(token))
        if not records:
            raise Unauthenticated("This session has ended or expired: sign in again.")
        return Viewer(records, BY_SESSION)
    if not is_api_key(token):
        raise Unauthenticated(
            "Malformed API key: expected `ta_` followed by 49 characters, the last 6 of which are a checksum."
        )
    token_hash = hash_token(token)
    records = await database.fetch(_API_KEY.sql, token_hash)
    if not records:
        records = await database.fetch(_ROTATED_API_KEY.sql, token_hash)
    if not records:
        raise Unauthenticated("Unknown API key: it does not exist, or its secret was replaced by a rotation.")
    return Viewer(records, BY_API_KEY)


def _works() -> AnySelect:
    """Uses clock_timestamp(), because now() is the start of the transaction, which may have waited for a lock
    since."""
    at = func.clock_timestamp
    session = exists().where(_is_hash(col(Session.token_hash)), Session.is_live(at))
    scopes, networks = (
        func.array_to_string(each, ",") for each in (col(ApiKey.scopes), col(ApiKey.allowed_networks))
    )
    api_key = select(func.concat(scopes, ";", networks)).where(
        ApiKey.has_secret(_is_hash, at), ApiKey.works_or_may_yet(at)
    )
    return select(session, api_key.scalar_subquery())


_WORKS = Statement(
    _works, across_accounts="a credential is looked up by its hash; no rows of an account are read"
)


async def scopes_unless_ended(driver: asyncpg.Connection, token: str, ip: str | None) -> Scopes:
    """Returns the scopes of a credential as of now, within a change that has locked the account: a credential
    that was revoked before then changes nothing. Raises `Unauthenticated`, and `ForbiddenNetwork` if the
    client with this address is outside of an API key's networks now.

    The role of an API key's member is not looked at: the change does that with the member's row, which it has
    locked, so that a refusal leaves an event."""
    ((is_session, api_key),) = await driver.fetch(_WORKS.sql, hash_token(token))
    if is_session:
        return None
    if api_key is None:
        raise Unauthenticated(
            "This session or API key was ended before the change was made: nothing was changed."
        )
    scopes, networks = api_key.split(";")
    if not admits(networks, ip):
        raise ForbiddenNetwork(ip)
    return scopes_of(scopes)


async def find_working(database: Database, token: str, ip: str | None) -> Viewer:
    """Returns the viewer of a working credential, for open subscriptions. It does not count as a use and does
    not prolong a session.

    Raises `Unauthenticated`, and `Forbidden` if the role of the API key's member does not allow API keys, or
    the key's networks do not include the client's address.
    """
    viewer = await find_viewer(database, token)
    refusal = refusal_of(viewer, ip)
    if refusal is not None:
        raise refusal
    return viewer
