from datetime import datetime
from uuid import UUID

import orjson
import strawberry
from sqlalchemy import func
from sqlalchemy.dialects import postgresql
from sqlmodel import col

import models
from engine.compiler import PLANNED
from engine.pagination import Page
from engine.row_compiler import Total
from engine.row_reader import count
from engine.scalars import JSON, BigInt
from models.audit import ActorKind, AuditOutcome, CredentialKind
from models.audit_actions import AuditAction
from permissions.allow import ANYONE, HasOrOwns
from permissions.roles import Permission
from resolvers.audit.integrity import Integrity
from resolvers.global_ids import encode_credential, encode_named
from schema.connections import Edge, PageInfo
from schema.fields import Info, Node, attribute, computed_from_columns, object_type, same, to_one
from schema.lazy_types import Member

SEEN = HasOrOwns(Permission.VIEW_AUDIT_LOG, own="actor_member_id", needs=Permission.VIEW_OWN_ACTIVITY)


@object_type(
    allow=SEEN,
    description="Credential that the actor of an audit event used, as recorded at the time of the event.",
)
class AuditCredential:
    kind: CredentialKind = strawberry.field(description="Kind of the credential, such as an API key.")
    id: strawberry.ID = strawberry.field(
        description="Id of the credential. For an API key or a session it is the id of that object."
    )
    label: str = strawberry.field(
        description="Name of the credential at the time of the event, such as the name of an API key. It"
        " never contains the secret."
    )


def _credential(
    credential_kind: CredentialKind | None, credential_id: UUID | None, credential_label: str | None
) -> AuditCredential | None:
    if credential_kind is None or credential_id is None:
        return None
    id = encode_credential(credential_kind, credential_id)
    return AuditCredential(kind=credential_kind, id=strawberry.ID(id), label=credential_label or "")


def _target_id(target_type: str | None, target_id: UUID | None) -> str | None:
    if target_type is None or target_id is None:
        return None
    return encode_named(target_type, target_id)


def _details(details: dict[str, object], personal_details: dict[str, object] | None) -> dict[str, object]:
    return {**details, **(personal_details or {})}


def _erased_fields(commitments: dict[str, str] | str | None) -> list[str]:
    return [*(orjson.loads(commitments) if isinstance(commitments, str) else commitments or {})]


def _previous(previous_hash: bytes) -> str:
    return previous_hash.hex()


def _own(hash: bytes) -> str:
    return hash.hex()


@object_type(
    allow=SEEN,
    of=models.AuditEvent,
    description="Person or system that caused an audit event, as recorded at the time of the event.",
)
class AuditActor:
    kind: ActorKind = attribute("actor_kind", "Kind of the actor: a member or the system.")
    member: Member | None = to_one(
        models.Member,
        "actor_member_id",
        "Member who acted, with its present data. Null when the actor was not a member.",
    )
    name: str = attribute("actor_name", "Name of the actor at the time of the event.")
    credential: AuditCredential | None = computed_from_columns(
        _credential, "Credential that the actor used. Null when the system acted by itself."
    )


@object_type(
    allow=SEEN,
    of=models.AuditEvent,
    description="Entry of the audit log: one action, its actor and its outcome. Events cannot be changed."
    " Only the oldest events of a log can be deleted, after they were exported.",
)
class AuditEvent(Node):
    sequence: BigInt = strawberry.field(
        description="Position of the event in the account's log: 1, 2, 3 and so on, without a gap."
    )
    occurred_at: datetime = strawberry.field(description="Time at which the event occurred.")
    action: AuditAction = strawberry.field(description="Action that was performed or attempted.")
    outcome: AuditOutcome = strawberry.field(description="Whether the action was performed or denied.")
    summary: str = strawberry.field(
        description="Description of the event in one English sentence, such as `Ada invited bob@example.com"
        " as Member`."
    )
    target_type: str | None = strawberry.field(
        description="GraphQL type of the object that the action concerned, such as `License`. Null when"
        " there is no such object."
    )
    target_name: str | None = strawberry.field(
        description="Name that the object of the action had at the time of the event. Null when there is no"
        " such object."
    )
    ip: str | None = strawberry.field(
        description="IP address from which the request came. Null when the event did not come from a request."
    )
    user_agent: str | None = strawberry.field(
        description="User-Agent header of the request. Null when there was none."
    )
    request_id: str | None = strawberry.field(
        description="Id of the HTTP request, as in the `X-Request-ID` header of its response. Null when the"
        " event did not come from a request."
    )
    version: int = strawberry.field(description="Version of the format in which the event is hashed: 2.")

    actor: AuditActor = same("Person or system that caused the event.")
    target_id: strawberry.ID | None = computed_from_columns(
        _target_id, "Id of the object that the action concerned. Null when there is no such object."
    )
    details: JSON = computed_from_columns(
        _details,
        "Further data of the event as a JSON object, whose names depend on the action. A changed value is a"
        ' list of the old and the new value: `{"role": ["VIEWER", "MEMBER"]}`.',
        expression=lambda: func.audit_details(
            col(models.AuditEvent.details), col(models.AuditEvent.personal_details), type_=postgresql.JSON()
        ),
    )
    erased_fields: list[str] = computed_from_columns(
        _erased_fields,
        "Names of the fields that were erased together with a person, such as `actorName`, or"
        " `details.email` for a name in `details`. Empty where nothing was erased. The hash still verifies.",
    )
    previous_hash: str = computed_from_columns(
        _previous, "Hash of the preceding event, as 64 hexadecimal digits. All zeros for the first event."
    )
    hash: str = computed_from_columns(
        _own, "SHA-256 hash of this event's data and `previousHash`, as 64 hexadecimal digits."
    )


async def _total_count(root: strawberry.Parent[Page], info: Info) -> int | None:
    return await count(info.context.database, root.listing)


@object_type(
    allow=ANYONE,
    of=Page,
    description="Page of a list of audit events, in the form of a Relay"
    " connection. `first` and `after` read forward, `last` and `before` backward.",
)
class AuditEventConnection:
    edges: list[Edge[AuditEvent]] = strawberry.field(description="Events on this page, each with its cursor.")
    nodes: list[AuditEvent] = strawberry.field(description="Events on this page, without their cursors.")
    page_info: PageInfo = strawberry.field(
        description="Cursors for the next and the previous page, and whether these pages exist."
    )
    total_count: int | None = strawberry.field(
        resolver=_total_count,
        description="Exact number of events in the whole list, after filtering. Null when a filter matches"
        " more than 100,000 events, or one with a `text` more than 10,000, which would be too slow to count.",
        metadata={PLANNED: Total()},
    )


@object_type(
    allow=Permission.VIEW_AUDIT_LOG,
    of=Integrity,
    description="Result of verifying the hash chain of an account's audit log.",
)
class AuditIntegrity:
    verified: bool = strawberry.field(
        description="Whether all events up to the newest one were checked and none was changed, removed or"
        " inserted."
    )
    checked_events: BigInt = strawberry.field(
        description="Number of events that were checked, not counting pruned ones. A log of up to 50,000"
        " events is checked completely during the request. Of a longer log, a background job checks the"
        " older events, and the request up to 50,000 newer ones; `verified` is false until the job has"
        " caught up."
    )
    head_sequence: BigInt = strawberry.field(description="Sequence number of the newest event in the log.")
    head_hash: str = strawberry.field(
        description="Hash of the newest event, as 64 hexadecimal digits. Store it with `headSequence` to"
        " prove later that the log up to this event is unchanged."
    )
    first_broken_sequence: BigInt | None = strawberry.field(
        description="Sequence number of the first event that was changed, removed, inserted or moved. Null"
        " when no such event was found."
    )
