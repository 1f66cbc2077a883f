from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, String, and_, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel, col

from engine.enums import described_enum
from models.columns import Clock, account_column, account_index, enum_column, id_column, now, time_column
from models.search import search_index
from models.text_forms import folded_column, sort_key_column


@described_enum(
    "Role of a member in an account. Each role includes the permissions of the lower ones.",
    """
    ADMIN Has all permissions: team, billing, API keys, licenses and the whole audit log.
    MEMBER Can provision licenses within the account's limits, download files and use the API.
    VIEWER Can see the catalog, the team and active licenses, and download the report of active licenses.
    """,
)
class Role(StrEnum):
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"


ERASED_NAME = "Erased person"
"""Replaces the name of a person who was erased."""


class User(SQLModel, table=True):
    """Person, who may be a member of several accounts."""

    __tablename__ = "users"

    id: UUID = id_column()
    email: str = Field(unique=True)
    """Normalised by `clean_email`. That of an erased person is `erased` and the id, which is no address."""
    name: str
    created_at: datetime = time_column(default_now=True)
    erased_at: datetime | None = time_column(nullable=True)


class Erasure(SQLModel, table=True):
    """Erasure of a person that has begun. It is finished account by account, by a job if its process ends."""

    __tablename__ = "erasures"

    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=POSTGRESQL_UUID)
    email: str | None = None
    """Address that is looked for, as the names are. Both are deleted once the person was erased in each
    account."""
    names: list[str] = Field(sa_type=ARRAY(String))
    by_operator: bool
    requested_at: datetime = time_column(default_now=True)
    erased_at: datetime | None = time_column(nullable=True)
    """When the person was erased in each account. The row is deleted once no process can write an event of
    the person any more."""


_INDEXED_KEYS = {
    "joined": "joined_at",
    "name": "name_key",
    "last_active": text("coalesce(last_active_at, joined_at)"),
}


def _indexes(name: str, key: object) -> Iterator[Index]:
    """Indexes of one sort order: for present members, for those of one role, and for removed members."""
    present, gone = text("removed_at IS NULL"), text("removed_at IS NOT NULL")
    yield account_index("members", key, "id", suffix=name, postgresql_where=present)
    yield account_index("members", "role", key, "id", suffix=f"role_{name}", postgresql_where=present)
    yield account_index("members", "role", key, "id", suffix=f"removed_{name}", postgresql_where=gone)


class Member(SQLModel, table=True):
    """Membership of a person in an account, with a role. Rows are never deleted, because the audit log refers
    to them."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("NOT is_owner OR (role = 'ADMIN' AND removed_at IS NULL)", name="owner_is_admin"),
        CheckConstraint("NOT is_owner OR access_until IS NULL", name="owner_has_no_end"),
        CheckConstraint("isfinite(access_until)", name="access_until_finite"),
        Index("uq_members_owner", "account_id", unique=True, postgresql_where=text("is_owner")),
        Index(
            "uq_members_person",
            "account_id",
            "user_id",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_members_of_user", "user_id", postgresql_where=text("removed_at IS NULL")),
        Index("ix_members_removed_of_user", "user_id", postgresql_where=text("removed_at IS NOT NULL")),
        *(index for name, key in _INDEXED_KEYS.items() for index in _indexes(name, key)),
        Index(
            "ix_members_access_until",
            "access_until",
            postgresql_where=text("removed_at IS NULL AND access_until IS NOT NULL"),
        ),
        Index(
            "ix_members_access_reminder",
            "access_reminder_at",
            postgresql_where=text("removed_at IS NULL AND access_reminder_at IS NOT NULL"),
        ),
        account_index("members", "email", suffix="email"),
        search_index("members", "name_folded", "email_folded"),
    )

    account_id: UUID = account_column()
    id: UUID = id_column()
    user_id: UUID = Field(foreign_key="users.id", sa_type=POSTGRESQL_UUID)
    name: str
    """Copy of the person's name, so that members of an account can be sorted by an index."""
    email: str = Field(nullable=True)
    """NULL once the person was erased, which only people who have left are."""
    role: Role = enum_column(Role)
    is_owner: bool = False
    joined_at: datetime = time_column(default_now=True)
    last_active_at: datetime | None = time_column(nullable=True)
    removed_at: datetime | None = time_column(nullable=True)
    sessions_valid_from: datetime | None = time_column(nullable=True)
    """Sessions of the person that began before this time must sign in again for this account."""
    access_until: datetime | None = time_column(nullable=True)
    """Time at which the membership ends by itself. A job stores `removed_at` later."""
    access_reminder_at: datetime | None = time_column(nullable=True)
    """Time of the next reminder of `access_until`."""
    name_key: str = sort_key_column("name")
    name_folded: str = folded_column("name")
    email_folded: str = folded_column("email")

    @property
    def has_ended(self) -> bool:
        return self.ended(self.removed_at, self.access_until)

    @staticmethod
    def ended(removed_at: datetime | None, access_until: datetime | None) -> bool:
        """Whether a membership is over at the current time: from `access_until` on, even if the job has not
        stored that yet."""
        return removed_at is not None or (access_until is not None and access_until <= now())

    @staticmethod
    def is_present(at: Clock = func.now) -> ColumnElement[bool]:
        """Condition: the membership has not ended. IS NOT FALSE keeps PostgreSQL from using the index of the
        memberships with an end for it."""
        return and_(col(Member.removed_at).is_(None), (col(Member.access_until) > at()).is_not(False))
