from datetime import datetime

import strawberry

import models
from models.audit import ActorKind, AuditAction, AuditOutcome, CredentialKind
from permissions.allow import ANYONE, HasOrOwns
from permissions.roles import Permission
from resolvers.global_ids import encode_credential, encode_named
from resolvers.loading import load
from resolvers.pages import Page
from schema.connections import Edge, PageInfo, _counted, _edges, _nodes, _page_info
from schema.fields import Info, Node, computed, object_type
from schema.later import Member
from schema.scalars import JSON, BigInt

SEEN = HasOrOwns(Permission.VIEW_AUDIT_LOG, own="actor_member_id", needs=Permission.VIEW_OWN_ACTIVITY)


@object_type(allow=SEEN, description="What the actor proved itself with.")
class AuditCredential:
    kind: CredentialKind = strawberry.field(description="What kind it was.")
    id: strawberry.ID = strawberry.field(description="Which one.")
    label: str = strawberry.field(description="What it was called then. Never the secret.")


@object_type(allow=SEEN, of=models.AuditEvent, description="Who acted.")
class AuditActor:
    @computed(ActorKind, "A person, or the platform.")
    def kind(root: strawberry.Parent[models.AuditEvent]) -> ActorKind:
        return root.actor_kind

    @computed(Member | None, "The member as it is now.")
    async def member(root: strawberry.Parent[models.AuditEvent], info: Info) -> models.Member | None:
        if root.actor_member_id is None:
            return None
        return await load(info.context, models.Member, root.actor_member_id, account_id=root.account_id)

    @computed(str, "The name as it was then.")
    def name(root: strawberry.Parent[models.AuditEvent]) -> str:
        return root.actor_name

    @computed(AuditCredential | None, "The credential as it was then.")
    def credential(root: strawberry.Parent[models.AuditEvent]) -> AuditCredential | None:
        if root.credential_kind is None or root.credential_id is None:
            return None
        id = encode_credential(root.credential_kind, root.credential_id)
        return AuditCredential(
            kind=root.credential_kind, id=strawberry.ID(id), label=root.credential_label or ""
        )


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

    @computed(AuditActor, "Who.")
    def actor(root: strawberry.Parent[models.AuditEvent]) -> models.AuditEvent:
        return root

    @computed(strawberry.ID | None, "What it was done to.")
    def target_id(root: strawberry.Parent[models.AuditEvent]) -> str | None:
        if root.target_type is None or root.target_id is None:
            return None
        return strawberry.ID(encode_named(root.target_type, root.target_id))

    @computed(str, "The hash of the event before, in hex.")
    def previous_hash(root: strawberry.Parent[models.AuditEvent]) -> str:
        return root.previous_hash.hex()

    @computed(str, "SHA-256 over this event and the hash before, in hex.")
    def hash(root: strawberry.Parent[models.AuditEvent]) -> str:
        return root.hash.hex()


@object_type(allow=ANYONE, of=Page, description="A page of the audit log.")
class AuditEventConnection:
    edges: list[Edge[AuditEvent]] = strawberry.field(
        resolver=_edges, description="The page's, each with its cursor."
    )
    nodes: list[AuditEvent] = strawberry.field(
        resolver=_nodes, description="The page's, without the cursors."
    )
    page_info: PageInfo = strawberry.field(resolver=_page_info, description="Where the page lies.")
    total_count: int | None = strawberry.field(
        resolver=_counted,
        description="Exact, or null where more than 100,000 events match a filter: too costly to count.",
    )


@strawberry.input(description="Which events.")
class AuditLogFilter:
    actions: list[AuditAction] | None = strawberry.field(default=None, description="Of these kinds.")
    actor_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="By these members.")
    target_id: strawberry.ID | None = strawberry.field(default=None, description="Done to this.")
    outcome: AuditOutcome | None = strawberry.field(default=None, description="Done, or refused.")
    occurred_from: datetime | None = strawberry.field(default=None, description="From then on.")
    occurred_until: datetime | None = strawberry.field(default=None, description="Before then.")
    request_id: str | None = strawberry.field(default=None, description="In this request.")
    api_key_id: strawberry.ID | None = strawberry.field(default=None, description="With this API key.")
    ip: str | None = strawberry.field(default=None, description="From this address.")
