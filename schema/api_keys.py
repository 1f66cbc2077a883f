from datetime import datetime

import strawberry

import models
from engine.input_limits import items, text
from models.api_keys import ApiKeyStatus, ApiScope
from permissions.allow import ANYONE, HasOrOwns
from permissions.roles import Permission
from resolvers.api_keys.queries import effective_permissions
from schema.fields import Info, Node, computed, derived, object_type, to_one
from schema.lazy_types import Member
from schema.user_errors import Payload, idempotency_key, result, token


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


@strawberry.input(description="Which API keys.")
class ApiKeyFilter:
    statuses: list[ApiKeyStatus] | None = items("In these states.", most=100, default=None)
    member_ids: list[strawberry.ID] | None = items("Of these members.", most=100, default=None)


@strawberry.input(description="What the key is to be, and whose.")
class GenerateApiKeyInput:
    account_id: strawberry.ID = strawberry.field(description="Where.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose: a member with API access. The viewer's own where it is left out."
    )
    name: str = text("What it is for.", most=100)
    scopes: list[ApiScope] | None = items(
        "What it is for, of what its member may do: READ where nothing is said.", most=100, default=None
    )
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="From when on it does not work any more, within ten years; never, where null.",
    )
    idempotency_key: str | None = idempotency_key("But for the secret, which is null then.")


@object_type(allow=ANYONE, description="The new key.")
class GenerateApiKeyPayload(Payload):
    api_key: ApiKey | None = result("The new key.")
    secret: str | None = result("Shown this once. Null where another member is to claim it.")


@strawberry.input(description="The emailed link's token.")
class ClaimApiKeyInput:
    token: str = token("What stands in the link.")


@object_type(allow=ANYONE, description="The key, which is its member's from now on.")
class ClaimApiKeyPayload(Payload):
    api_key: ApiKey | None = result("The claimed key.")
    secret: str | None = result("Shown this once. Null where the key was claimed before.")


@strawberry.input(description="Which key is to have a new secret.")
class RotateApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="One's own, and active.")
    overlap_seconds: int | None = strawberry.field(
        default=None,
        description="For how long the old secret works beside the new one: 0, as where nothing is said, to"
        " 604800, which is 7 days. Of two old secrets only the newer one goes on: a second rotation ends the"
        " first secret at once.",
    )


@object_type(allow=ANYONE, description="The key with its new secret.")
class RotateApiKeyPayload(Payload):
    api_key: ApiKey | None = result("The key, with another prefix.")
    secret: str | None = result("The new one, shown this once.")


@strawberry.input(description="Which key to revoke.")
class RevokeApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="Any, claimed or not.")


@object_type(allow=ANYONE, description="The key that was revoked.")
class RevokeApiKeyPayload(Payload):
    api_key: ApiKey | None = result("The key, which works no more.")
