from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    and_,
    case,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel, col

from engine.enums import described_enum
from models.columns import account_column, account_index, enum_column, id_column, member_key, now, time_column
from models.search import search_index
from models.text_forms import folded_column


@described_enum(
    "Status of a license.",
    """
    ACTIVE The license can be used.
    SUSPENDED The license cannot be used until it is reinstated. It still uses a purchased license.
    REVOKED The license was revoked permanently. The purchased license can be provisioned again.
    EXPIRED The license reached its expiry time. The purchased license can be provisioned again.
    """,
)
class LicenseStatus(StrEnum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


LIVE = (LicenseStatus.ACTIVE, LicenseStatus.SUSPENDED)
"""Stored statuses of licenses that use an entitlement and a site until they expire."""


class Entitlement(SQLModel, table=True):
    """Number of licenses of a theme that an account has purchased, and of those that it has provisioned."""

    __tablename__ = "entitlements"
    __table_args__ = (
        UniqueConstraint("account_id", "theme_id"),
        CheckConstraint("provisioned BETWEEN 0 AND purchased", name="provisioned"),
    )

    account_id: UUID = account_column()
    id: UUID = id_column()
    theme_id: UUID = Field(foreign_key="themes.id", sa_type=POSTGRESQL_UUID)
    purchased: int = 0
    provisioned: int = 0

    @staticmethod
    def available_of(purchased: int, provisioned: int) -> int:
        return purchased - provisioned


_FILTERS = {
    "status": "status",
    "theme": "theme_id",
    "holder": "holder_id",
    "provisioner": "provisioned_by_id",
}


_REPORTED = text("installed_version IS NOT NULL")
_LAST_SIGN_OF_USE = "coalesce(last_verified_at, provisioned_at)"
_ENDING = text("expires_at IS NOT NULL")
_EXPIRING = text("status IN ('ACTIVE', 'SUSPENDED') AND expires_at IS NOT NULL")
_REMINDED = text("status = 'ACTIVE' AND expiry_reminder_at IS NOT NULL")


def _indexes(name: str, column: str) -> Iterator[Index]:
    """Indexes of one filter, for the order by time and for the order by site."""
    yield account_index("licenses", column, "provisioned_at", "id", suffix=name)
    yield account_index("licenses", column, "site", "id", suffix=f"{name}_site")


class License(SQLModel, table=True):
    """Right to use a theme on one site. Rows are never deleted, because the audit log refers to them."""

    __tablename__ = "licenses"
    __table_args__ = (
        member_key("holder_id"),
        member_key("provisioned_by_id"),
        member_key("revoked_by_id"),
        Index(
            "uq_licenses_site",
            "account_id",
            "theme_id",
            "site",
            unique=True,
            postgresql_where=text("status IN ('ACTIVE', 'SUSPENDED')"),
        ),
        account_index("licenses", "provisioned_at", "id", suffix="provisioned"),
        account_index("licenses", "site", "id", suffix="site"),
        *(index for name, column in _FILTERS.items() for index in _indexes(name, column)),
        *(
            account_index("licenses", "installed_version", key, "id", suffix=name, postgresql_where=_REPORTED)
            for name, key in (("version", "provisioned_at"), ("version_site", "site"))
        ),
        account_index("licenses", text(_LAST_SIGN_OF_USE), suffix="verified"),
        account_index("licenses", "expires_at", suffix="expires", postgresql_where=_ENDING),
        account_index(
            "licenses",
            "expires_at",
            suffix="due",
            postgresql_where=text("status IN ('ACTIVE', 'SUSPENDED')"),
        ),
        Index("ix_licenses_expiry", "expires_at", postgresql_where=_EXPIRING),
        Index("ix_licenses_expiry_reminder", "expiry_reminder_at", postgresql_where=_REMINDED),
        search_index("licenses", "site_folded"),
        CheckConstraint("isfinite(expires_at)", name="expires_at_finite"),
    )

    account_id: UUID = account_column()
    id: UUID = id_column()
    theme_id: UUID = Field(foreign_key="themes.id", sa_type=POSTGRESQL_UUID)
    stored_status: LicenseStatus = enum_column(
        LicenseStatus, default=LicenseStatus.ACTIVE, sa_column_kwargs={"name": "status"}
    )
    site: str
    key: str = Field(unique=True)
    holder_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    provisioned_by_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    provisioned_at: datetime = time_column(default_now=True)
    expires_at: datetime | None = time_column(nullable=True)
    expiry_reminder_at: datetime | None = time_column(nullable=True)
    """Time of the next reminder of `expires_at`."""
    revoked_by_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    revoked_at: datetime | None = time_column(nullable=True)
    revoked_reason: str | None = None
    last_downloaded_at: datetime | None = time_column(nullable=True)
    last_verified_at: datetime | None = time_column(nullable=True)
    last_verified_site: str | None = None
    installed_version: str | None = None
    site_folded: str = folded_column("site")

    @property
    def status(self) -> LicenseStatus:
        return self.status_of(self.stored_status, self.expires_at)

    @staticmethod
    def status_of(stored_status: LicenseStatus, expires_at: datetime | None) -> LicenseStatus:
        """Status at the current time: EXPIRED from `expires_at` on, even if the job has not stored that
        yet."""
        expired = stored_status in LIVE and expires_at is not None and expires_at <= now()
        return LicenseStatus.EXPIRED if expired else stored_status

    @staticmethod
    def status_now() -> ColumnElement[LicenseStatus]:
        return case((License.is_due(), LicenseStatus.EXPIRED.value), else_=col(License.stored_status))

    @staticmethod
    def last_sign_of_use() -> ColumnElement[datetime]:
        """Time of the last check, or of the provisioning if there was none."""
        return func.coalesce(col(License.last_verified_at), col(License.provisioned_at))

    @staticmethod
    def is_due() -> ColumnElement[bool]:
        """Condition: the license has expired, and the job has not stored that yet."""
        return and_(col(License.stored_status).in_(LIVE), col(License.expires_at) <= func.now())

    @staticmethod
    def is_in_time() -> ColumnElement[bool]:
        """Condition: the license does not expire, or has not expired yet. IS NOT FALSE keeps PostgreSQL from
        using the index of expired licenses for it."""
        return (col(License.expires_at) > func.now()).is_not(False)

    @staticmethod
    def is_active() -> ColumnElement[bool]:
        return and_(col(License.stored_status) == LicenseStatus.ACTIVE, License.is_in_time())


class FormerLicenseKey(SQLModel, table=True):
    """Key that a license had before a rotation. Rows are never deleted, so that the key is always reported as
    revoked, and not as unknown."""

    __tablename__ = "former_license_keys"
    __table_args__ = (
        UniqueConstraint("key_hash"),
        ForeignKeyConstraint(["account_id", "license_id"], ["licenses.account_id", "licenses.id"]),
    )

    account_id: UUID = account_column()
    key_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    """SHA-256 of the key."""
    license_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    replaced_at: datetime = time_column(default_now=True)
