from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    Interval,
    LargeBinary,
    and_,
    cast,
    func,
    literal,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel, col

from models.accounts import Account
from models.columns import Clock, id_column, time_column
from models.members import Member

_SECOND = cast(literal("1 second"), Interval)


class Session(SQLModel, table=True):
    """Session of a person who is signed in on a device. Only the SHA-256 of its token is stored."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("expires_at <= ends_at", name="expires_at"),
        Index("ix_sessions_user_id", "user_id", "id"),
    )

    id: UUID = id_column()
    user_id: UUID = Field(foreign_key="users.id", sa_type=POSTGRESQL_UUID)
    token_hash: bytes = Field(unique=True, sa_type=LargeBinary)
    created_at: datetime = time_column(default_now=True)
    last_used_at: datetime = time_column(default_now=True)
    expires_at: datetime = time_column()
    ends_at: datetime = time_column()
    """Latest value of `expires_at`, which uses of the session move."""
    ended_at: datetime | None = time_column(nullable=True)
    ip: str | None = None
    user_agent: str | None = None

    @staticmethod
    def is_live(at: Clock = func.now) -> ColumnElement[bool]:
        """Condition: the session has not ended and has not expired."""
        return and_(col(Session.ended_at).is_(None), col(Session.expires_at) > at())

    @staticmethod
    def accepted_until(
        began_at: datetime, valid_from: datetime | None, max_age_seconds: int | None
    ) -> datetime | None:
        """Returns when a session that began at this time is no longer accepted by an account in which the
        member and the policy have these values; None if it is accepted until it ends."""
        if valid_from is not None and began_at < valid_from:
            return valid_from
        return None if max_age_seconds is None else began_at + timedelta(seconds=max_age_seconds)

    @staticmethod
    def is_accepted(at: Clock = func.now) -> ColumnElement[bool]:
        """Condition: the account accepts the session of the member. Selects from all three."""
        max_age = col(Account.max_session_age_seconds)
        is_young = or_(max_age.is_(None), col(Session.created_at) + max_age * _SECOND > at())
        return and_(Session.is_not_ended_for_member(), is_young)

    @staticmethod
    def is_not_ended_for_member() -> ColumnElement[bool]:
        """Condition: the session was not ended for the member's account. It can be too old all the same."""
        valid_from = col(Member.sessions_valid_from)
        return or_(valid_from.is_(None), col(Session.created_at) >= valid_from)

    @staticmethod
    def last_ended_for_members() -> ColumnElement[datetime | None]:
        """Aggregate over members: the last time at which sessions were ended for one of them, or NULL."""
        return func.max(col(Member.sessions_valid_from))


class UnrecordedSignIn(SQLModel, table=True):
    """Sign-in that is not yet in the log of each account, because another transaction had locked it. A job
    appends the events, and deletes the row after the last one."""

    __tablename__ = "unrecorded_sign_ins"

    session_id: UUID = Field(
        primary_key=True, foreign_key="sessions.id", ondelete="CASCADE", sa_type=POSTGRESQL_UUID
    )
    account_ids: list[UUID] = Field(sa_type=ARRAY(POSTGRESQL_UUID))
    request_id: str | None = None


class SignInLink(SQLModel, table=True):
    """One-time sign-in link that was emailed. Only the SHA-256 of its token is stored."""

    __tablename__ = "sign_in_links"
    __table_args__ = (
        Index("ix_sign_in_links_email", "email", "created_at"),
        Index("ix_sign_in_links_expires", "expires_at"),
    )

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    email: str
    created_at: datetime = time_column(default_now=True)
    expires_at: datetime = time_column()
    used_at: datetime | None = time_column(nullable=True)
    requested_by: bytes | None = Field(default=None, sa_type=LargeBinary)
    """SHA-256 of the link cookie of the browser that requested the link on a page of this site."""
    wrong_addresses: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Number of wrong addresses entered in other browsers to confirm the link. After a few, the link is
    expired."""
