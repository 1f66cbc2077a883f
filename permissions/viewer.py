"""Who is asking: the credential, the person and their memberships, as of this very request."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlmodel import col

from models.audit import CredentialKind
from models.columns import now
from models.database import Database
from models.members import Member, Role, User
from models.sessions import Session
from permissions.errors import Unauthenticated
from permissions.roles import ROLE_PERMISSIONS, Permission
from permissions.tokens import hash_token

_TOUCH_SECONDS = 60
_MEMBERSHIP_LIMIT = 1_000


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


@dataclass(frozen=True, slots=True)
class Viewer:
    user: User
    session: Session
    memberships: dict[UUID, Membership]
    """By account."""

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


async def identify(database: Database, token: str, lifetime_seconds: int) -> Viewer:
    """Who uses this token now. Raises `Unauthenticated` where it is of no live session."""
    viewer = await look_up(database, token)
    if viewer.session.last_used_at < now() - timedelta(seconds=_TOUCH_SECONDS):
        await _touch(database, viewer, lifetime_seconds)
    return viewer


async def look_up(database: Database, token: str) -> Viewer:
    """As `identify`, for who only waits for news: that is no use of a session and does not prolong it.

    One statement.
    """
    statement = (
        select(Session, User, Member.account_id, Member.id, Member.role)  # type: ignore[call-overload]
        .join(User, col(User.id) == col(Session.user_id))
        .outerjoin(Member, (col(Member.user_id) == col(User.id)) & col(Member.removed_at).is_(None))
        .where(
            col(Session.token_hash) == hash_token(token),
            col(Session.ended_at).is_(None),
            col(Session.expires_at) > func.now(),
        )
        .limit(_MEMBERSHIP_LIMIT)
    )
    async with database.reader() as reader:
        rows = (await reader.execute(statement)).all()
    if not rows:
        raise Unauthenticated("This session is not valid any more: sign in again.")
    memberships = {row[2]: Membership(row[2], row[3], row[4]) for row in rows if row[2] is not None}
    return Viewer(rows[0][1], rows[0][0], memberships)


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
