from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, FetchedValue, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from engine.enums import described_enum
from models.columns import enum_column, new_id, tenant_index, time_column


@described_enum(
    "What was done, or tried.",
    """
    ACCOUNT_CREATED An account was created.
    ACCOUNT_UPDATED An account was renamed.
    ACCOUNT_LIMITS_CHANGED An account's limits were changed.
    OWNERSHIP_TRANSFERRED Another member became the owner.
    MEMBER_INVITED Somebody was invited.
    INVITATION_RESENT An invitation was sent again, with a new link.
    INVITATION_REVOKED An invitation was withdrawn.
    INVITATION_DECLINED Who was invited said no.
    INVITATION_EXPIRED Nobody clicked an invitation's link in time.
    INVITATION_DELIVERY_FAILED The mail server refused an invitation's email.
    MEMBER_JOINED Who was invited joined.
    MEMBER_RENAMED A member changed its name.
    MEMBER_ROLE_CHANGED A member got another role.
    MEMBER_REMOVED A member was removed.
    MEMBER_LEFT A member left.
    LICENSES_PURCHASED Licenses were bought.
    ENTITLEMENT_GRANTED The operator granted licenses.
    LICENSE_PROVISIONED A license was provisioned for a site.
    LICENSE_REVOKED A license was revoked.
    LICENSE_SUSPENDED A license was suspended.
    LICENSE_REINSTATED A suspended license was reinstated.
    LICENSE_TRANSFERRED A license got another holder.
    LICENSE_EXPIRED A license's time was over.
    THEME_FILE_DOWNLOADED A theme's file was downloaded.
    REPORT_DOWNLOADED A report was downloaded.
    INVOICE_DOWNLOADED An invoice was downloaded.
    API_KEY_GENERATED An API key was generated.
    API_KEY_CLAIMED A member claimed its API key.
    API_KEY_ROTATED An API key got a new secret.
    API_KEY_REVOKED An API key was revoked.
    API_CALLED A GraphQL request was made with an API key.
    BILLING_DETAILS_CHANGED The billing details were changed.
    INVOICE_ISSUED An invoice was issued.
    INVOICE_PAID An invoice was paid.
    INVOICE_VOIDED An invoice was voided.
    API_KEY_EXPIRED An API key's time was over, or nobody claimed it in time.
    AUDIT_LOG_PRUNED The oldest events were exported and dropped; this one vouches for them.
    AUDIT_STREAM_CREATED A webhook for audit events was set up.
    AUDIT_STREAM_UPDATED A webhook for audit events was changed, paused or resumed.
    AUDIT_STREAM_DELETED A webhook for audit events was taken away.
    AUDIT_STREAM_PAUSED A webhook for audit events failed for too long, or its receiver ended it.
    """,
)
class AuditAction(StrEnum):
    ACCOUNT_CREATED = "ACCOUNT_CREATED"
    ACCOUNT_UPDATED = "ACCOUNT_UPDATED"
    ACCOUNT_LIMITS_CHANGED = "ACCOUNT_LIMITS_CHANGED"
    OWNERSHIP_TRANSFERRED = "OWNERSHIP_TRANSFERRED"
    MEMBER_INVITED = "MEMBER_INVITED"
    INVITATION_RESENT = "INVITATION_RESENT"
    INVITATION_REVOKED = "INVITATION_REVOKED"
    INVITATION_DECLINED = "INVITATION_DECLINED"
    INVITATION_EXPIRED = "INVITATION_EXPIRED"
    INVITATION_DELIVERY_FAILED = "INVITATION_DELIVERY_FAILED"
    MEMBER_JOINED = "MEMBER_JOINED"
    MEMBER_RENAMED = "MEMBER_RENAMED"
    MEMBER_ROLE_CHANGED = "MEMBER_ROLE_CHANGED"
    MEMBER_REMOVED = "MEMBER_REMOVED"
    MEMBER_LEFT = "MEMBER_LEFT"
    LICENSES_PURCHASED = "LICENSES_PURCHASED"
    ENTITLEMENT_GRANTED = "ENTITLEMENT_GRANTED"
    LICENSE_PROVISIONED = "LICENSE_PROVISIONED"
    LICENSE_REVOKED = "LICENSE_REVOKED"
    LICENSE_SUSPENDED = "LICENSE_SUSPENDED"
    LICENSE_REINSTATED = "LICENSE_REINSTATED"
    LICENSE_TRANSFERRED = "LICENSE_TRANSFERRED"
    LICENSE_EXPIRED = "LICENSE_EXPIRED"
    THEME_FILE_DOWNLOADED = "THEME_FILE_DOWNLOADED"
    REPORT_DOWNLOADED = "REPORT_DOWNLOADED"
    INVOICE_DOWNLOADED = "INVOICE_DOWNLOADED"
    API_KEY_GENERATED = "API_KEY_GENERATED"
    API_KEY_CLAIMED = "API_KEY_CLAIMED"
    API_KEY_ROTATED = "API_KEY_ROTATED"
    API_KEY_REVOKED = "API_KEY_REVOKED"
    API_CALLED = "API_CALLED"
    BILLING_DETAILS_CHANGED = "BILLING_DETAILS_CHANGED"
    INVOICE_ISSUED = "INVOICE_ISSUED"
    INVOICE_PAID = "INVOICE_PAID"
    INVOICE_VOIDED = "INVOICE_VOIDED"
    API_KEY_EXPIRED = "API_KEY_EXPIRED"
    AUDIT_LOG_PRUNED = "AUDIT_LOG_PRUNED"
    AUDIT_STREAM_CREATED = "AUDIT_STREAM_CREATED"
    AUDIT_STREAM_UPDATED = "AUDIT_STREAM_UPDATED"
    AUDIT_STREAM_DELETED = "AUDIT_STREAM_DELETED"
    AUDIT_STREAM_PAUSED = "AUDIT_STREAM_PAUSED"


@described_enum(
    "Whether it was done.",
    """
    ALLOWED It was done.
    DENIED The role did not allow it, and nothing was changed.
    """,
)
class AuditOutcome(StrEnum):
    ALLOWED = "ALLOWED"
    DENIED = "DENIED"


@described_enum(
    "What acted.",
    """
    MEMBER A person.
    SYSTEM The platform, or whoever operates it.
    """,
)
class ActorKind(StrEnum):
    MEMBER = "MEMBER"
    SYSTEM = "SYSTEM"


@described_enum(
    "How the actor proved who it is.",
    """
    SESSION Signed in.
    API_KEY With an API key.
    INVITATION With an invitation's link.
    OPERATOR At the platform's own command line.
    """,
)
class CredentialKind(StrEnum):
    SESSION = "SESSION"
    API_KEY = "API_KEY"
    INVITATION = "INVITATION"
    OPERATOR = "OPERATOR"


class AuditHead(SQLModel, table=True):
    """Where an account's chain has got to. Written by the trigger alone; locking it orders the chain."""

    __tablename__ = "audit_heads"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    sequence: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    occurred_at: datetime = time_column()


class AuditCut(SQLModel, table=True):
    """Up to where an account's log was pruned, or is being pruned: what lies before may be deleted. An event
    has told of it, and the app's role cannot move it."""

    __tablename__ = "audit_cuts"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    pruned_through: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    """Of the last event that was pruned."""


class AuditVerification(SQLModel, table=True):
    """What the job has found of a log that is too long to be verified while somebody waits."""

    __tablename__ = "audit_verifications"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    verified_through: int = Field(sa_type=BigInteger)
    """How far the log was found whole, once at least."""
    verified_hash: bytes = Field(sa_type=LargeBinary)
    walked_through: int = Field(sa_type=BigInteger)
    """How far it was found whole in this round."""
    walked_hash: bytes = Field(sa_type=LargeBinary)
    walked_at: datetime = time_column()
    first_broken_sequence: int | None = Field(default=None, sa_type=BigInteger)
    """Until a round comes past it and finds it whole."""


class AuditEvent(SQLModel, table=True):
    """What happened, who did it, with which credential. The trigger fills in what is `FetchedValue`.

    Names are the ones of that moment. There are no foreign keys: the log outlives what it tells of.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        # An export has an event a line, with the details as they were hashed.
        CheckConstraint(
            "strpos(details::text, chr(10)) = 0 AND strpos(details::text, chr(13)) = 0", name="details_line"
        ),
        Index("uq_audit_events_id", "account_id", "id", unique=True),
        tenant_index("audit_events", "action", "sequence", suffix="action"),
        tenant_index("audit_events", "actor_member_id", "sequence", suffix="actor"),
        tenant_index("audit_events", "actor_member_id", "action", "sequence", suffix="actor_action"),
        tenant_index("audit_events", "target_id", "sequence", suffix="target"),
        tenant_index("audit_events", "occurred_at", "sequence", suffix="occurred"),
        tenant_index(
            "audit_events",
            "request_id",
            "sequence",
            suffix="request",
            postgresql_where=text("request_id IS NOT NULL"),
        ),
        tenant_index(
            "audit_events",
            "credential_id",
            "sequence",
            suffix="api_key",
            postgresql_where=text("credential_kind = 'API_KEY'"),
        ),
        tenant_index(
            "audit_events",
            "actor_member_id",
            "credential_id",
            "sequence",
            suffix="actor_api_key",
            postgresql_where=text("credential_kind = 'API_KEY'"),
        ),
        tenant_index("audit_events", "ip", "sequence", suffix="ip", postgresql_where=text("ip IS NOT NULL")),
        tenant_index("audit_events", "outcome", "sequence", suffix="outcome"),
        tenant_index(
            "audit_events",
            "actor_member_id",
            "sequence",
            suffix="actor_denied",
            postgresql_where=text("outcome = 'DENIED'"),
        ),
    )

    account_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    """There is one: the head of its log, which is locked for each event, refers to it."""
    sequence: int = Field(
        primary_key=True,
        sa_type=BigInteger,
        sa_column_kwargs={"server_default": FetchedValue(), "autoincrement": False},
    )
    id: UUID = Field(default_factory=new_id, sa_type=POSTGRESQL_UUID)
    occurred_at: datetime = time_column()
    action: AuditAction = enum_column(AuditAction)
    outcome: AuditOutcome = enum_column(AuditOutcome)
    summary: str
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_member_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    actor_name: str
    credential_kind: CredentialKind | None = enum_column(CredentialKind, nullable=True)
    credential_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    credential_label: str | None = None
    target_type: str | None = None
    target_id: UUID | None = Field(default=None, sa_type=POSTGRESQL_UUID)
    target_name: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    details: dict[str, Any] = Field(sa_type=JSON)
    """JSON, not JSONB: the very bytes that were hashed are kept."""
    previous_hash: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
