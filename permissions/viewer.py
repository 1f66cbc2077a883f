"""Who is asking: the credential, the person and their memberships, as of this very request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLError
from sqlalchemy import ColumnElement, Select, Update, and_, func, or_, select, tuple_, update
from sqlmodel import SQLModel, col

from models.accounts import Account
from models.api_keys import ApiKey, ApiKeyStatus, ApiScope
from models.audit import CredentialKind
from models.columns import now
from models.database import Database
from models.members import Member, Role, User
from models.sessions import Session
from models.snapshots import attributes, snapshot
from models.statements import Statement, parameter
from permissions.errors import Forbidden, Unauthenticated
from permissions.roles import (
    CHANGES_WITHIN,
    ROLE_PERMISSIONS,
    SHOWN_IN_PAYLOADS,
    Permission,
    permissions_of,
    permissions_within,
)
from permissions.tokens import hash_token, is_api_key, looks_like_api_key

NOT_BY_API_KEY = "API keys may not do this, whatever their member may: sign in to do it."
_TOUCH_SECONDS = 60
_MEMBERSHIP_LIMIT = 1_000

Scopes = tuple[ApiScope, ...] | None
"""Of an API key; None of a person, who has no need of them."""


class Layout:
    """Where everything is in a record of the look-up by one kind of credential, whose own columns come
    first, and its id before them all."""

    def __init__(self, credential: Sequence[Any], last_used_at: int) -> None:
        tables: tuple[type[SQLModel], ...] = (User, Member, Account)
        self.columns: list[ColumnElement[Any]] = [
            *credential,
            *(getattr(table, name) for table in tables for name in attributes(table)),
        ]
        lengths = (len(credential), *(len(attributes(table)) for table in tables))
        ends = accumulate(lengths, initial=0)
        self.credential, self.user, self.member, self.account = (slice(*each) for each in pairwise(ends))
        self.last_used_at = last_used_at
        self.account_id, self.member_id, self.member_name, self.role, self.removed_at = (
            self.member.start + attributes(Member).index(name)
            for name in ("account_id", "id", "name", "role", "removed_at")
        )


class UsedKey(NamedTuple):
    """What a request with an API key needs to know of it."""

    id: UUID
    name: str
    status: str
    scopes: str
    """With commas between them."""
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    account_id: UUID
    member_id: UUID
    role: Role
    scopes: Scopes = None

    @property
    def permissions(self) -> list[Permission]:
        return (
            permissions_of(self.role) if self.scopes is None else permissions_within(self.role, self.scopes)
        )

    def may(self, permission: Permission) -> bool:
        """Whether it may see what the permission opens. A key with READ sees what its member does."""
        if permission not in ROLE_PERMISSIONS[self.role]:
            return False
        return self.scopes is None or ApiScope.READ in self.scopes or permission in SHOWN_IN_PAYLOADS

    def may_change(self, permission: Permission) -> bool:
        """Whether it may make the change that the permission opens."""
        if permission not in ROLE_PERMISSIONS[self.role]:
            return False
        return self.scopes is None or any(permission in CHANGES_WITHIN.get(each, ()) for each in self.scopes)


def forbidden(membership: Membership, permission: Permission) -> Forbidden:
    """Whether it is the role that lacks the permission, or the API key the scope."""
    if membership.scopes is None or permission not in ROLE_PERMISSIONS[membership.role]:
        return Forbidden(permission)
    scopes = [scope for scope, opened in CHANGES_WITHIN.items() if permission in opened]
    if scopes:
        return Forbidden(permission, f"This API key may not do this: it needs the scope {scopes[0].value}.")
    return Forbidden(permission, NOT_BY_API_KEY)


@dataclass(frozen=True, slots=True)
class Credential:
    kind: CredentialKind
    id: UUID
    label: str
    """What the audit log calls it. Never the secret."""


class KeyMember(NamedTuple):
    account_id: UUID
    id: UUID
    name: str
    role: Role
    removed_at: datetime | None


@cache
def _scopes_of(text: str) -> tuple[ApiScope, ...]:
    return tuple(ApiScope(each) for each in text.split(","))


class Viewer:
    """From the rows of the look-up, one a membership; what is not asked for is not made of them. Of an API
    key it has the one membership that the key belongs to."""

    def __init__(self, records: Sequence[Sequence[Any]], layout: Layout) -> None:
        self._records, self._layout = records, layout
        self._memberships = [record for record in records if record[layout.role] is not None]
        scopes = self.scopes = self._scopes()
        self.memberships: dict[UUID, Membership] = {
            record[layout.account_id]: Membership(
                record[layout.account_id], record[layout.member_id], Role(record[layout.role]), scopes
            )
            for record in self._memberships
        }
        """By account."""

    def _scopes(self) -> Scopes:
        return _scopes_of(self.api_key.scopes) if self.is_api_key else None

    @property
    def is_api_key(self) -> bool:
        return self._layout is _BY_API_KEY

    @property
    def may_query(self) -> bool:
        return self.scopes is None or ApiScope.READ in self.scopes

    @property
    def credential_id(self) -> UUID:
        id: UUID = self._records[0][0]
        return id

    @property
    def last_used_at(self) -> datetime | None:
        at: datetime | None = self._records[0][self._layout.last_used_at]
        return at

    @cached_property
    def session(self) -> Session:
        return snapshot(Session, self._records[0][self._layout.credential])

    @cached_property
    def api_key(self) -> UsedKey:
        return UsedKey(*self._records[0][self._layout.credential])

    @property
    def key_member(self) -> KeyMember:
        """Whose the API key is, a member still or not."""
        record, layout = self._records[0], self._layout
        return KeyMember(
            record[layout.account_id],
            record[layout.member_id],
            record[layout.member_name],
            record[layout.role],
            record[layout.removed_at],
        )

    @property
    def user(self) -> User:
        return snapshot(User, self._records[0][self._layout.user])

    @property
    def members(self) -> list[Member]:
        """The viewer's own, the oldest first."""
        return [snapshot(Member, record[self._layout.member]) for record in self._memberships]

    def known(self, id: UUID) -> Member | Account | None:
        """The viewer's own member, or account, of this id, as the look-up found it."""
        for record in self._memberships:
            if record[self._layout.account_id] == id:
                return snapshot(Account, record[self._layout.account])
            if record[self._layout.member_id] == id:
                return snapshot(Member, record[self._layout.member])
        return None

    @property
    def credential(self) -> Credential:
        if self.is_api_key:
            return Credential(CredentialKind.API_KEY, self.api_key.id, self.api_key.name)
        return Credential(CredentialKind.SESSION, self.session.id, self.session.user_agent or "Session")

    def membership(self, account_id: UUID) -> Membership | None:
        return self.memberships.get(account_id)

    def may_anywhere(self, permission: Permission) -> bool:
        return any(membership.may(permission) for membership in self.memberships.values())

    def is_member(self, account_id: UUID, member_id: UUID) -> bool:
        membership = self.memberships.get(account_id)
        return membership is not None and membership.member_id == member_id


def refusal_of(viewer: Viewer) -> GraphQLError | None:
    """Why this credential does not work, though it is somebody's: as of now, and of the member's role."""
    if not viewer.is_api_key:
        return None
    member = viewer.key_member
    match viewer.api_key.status:
        case ApiKeyStatus.REVOKED:
            return Unauthenticated("This API key was revoked.")
        case ApiKeyStatus.EXPIRED:
            return Unauthenticated("This API key has expired.")
    if member.removed_at is not None:
        return Unauthenticated("This API key is of somebody who is no member any more.")
    if Permission.ACCESS_API not in ROLE_PERMISSIONS[member.role]:
        return Forbidden(
            Permission.ACCESS_API,
            f"This API key's member is a {member.role.title()} now, and API keys need"
            f" {Permission.ACCESS_API.value}: it works again once the member has a role with that.",
        )
    return None


_BY_SESSION = Layout(
    [getattr(Session, name) for name in attributes(Session)], attributes(Session).index("last_used_at")
)
_BY_API_KEY = Layout(
    [
        col(ApiKey.id),
        col(ApiKey.name),
        ApiKey.status_now(),
        func.array_to_string(col(ApiKey.scopes), ","),
        col(ApiKey.last_used_at),
    ],
    UsedKey._fields.index("last_used_at"),
)


def _session() -> Select[*tuple[Any, ...]]:
    return (
        select(*_BY_SESSION.columns)
        .select_from(Session)
        .join(User, col(User.id) == col(Session.user_id))
        .outerjoin(Member, (col(Member.user_id) == col(User.id)) & col(Member.removed_at).is_(None))
        .outerjoin(Account, col(Account.id) == col(Member.account_id))
        .where(
            col(Session.token_hash) == parameter("token_hash"),
            col(Session.ended_at).is_(None),
            col(Session.expires_at) > func.now(),
        )
        .order_by(col(Member.id))
        .limit(_MEMBERSHIP_LIMIT)
    )


def _api_key() -> Select[*tuple[Any, ...]]:
    """Also one that does not work any more: who tries it is told why, and so is the log."""
    current = col(ApiKey.key_hash) == parameter("token_hash")
    rotated = and_(
        col(ApiKey.previous_key_hash) == parameter("token_hash"),
        col(ApiKey.previous_expires_at) > func.now(),
    )
    of_account = col(Member.account_id) == col(ApiKey.account_id)
    return (
        select(*_BY_API_KEY.columns)
        .select_from(ApiKey)
        .join(Member, and_(of_account, col(Member.id) == col(ApiKey.member_id)))
        .join(User, col(User.id) == col(Member.user_id))
        .join(Account, col(Account.id) == col(ApiKey.account_id))
        .where(or_(current, rotated))
    )


_SESSION, _API_KEY = Statement(_session), Statement(_api_key)


async def find(database: Database, token: str) -> Viewer:
    """Whose credential this is, whether it works or not: one statement, and none for what cannot be a key.

    Raises `Unauthenticated` where it is nobody's.
    """
    if not looks_like_api_key(token):
        records = await database.fetch(_SESSION.sql, hash_token(token))
        if not records:
            raise Unauthenticated("This session is not valid any more: sign in again.")
        return Viewer(records, _BY_SESSION)
    if not is_api_key(token):
        raise Unauthenticated("This is no API key, or not all of one: it has 52 characters, and a checksum.")
    records = await database.fetch(_API_KEY.sql, hash_token(token))
    if not records:
        raise Unauthenticated("There is no such API key, or its secret was replaced.")
    return Viewer(records, _BY_API_KEY)


async def look_up(database: Database, token: str) -> Viewer:
    """Who may use this token now, for who only waits for news: that is no use of it and does not prolong it.

    Raises `Unauthenticated`, and `Forbidden` where the member's role is none for API keys.
    """
    viewer = await find(database, token)
    refusal = refusal_of(viewer)
    if refusal is not None:
        raise refusal
    return viewer


async def touch(database: Database, viewer: Viewer, lifetime_seconds: int, ip: str | None) -> None:
    """It is used: sessions slide, and members were active. Written once a minute at most, by whoever comes
    first."""
    last_used_at = viewer.last_used_at
    if last_used_at is not None and last_used_at >= now() - timedelta(seconds=_TOUCH_SECONDS):
        return
    at = now().replace(second=0, microsecond=0)
    used = _api_key_used(viewer, ip) if viewer.is_api_key else _slid(viewer.session, lifetime_seconds)
    async with database.writing.begin() as connection:
        await connection.execute(used)
        if viewer.memberships:
            await connection.execute(_members_active(viewer, at))


def _slid(session: Session, lifetime_seconds: int) -> Update:
    return (
        update(Session)
        .where(col(Session.id) == session.id, col(Session.last_used_at) == session.last_used_at)
        .values(last_used_at=now(), expires_at=now() + timedelta(seconds=lifetime_seconds))
    )


def _api_key_used(viewer: Viewer, ip: str | None) -> Update:
    """But for one that a change holds just now."""
    key, account_id = viewer.api_key, viewer.key_member.account_id
    free = (
        select(ApiKey.id)  # type: ignore[call-overload]
        .where(
            col(ApiKey.account_id) == account_id,
            col(ApiKey.id) == key.id,
            col(ApiKey.last_used_at).is_not_distinct_from(key.last_used_at),
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (
        update(ApiKey)
        .where(col(ApiKey.account_id) == account_id, col(ApiKey.id).in_(free))
        .values(last_used_at=now(), last_used_ip=ip)
    )


def _members_active(viewer: Viewer, at: datetime) -> Update:
    """But for those that a change holds just now: whoever only reads shall not wait for it."""
    free = (
        select(Member.account_id, Member.id)  # type: ignore[call-overload]
        .where(
            col(Member.account_id).in_(viewer.memberships),
            col(Member.user_id) == viewer.user.id,
            col(Member.removed_at).is_(None),
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (
        update(Member)
        .where(tuple_(col(Member.account_id), col(Member.id)).in_(free))
        .values(last_active_at=at)
    )
