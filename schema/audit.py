from datetime import datetime
from uuid import UUID

import strawberry

import models
from engine.compiler import PLANNED
from engine.pagination import Page
from engine.row_compiler import Total
from engine.row_reader import count
from engine.scalars import JSON, BigInt
from models.audit import ActorKind, AuditAction, AuditOutcome, CredentialKind
from permissions.allow import ANYONE, HasOrOwns
from permissions.roles import Permission
from resolvers.audit.integrity import Integrity
from resolvers.global_ids import encode_credential, encode_named
from schema.connections import Edge, PageInfo
from schema.fields import Info, Node, attribute, derived, object_type, same, to_one
from schema.lazy_types import Member

SEEN = HasOrOwns(Permission.VIEW_AUDIT_LOG, own="actor_member_id", needs=Permission.VIEW_OWN_ACTIVITY)


@object_type(allow=SEEN, description="What the actor proved itself with.")
class AuditCredential:
    kind: CredentialKind = strawberry.field(description="What kind it was.")
    id: strawberry.ID = strawberry.field(description="Which one.")
    label: str = strawberry.field(description="What it was called then. Never the secret.")


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


def _previous(previous_hash: bytes) -> str:
    return previous_hash.hex()


def _own(hash: bytes) -> str:
    return hash.hex()


@object_type(allow=SEEN, of=models.AuditEvent, description="Who acted.")
class AuditActor:
    kind: ActorKind = attribute("actor_kind", "A person, or the platform.")
    member: Member | None = to_one(models.Member, "actor_member_id", "The member as it is now.")
    name: str = attribute("actor_name", "The name as it was then.")
    credential: AuditCredential | None = derived(_credential, "The credential as it was then.")


@object_type(
    allow=SEEN, of=models.AuditEvent, description="What happened, and who did it. It cannot be rewritten."
)
class AuditEvent(Node):
    sequence: BigInt = strawberry.field(description="1, 2, 3 … within the account, without a gap.")
    occurred_at: datetime = strawberry.field(description="When.")
    action: AuditAction = strawberry.field(description="What was done, or tried.")
    outcome: AuditOutcome = strawberry.field(description="Whether it was done.")
    summary: str = strawberry.field(
        description="One plain sentence: `Ada invited bob@example.com as Member`."
    )
    target_type: str | None = strawberry.field(description="The type of what it was done to.")
    target_name: str | None = strawberry.field(description="What that was called then.")
    ip: str | None = strawberry.field(description="From where.")
    user_agent: str | None = strawberry.field(description="With which client.")
    request_id: str | None = strawberry.field(description="In which request.")
    details: JSON = strawberry.field(
        description='What changed, or what was asked: `{"role": ["VIEWER", "MEMBER"]}`.'
    )

    actor: AuditActor = same("Who.")
    target_id: strawberry.ID | None = derived(_target_id, "What it was done to.")
    previous_hash: str = derived(_previous, "The hash of the event before, in hex.")
    hash: str = derived(_own, "SHA-256 over this event and the hash before, in hex.")


async def _total_count(root: strawberry.Parent[Page], info: Info) -> int | None:
    return await count(info.context.database, root.listing)


@object_type(allow=ANYONE, of=Page, description="A page of the audit log.")
class AuditEventConnection:
    edges: list[Edge[AuditEvent]] = strawberry.field(description="The page's, each with its cursor.")
    nodes: list[AuditEvent] = strawberry.field(description="The page's, without the cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int | None = strawberry.field(
        resolver=_total_count,
        description="Exact, or null where more than 100,000 events match a filter: too costly to count.",
        metadata={PLANNED: Total()},
    )


@object_type(
    allow=Permission.VIEW_AUDIT_LOG, of=Integrity, description="Whether the log is what it was written as."
)
class AuditIntegrity:
    verified: bool = strawberry.field(
        description="Whether every event up to the head was checked, and each follows from the one before."
    )
    checked_events: BigInt = strawberry.field(
        description="How many events that rests on. Of a log of up to 50,000 it is all, checked just now."
        " Of a longer one it is those that a job has checked, which goes through the log again and again,"
        " and up to 50,000 newer ones, checked just now; where it is fewer than there are, `verified` is"
        " false until the job has caught up. What was pruned is not among them."
    )
    head_sequence: BigInt = strawberry.field(description="The newest event's, as the head of the log has it.")
    head_hash: str = strawberry.field(description="The newest event's, in hex. Keep both: a checkpoint.")
    first_broken_sequence: BigInt | None = strawberry.field(
        description="The first event that was changed, dropped, inserted or swapped; null where none is."
    )
