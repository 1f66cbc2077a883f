from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Enum,
    Index,
    LargeBinary,
    Text,
    and_,
    case,
    func,
    or_,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel, col

from engine.enums import described_enum
from engine.tables import AnyExpression
from models.columns import Clock, account_column, account_index, id_column, member_key, now, time_column


@described_enum(
    "Status of an API key.",
    """
    UNCLAIMED The member has not claimed the key yet.
    ACTIVE The key can be used.
    EXPIRED The key reached its expiry time or was not claimed in time.
    REVOKED The key was revoked permanently.
    """,
)
class ApiKeyStatus(StrEnum):
    UNCLAIMED = "UNCLAIMED"
    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@described_enum(
    "Scope of an API key: the part of its member's permissions that it has.",
    """
    READ Queries, subscriptions, reports and invoices: the key reads what its member can read.
    PROVISION Provision licenses and download theme files.
    LICENSES Revoke, suspend, reinstate and transfer licenses.
    TEAM Invite people, remove other members, and set their roles, limits and ends of access.
    BILLING Purchase licenses and change billing details.
    ACCOUNT Rename the account, set its limits and its rule about sessions, and manage its audit streams.
    """,
)
class ApiScope(StrEnum):
    READ = "READ"
    PROVISION = "PROVISION"
    LICENSES = "LICENSES"
    TEAM = "TEAM"
    BILLING = "BILLING"
    ACCOUNT = "ACCOUNT"


_EMPTY = {"server_default": text("'{}'")}


class ApiKey(SQLModel, table=True):
    """API key of a member. Only the SHA-256 of its secret is stored, and none before the key is claimed. Rows
    are never deleted, because the audit log refers to them."""

    __tablename__ = "api_keys"
    __table_args__ = (
        member_key("member_id"),
        member_key("created_by_id"),
        member_key("revoked_by_id"),
        CheckConstraint(
            "scopes <@ ARRAY['READ', 'PROVISION', 'LICENSES', 'TEAM', 'BILLING', 'ACCOUNT']"
            " AND cardinality(scopes) > 0",
            name="scopes",
        ),
        CheckConstraint("isfinite(expires_at)", name="expires_at_finite"),
        CheckConstraint("(claimed_at IS NULL) = (key_hash IS NULL)", name="claimed"),
        account_index("api_keys", "created_at", "id", suffix="created"),
        account_index("api_keys", "member_id", "created_at", "id", suffix="member"),
        Index(
            "ix_api_keys_expiry",
            "expires_at",
            postgresql_where=text("revoked_at IS NULL AND expired_at IS NULL AND expires_at IS NOT NULL"),
        ),
        Index(
            "ix_api_keys_claim_expiry",
            "claim_expires_at",
            postgresql_where=text("claimed_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL"),
        ),
    )

    account_id: UUID = account_column()
    id: UUID = id_column()
    member_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    name: str
    prefix: str
    """First characters of the secret, by which people recognise it."""
    key_hash: bytes | None = Field(default=None, unique=True, sa_type=LargeBinary)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    """Values of `ApiScope`."""
    allowed_networks: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), sa_column_kwargs=_EMPTY)
    """Networks in CIDR notation from which the key is accepted; empty for any."""
    created_by_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    created_at: datetime = time_column(default_now=True)
    claim_hash: bytes | None = Field(default=None, unique=True, sa_type=LargeBinary)
    """SHA-256 of the token in the emailed claim link. Kept after the claim."""
    claim_expires_at: datetime | None = time_column(nullable=True)
    claimed_at: datetime | None = time_column(nullable=True)
    previous_key_hash: bytes | None = Field(default=None, unique=True, sa_type=LargeBinary)
    """SHA-256 of the secret before the last rotation, which is accepted until `previous_expires_at`."""
    previous_expires_at: datetime | None = time_column(nullable=True)
    expires_at: datetime | None = time_column(nullable=True)
    last_used_at: datetime | None = time_column(nullable=True)
    last_used_ip: str | None = None
    expiry_notified_at: datetime | None = time_column(nullable=True)
    """When the email that announces the expiry was sent."""
    unused_notified_at: datetime | None = time_column(nullable=True)
    """When the email that announces the revocation of an unused key was sent."""
    expired_at: datetime | None = time_column(nullable=True)
    """When the job recorded the expiry, or the expiry of the claim link, in the log. The key stops working
    earlier: at `expires_at` or `claim_expires_at`."""
    revoked_by_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    revoked_at: datetime | None = time_column(nullable=True)

    @property
    def status(self) -> ApiKeyStatus:
        return self.status_of(self.claimed_at, self.claim_expires_at, self.expires_at, self.revoked_at)

    @staticmethod
    def status_of(
        claimed_at: datetime | None,
        claim_expires_at: datetime | None,
        expires_at: datetime | None,
        revoked_at: datetime | None,
    ) -> ApiKeyStatus:
        """Status of a key at the current time. A key that was not claimed in time is EXPIRED."""
        if revoked_at is not None:
            return ApiKeyStatus.REVOKED
        ends = [expires_at] if claimed_at else [expires_at, claim_expires_at]
        if any(end is not None and end <= now() for end in ends):
            return ApiKeyStatus.EXPIRED
        return ApiKeyStatus.UNCLAIMED if claimed_at is None else ApiKeyStatus.ACTIVE

    @staticmethod
    def status_now() -> ColumnElement[ApiKeyStatus]:
        status: ColumnElement[str] = case(
            (col(ApiKey.revoked_at).is_not(None), ApiKeyStatus.REVOKED.value),
            (or_(ApiKey.has_expired(), ApiKey.has_lapsed()), ApiKeyStatus.EXPIRED.value),
            (col(ApiKey.claimed_at).is_(None), ApiKeyStatus.UNCLAIMED.value),
            else_=ApiKeyStatus.ACTIVE.value,
        )
        return type_coerce(status, cast("Any", Enum(ApiKeyStatus, native_enum=False)))

    @staticmethod
    def works_or_may_yet(at: Clock = func.now) -> ColumnElement[bool]:
        """Condition: the status is ACTIVE or UNCLAIMED."""
        return and_(
            col(ApiKey.revoked_at).is_(None),
            or_(ApiKey.has_expired(at), ApiKey.has_lapsed(at)).is_not(True),
        )

    @staticmethod
    def has_expired(at: Clock = func.now) -> ColumnElement[bool]:
        return col(ApiKey.expires_at) <= at()

    @staticmethod
    def has_lapsed(at: Clock = func.now) -> ColumnElement[bool]:
        """Condition: the key was not claimed before its claim link expired."""
        return and_(col(ApiKey.claimed_at).is_(None), col(ApiKey.claim_expires_at) <= at())

    @staticmethod
    def has_secret(
        is_hash: Callable[[AnyExpression], ColumnElement[bool]], at: Clock = func.now
    ) -> ColumnElement[bool]:
        """Condition: a secret belongs to the key. It is the current one, or the one before the last rotation
        while that is still accepted. `is_hash` compares a column with the hash or hashes of the secret."""
        return or_(is_hash(col(ApiKey.key_hash)), ApiKey.had_secret(is_hash, at))

    @staticmethod
    def had_secret(
        is_hash: Callable[[AnyExpression], ColumnElement[bool]], at: Clock = func.now
    ) -> ColumnElement[bool]:
        return and_(is_hash(col(ApiKey.previous_key_hash)), ApiKey.accepts_previous(at))

    @staticmethod
    def accepts_previous(at: Clock = func.now) -> ColumnElement[bool]:
        """Condition: the secret before the last rotation is still accepted."""
        return col(ApiKey.previous_expires_at) > at()
