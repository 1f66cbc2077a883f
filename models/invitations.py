from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, LargeBinary, and_, case, func, text
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel, col

from engine.enums import described_enum
from models.columns import account_column, account_index, enum_column, id_column, member_key, now, time_column
from models.members import Role


@described_enum(
    "Status of an invitation.",
    """
    PENDING The link is valid and has not been used.
    ACCEPTED The recipient joined the account.
    DECLINED The recipient declined the invitation. It can no longer be accepted.
    REVOKED An Admin revoked the invitation. It can no longer be accepted.
    EXPIRED The link was not used before its expiry time. An Admin can resend the invitation.
    """,
)
class InvitationStatus(StrEnum):
    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


@described_enum(
    "Delivery status of an email.",
    """
    QUEUED The email is waiting to be sent or to be retried.
    SENT The mail server accepted the email.
    FAILED The mail server rejected the email permanently.
    """,
)
class DeliveryStatus(StrEnum):
    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"


class Invitation(SQLModel, table=True):
    """Invitation of an email address to an account. Only the link of the newest email is valid; the SHA-256
    of its token is stored."""

    __tablename__ = "invitations"
    __table_args__ = (
        member_key("invited_by_id"),
        member_key("accepted_by_id"),
        Index(
            "uq_invitations_pending_email",
            "account_id",
            "email",
            unique=True,
            postgresql_where=text("status = 'PENDING'"),
        ),
        CheckConstraint("isfinite(access_until) AND expires_at <= access_until", name="access_until"),
        Index("ix_invitations_due", "expires_at", postgresql_where=text("status = 'PENDING'")),
        account_index("invitations", "created_at", "id", suffix="created"),
        account_index("invitations", "status", "created_at", "id", suffix="status"),
        Index("ix_invitations_addressee", "email"),
        account_index("invitations", "email", "created_at", "id", suffix="email"),
        account_index(
            "invitations", "expires_at", suffix="due_of", postgresql_where=text("status = 'PENDING'")
        ),
    )

    account_id: UUID = account_column()
    id: UUID = id_column()
    email: str
    role: Role = enum_column(Role)
    message: str | None = None
    stored_status: InvitationStatus = enum_column(
        InvitationStatus, default=InvitationStatus.PENDING, sa_column_kwargs={"name": "status"}
    )
    token_hash: bytes = Field(unique=True, sa_type=LargeBinary)
    invited_by_id: UUID = Field(sa_type=POSTGRESQL_UUID)
    accepted_by_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    created_at: datetime = time_column(default_now=True)
    expires_at: datetime = time_column()
    """Not later than `access_until`."""
    access_until: datetime | None = time_column(nullable=True)
    """End of the membership that the invitation leads to."""
    emails: int = 1
    """Number of emails sent. Delivery reports of earlier emails are ignored."""
    accepted_at: datetime | None = time_column(nullable=True)
    delivery: DeliveryStatus = enum_column(DeliveryStatus, default=DeliveryStatus.QUEUED)
    delivery_error: str | None = None
    sent_at: datetime | None = time_column(nullable=True)

    @property
    def status(self) -> InvitationStatus:
        return self.status_of(self.stored_status, self.expires_at)

    @staticmethod
    def status_of(stored_status: InvitationStatus, expires_at: datetime) -> InvitationStatus:
        """Status at the current time: EXPIRED from `expires_at` on, even if the job has not stored that
        yet."""
        due = stored_status == InvitationStatus.PENDING and expires_at <= now()
        return InvitationStatus.EXPIRED if due else stored_status

    @staticmethod
    def status_now() -> ColumnElement[InvitationStatus]:
        stored = col(Invitation.stored_status)
        due = and_(stored == InvitationStatus.PENDING, col(Invitation.expires_at) <= func.now())
        return case((due, InvitationStatus.EXPIRED.value), else_=stored)
