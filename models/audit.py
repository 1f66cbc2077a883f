from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, FetchedValue, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import Field, SQLModel

from engine.canonical_json import JSONObject
from engine.enums import described_enum
from models.audit_actions import AuditAction
from models.columns import account_index, enum_column, new_id, time_column
from models.search import audit_search_indexes, folded_summary_column


@described_enum(
    "Whether an audited action was performed.",
    """
    ALLOWED The action was performed.
    DENIED The actor lacked the permission, and nothing was changed.
    """,
)
class AuditOutcome(StrEnum):
    ALLOWED = "ALLOWED"
    DENIED = "DENIED"


@described_enum(
    "Kind of actor of an audit event.",
    """
    MEMBER The actor is a person: a member or an invited person.
    SYSTEM The actor is the platform itself or its operator.
    """,
)
class ActorKind(StrEnum):
    MEMBER = "MEMBER"
    SYSTEM = "SYSTEM"


@described_enum(
    "Kind of credential that an actor used.",
    """
    SESSION Session of a person who is signed in.
    API_KEY API key of a member.
    INVITATION Link of an invitation email.
    OPERATOR Command line of the platform's operator.
    LICENSE_KEY Key of a license, which a theme on a site has.
    """,
)
class CredentialKind(StrEnum):
    SESSION = "SESSION"
    API_KEY = "API_KEY"
    INVITATION = "INVITATION"
    OPERATOR = "OPERATOR"
    LICENSE_KEY = "LICENSE_KEY"


class AuditHead(SQLModel, table=True):
    """Last event of an account's hash chain. Only the trigger writes it; its row lock orders the events."""

    __tablename__ = "audit_heads"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    sequence: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    occurred_at: datetime = time_column()


class AuditCut(SQLModel, table=True):
    """Last event of the pruned part of an account's log. Events up to it may be deleted. A trigger requires
    the event that records the pruning; the app's role cannot write this table."""

    __tablename__ = "audit_cuts"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    pruned_through: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    """Hash of the last event that was pruned."""


class AuditVerification(SQLModel, table=True):
    """Progress and result of the job that verifies logs which are too long to be verified within a
    request."""

    __tablename__ = "audit_verifications"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", sa_type=POSTGRESQL_UUID)
    verified_through: int = Field(sa_type=BigInteger)
    """Sequence up to which the log was verified in any round."""
    verified_hash: bytes = Field(sa_type=LargeBinary)
    walked_through: int = Field(sa_type=BigInteger)
    """Sequence up to which it was verified in the current round."""
    walked_hash: bytes = Field(sa_type=LargeBinary)
    walked_at: datetime = time_column()
    first_broken_sequence: int | None = Field(default=None, sa_type=BigInteger)
    """First event that does not verify. Cleared when a later round verifies it."""


def _index(*columns: str, suffix: str, where: str | None = None) -> Index:
    options = {} if where is None else {"postgresql_where": text(where)}
    return account_index("audit_events", *columns, "sequence", suffix=suffix, **options)


_NO_CALL = "action <> 'API_CALLED'"
"""API calls, one of which is recorded with each request, are most events of many logs. They write only to the
indexes without this condition: their target is their key, and the type of the target and the kind of the
credential are always the same."""


class AuditEvent(SQLModel, table=True):
    """Event of the audit log: an action with its actor and credential. The trigger fills in the columns with
    `FetchedValue`.

    Names are those at the time of the event. There are no foreign keys, because events outlive the rows that
    they refer to.

    Each index costs each event that it contains about 4 µs, so it has a query that would otherwise read a
    whole log:

    - `pk`: `auditLog` and `activity` without a filter, exports, verification, streams and subscriptions, and
      `occurredFrom` and `occurredUntil`, whose sequences `audit_first_since()` finds.
    - `uq_audit_events_id`: `node(id:)`. No event is recorded twice.
    - `action`: `actions`; prunings for `auditIntegrity`; emails that an account may send.
    - `actor`: `activity` and `actorIds`; the events of a person that is erased.
    - `api_key`: `apiKeyId`, also within `activity`; the calls for a `targetId` that is an API key.
    - `denied`: `outcome: DENIED`. Nearly all events are ALLOWED, so that this filter needs no index.
    - `ip`, `request`, `target`, `target_type` and `credential_kind`: the filters with these names.
    - `actor_action`, `actor_denied`, `actor_target_type` and `actor_credential_kind`: filters of `activity`.
    - `search`: `text`. `not_a_call`, `actor_not_a_call` and `denied_not_a_call`: the next events, among which
      a text is looked for before; also within `activity`, and with `outcome: DENIED`.
    - `named`: the events that name a person that is erased, in all accounts.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        CheckConstraint("num_nonnulls(salt, field_salts) = 1 AND octet_length(salt) = 16", name="salt"),
        CheckConstraint("(commitments IS NULL) = (field_salts IS NULL)", name="commitments"),
        CheckConstraint(
            "cardinality(named_ids) IS NOT DISTINCT FROM cardinality(named_fields)", name="named"
        ),
        Index("uq_audit_events_id", "account_id", "id", unique=True),
        _index("action", suffix="action"),
        _index("actor_member_id", suffix="actor"),
        _index("actor_member_id", "action", suffix="actor_action"),
        _index("actor_member_id", suffix="actor_denied", where="outcome = 'DENIED'"),
        _index("credential_id", suffix="api_key", where="credential_kind = 'API_KEY'"),
        _index(suffix="denied", where="outcome = 'DENIED'"),
        _index("ip", suffix="ip", where="ip IS NOT NULL"),
        _index("request_id", suffix="request", where="request_id IS NOT NULL"),
        _index("target_id", suffix="target", where=_NO_CALL),
        _index("target_type", suffix="target_type", where=_NO_CALL),
        _index("actor_member_id", "target_type", suffix="actor_target_type", where=_NO_CALL),
        _index("credential_kind", suffix="credential_kind", where=_NO_CALL),
        _index("actor_member_id", "credential_kind", suffix="actor_credential_kind", where=_NO_CALL),
        Index(
            "ix_audit_events_named",
            "named_ids",
            postgresql_using="gin",
            postgresql_where=text("named_ids IS NOT NULL"),
        ),
        *audit_search_indexes(),
    )

    account_id: UUID = Field(primary_key=True, sa_type=POSTGRESQL_UUID)
    """Exists without a foreign key: the log's head, which is locked for each event, refers to the account."""
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
    details: JSONObject = Field(sa_type=JSON)
    """JSON, not JSONB, which would not keep the exact bytes that were hashed. The trigger removes spaces."""
    personal_details: JSONObject | None = Field(default=None, sa_type=JSON)
    """The other part of the details: the keys that the action declares personal. The trigger writes them in
    canonical form."""
    version: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("2")})
    """Version of the format that was hashed."""
    salt: bytes | None = Field(
        default=None,
        sa_type=LargeBinary,
        sa_column_kwargs={"server_default": text("uuid_send(gen_random_uuid())")},
    )
    """16 random bytes, from which the salts of the personal fields are derived. None once a field was
    erased."""
    field_salts: dict[str, str] | None = Field(default=None, sa_type=JSON)
    """Salts in hex of the personal fields that were not erased, where others were."""
    commitments: dict[str, str] | None = Field(default=None, sa_type=JSON)
    """Commitments in hex of the personal fields that were erased."""
    named_ids: list[UUID] | None = Field(default=None, sa_type=ARRAY(POSTGRESQL_UUID))
    """Ids of the persons that `target_name` and `personal_details` name, besides the actor and the target:
    members, and email addresses (`named_persons`). The event is found by them when a person is erased. They
    are not hashed."""
    named_fields: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    """Field that each of the ids is in, such as `targetName`, `details.email` or `details.holder.0`."""
    previous_hash: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)
    summary_folded: str | None = folded_summary_column()
