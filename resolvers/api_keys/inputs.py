"""Inputs of API keys: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.api_keys import ApiKeyStatus, ApiScope
from resolvers.input_fields import idempotency_key, token


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


@strawberry.input(description="The emailed link's token.")
class ClaimApiKeyInput:
    token: str = token("What stands in the link.")


@strawberry.input(description="Which key is to have a new secret.")
class RotateApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="One's own, and active.")
    overlap_seconds: int | None = strawberry.field(
        default=None,
        description="For how long the old secret works beside the new one: 0, as where nothing is said, to"
        " 604800, which is 7 days. Of two old secrets only the newer one goes on: a second rotation ends the"
        " first secret at once.",
    )


@strawberry.input(description="Which key to revoke.")
class RevokeApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="Any, claimed or not.")
