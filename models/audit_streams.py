from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from engine.enums import described_enum
from models.columns import account_column, account_index, enum_column, id_column, member_key, time_column


@described_enum(
    "Status of an audit stream.",
    """
    ACTIVE Events are delivered, and failed deliveries are retried.
    PAUSED An Admin paused it, or deliveries failed for days. Delivery can resume where it stopped.
    ENDED The receiver answered 410 Gone. Delivery can resume only at a new URL.
    """,
)
class AuditStreamStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class AuditStream(SQLModel, table=True):
    """Audit stream that receives an account's audit events, with its delivery progress. Rows are never
    deleted, because the audit log refers to them.

    The state is changed under the lock of the account's row. Only the worker that holds the lease writes the
    delivery progress.
    """

    __tablename__ = "audit_streams"
    __table_args__ = (
        member_key("created_by_id"),
        CheckConstraint("cardinality(actions) > 0", name="actions"),
        CheckConstraint("(secret IS NULL) = (deleted_at IS NOT NULL)", name="secret"),
        CheckConstraint("(lease_id IS NULL) = (leased_until IS NULL)", name="lease"),
        CheckConstraint("last_delivered_sequence >= 0", name="sequence"),
        account_index("audit_streams", "created_at", "id", suffix="created"),
        Index(
            "ix_audit_streams_active",
            "last_attempt_at",
            postgresql_where=text("status = 'ACTIVE' AND deleted_at IS NULL"),
        ),
    )

    account_id: UUID = account_column()
    id: UUID = id_column()
    url: str
    actions: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    """Values of `AuditAction`; null means all actions."""
    secret: bytes | None = Field(repr=False, sa_type=LargeBinary)
    """Signs deliveries, so it cannot be stored as a hash. Deleting the audit stream erases it."""
    previous_secrets: list[bytes] = Field(default_factory=list, repr=False, sa_type=ARRAY(LargeBinary))
    """Secrets before the last rotations, newest first. They also sign until `previous_secrets_expire_at`."""
    previous_secrets_expire_at: datetime | None = time_column(nullable=True)
    status: AuditStreamStatus = enum_column(AuditStreamStatus, default=AuditStreamStatus.ACTIVE)
    last_delivered_sequence: int = Field(sa_type=BigInteger)
    """Cursor: events up to it have been delivered, or do not match `actions`."""
    last_delivered_at: datetime | None = time_column(nullable=True)
    batch_sequence: int | None = Field(default=None, sa_type=BigInteger)
    """Last event of the current batch, so that a retry sends the same batch."""
    failing_since: datetime | None = time_column(nullable=True)
    attempts: int = 0
    """Failed attempts since `failing_since`."""
    last_attempt_at: datetime | None = time_column(nullable=True)
    next_attempt_at: datetime | None = time_column(nullable=True)
    last_error: str | None = None
    lease_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    leased_until: datetime | None = time_column(nullable=True)
    created_by_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    created_at: datetime = time_column(default_now=True)
    deleted_at: datetime | None = time_column(nullable=True)

    @property
    def host(self) -> str:
        """Host of the URL, for the log and emails: the path and query may be confidential."""
        return urlsplit(self.url).hostname or ""
