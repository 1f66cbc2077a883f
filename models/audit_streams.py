from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from engine.enums import described_enum
from models.columns import enum_column, id_column, member_key, tenant_column, tenant_index, time_column


@described_enum(
    "Status of a webhook for audit events.",
    """
    ACTIVE Events are delivered, and failed deliveries are retried.
    PAUSED An Admin paused it, or it failed for 3 days. It can resume where it stopped.
    ENDED The receiver answered 410 Gone. Delivery can resume only at a new URL.
    """,
)
class AuditStreamStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class AuditStream(SQLModel, table=True):
    """A webhook for an account's audit events, and how far it has got. Never deleted: the audit log names it.

    Its state is changed under the lock of its account. How far it has got is the leaseholder's to write: the
    one worker that delivers it now.
    """

    __tablename__ = "audit_streams"
    __table_args__ = (
        member_key("created_by_id"),
        CheckConstraint("cardinality(actions) > 0", name="actions"),
        CheckConstraint("(secret IS NULL) = (deleted_at IS NOT NULL)", name="secret"),
        CheckConstraint("(lease_id IS NULL) = (leased_until IS NULL)", name="lease"),
        CheckConstraint("last_delivered_sequence >= 0", name="sequence"),
        tenant_index("audit_streams", "created_at", "id", suffix="created"),
        Index(
            "ix_audit_streams_active",
            "last_attempt_at",
            postgresql_where=text("status = 'ACTIVE' AND deleted_at IS NULL"),
        ),
    )

    account_id: UUID = tenant_column()
    id: UUID = id_column()
    url: str
    actions: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    """Each an `AuditAction`; all of them where null."""
    secret: bytes | None = Field(repr=False, sa_type=LargeBinary)
    """To sign with: it cannot be kept as a hash. Forgotten on deletion."""
    previous_secrets: list[bytes] = Field(default_factory=list, repr=False, sa_type=ARRAY(LargeBinary))
    """Those before the last rotations, the newest first. They sign too until `previous_secrets_expire_at`."""
    previous_secrets_expire_at: datetime | None = time_column(nullable=True)
    status: AuditStreamStatus = enum_column(AuditStreamStatus, default=AuditStreamStatus.ACTIVE)
    last_delivered_sequence: int = Field(sa_type=BigInteger)
    """The cursor: all up to it has been delivered, or is not wanted."""
    last_delivered_at: datetime | None = time_column(nullable=True)
    batch_sequence: int | None = Field(default=None, sa_type=BigInteger)
    """Where the batch ends that was begun, so that it is the same one when it is sent again."""
    failing_since: datetime | None = time_column(nullable=True)
    attempts: int = 0
    """That failed, since then."""
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
        """What the log and emails call it: paths and queries may hold what is nobody else's."""
        return urlsplit(self.url).hostname or ""
