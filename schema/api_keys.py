from datetime import datetime

import strawberry

import models
from models.api_keys import ApiKeyStatus, ApiScope
from permissions.allow import HasOrOwns
from permissions.roles import Permission
from resolvers.api_keys.queries import effective_permissions
from schema.fields import Info, Node, computed, derived, object_type, to_one
from schema.lazy_types import Member


def _scopes(scopes: list[str]) -> list[ApiScope]:
    return [scope for scope in ApiScope if scope in scopes]


@object_type(
    allow=HasOrOwns(Permission.GENERATE_API_KEYS, own="member_id"),
    of=models.ApiKey,
    description="What a member's scripts prove themselves with. For Admins, and the member itself.",
)
class ApiKey(Node):
    member: Member = to_one(models.Member, "member_id", "Whose it is, and as whom it acts.")
    name: str = strawberry.field(description="What it is for.")
    prefix: str = strawberry.field(
        description="The first characters, to recognise it by. The secret is shown once and never stored."
    )
    status: ApiKeyStatus = derived(
        models.ApiKey.status_of, "Whether it works, as of now.", expression=models.ApiKey.status_now
    )
    scopes: list[ApiScope] = derived(_scopes, "What it is for, of what its member may do.")

    @computed(list[Permission], "What it can do right now: the member's permissions, within its scopes.")
    async def effective_permissions(root: strawberry.Parent[models.ApiKey], info: Info) -> list[Permission]:
        return await effective_permissions(info.context, root)

    created_by: Member = to_one(models.Member, "created_by_id", "Who generated it.")
    created_at: datetime = strawberry.field(description="When it was generated.")
    expires_at: datetime | None = strawberry.field(description="Never, where null.")
    last_used_at: datetime | None = strawberry.field(description="Precise to the minute.")
    last_used_ip: str | None = strawberry.field(description="From where it was last used.")
    revoked_by: Member | None = to_one(models.Member, "revoked_by_id", "Who revoked it.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")
