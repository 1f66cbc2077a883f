"""Who is asking: the credential, the person and their memberships, as of this very request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_, update
from sqlmodel import SQLModel, col

from models.accounts import Account
from models.audit import CredentialKind
from models.columns import now
from models.database import Database
from models.members import Member, Role, User
from models.sessions import Session
from models.snapshots import attributes, snapshot
from models.statements import Statement, parameter
from permissions.errors import Unauthenticated
from permissions.roles import ROLE_PERMISSIONS, Permission
from permissions.tokens import hash_token

_TOUCH_SECONDS = 60
_MEMBERSHIP_LIMIT = 1_000

# Where each table's columns are in a record of the look-up.
_TABLES: tuple[type[SQLModel], ...] = (Session, User, Member, Account)
_ENDS = accumulate((len(attributes(table)) for table in _TABLES), initial=0)
_SESSIONS, _USERS, _MEMBERS, _ACCOUNTS = (slice(*ends) for ends in pairwise(_ENDS))
_LAST_USED_AT = attributes(Session).index("last_used_at")
_ACCOUNT_ID, _MEMBER_ID, _ROLE = (
    _MEMBERS.start + attributes(Member).index(name) for name in ("account_id", "id", "role")
)


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

    def may(self, permission: Permission) -> bool:
        return permission in ROLE_PERMISSIONS[self.role]


@dataclass(frozen=True, slots=True)
class Credential:
    kind: CredentialKind
    id: UUID
    label: str
    """What the audit log calls it. Never the secret."""


class Viewer:
    """From the rows of the look-up, one a membership; what is not asked for is not made of them."""

    def __init__(self, records: Sequence[Sequence[Any]]) -> None:
        self._records = records
        self._memberships = [record for record in records if record[_ROLE] is not None]
        self.memberships: dict[UUID, Membership] = {
            record[_ACCOUNT_ID]: Membership(record[_ACCOUNT_ID], record[_MEMBER_ID], Role(record[_ROLE]))
            for record in self._memberships
        }
        """By account."""

    @property
    def last_used_at(self) -> datetime:
        at: datetime = self._records[0][_LAST_USED_AT]
        return at

    @property
    def session(self) -> Session:
        return snapshot(Session, self._records[0][_SESSIONS])

    @property
    def user(self) -> User:
        return snapshot(User, self._records[0][_USERS])

    @property
    def members(self) -> list[Member]:
        """The viewer's own, the oldest first."""
        return [snapshot(Member, record[_MEMBERS]) for record in self._memberships]

    def known(self, id: UUID) -> Member | Account | None:
        """The viewer's own member, or account, of this id, as the look-up found it."""
        for record in self._memberships:
            if record[_ACCOUNT_ID] == id:
                return snapshot(Account, record[_ACCOUNTS])
            if record[_MEMBER_ID] == id:
                return snapshot(Member, record[_MEMBERS])
        return None

    @property
    def credential(self) -> Credential:
        return Credential(CredentialKind.SESSION, self.session.id, self.session.user_agent or "Session")

    def membership(self, account_id: UUID) -> Membership | None:
        return self.memberships.get(account_id)

    def may_anywhere(self, permission: Permission) -> bool:
        return any(membership.may(permission) for membership in self.memberships.values())

    def is_member(self, account_id: UUID, member_id: UUID) -> bool:
        membership = self.memberships.get(account_id)
        return membership is not None and membership.member_id == member_id


def _look_up() -> Select[*tuple[Any, ...]]:
    return (
        select(*(column for table in _TABLES for column in _columns(table)))
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


def _columns(table: type[SQLModel]) -> list[ColumnElement[Any]]:
    return [getattr(table, name) for name in attributes(table)]


_LOOK_UP = Statement(_look_up)


async def identify(database: Database, token: str, lifetime_seconds: int) -> Viewer:
    """Who uses this token now. Raises `Unauthenticated` where it is of no live session."""
    viewer = await look_up(database, token)
    if viewer.last_used_at < now() - timedelta(seconds=_TOUCH_SECONDS):
        await _touch(database, viewer, lifetime_seconds)
    return viewer


async def look_up(database: Database, token: str) -> Viewer:
    """As `identify`, for who only waits for news: that is no use of a session and does not prolong it.

    One statement.
    """
    records = await database.fetch(_LOOK_UP.sql, hash_token(token))
    if not records:
        raise Unauthenticated("This session is not valid any more: sign in again.")
    return Viewer(records)


async def _touch(database: Database, viewer: Viewer, lifetime_seconds: int) -> None:
    """Sessions slide, and members were active: written once a minute at most, by whoever comes first."""
    session = viewer.session
    at = now().replace(second=0, microsecond=0)
    expires_at = now() + timedelta(seconds=lifetime_seconds)
    async with database.writing.begin() as connection:
        await connection.execute(
            update(Session)
            .where(col(Session.id) == session.id, col(Session.last_used_at) == session.last_used_at)
            .values(last_used_at=now(), expires_at=expires_at)
        )
        if viewer.memberships:
            await connection.execute(_members_active(session.user_id, at))


def _members_active(user_id: UUID, at: datetime):  # type: ignore[no-untyped-def]
    """But for those that a change holds just now: whoever only reads shall not wait for it."""
    free = (
        select(Member.account_id, Member.id)  # type: ignore[call-overload]
        .where(col(Member.user_id) == user_id, col(Member.removed_at).is_(None))
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (
        update(Member)
        .where(tuple_(col(Member.account_id), col(Member.id)).in_(free))
        .values(last_active_at=at)
    )
