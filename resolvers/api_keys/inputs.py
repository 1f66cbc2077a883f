"""Inputs of API keys: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.api_keys import ApiKeyStatus, ApiScope
from resolvers.input_fields import idempotency_key, token


@strawberry.input(description="Conditions for a list of API keys. A key must meet all of them.")
class ApiKeyFilter:
    statuses: list[ApiKeyStatus] | None = items(
        "Only keys with one of these statuses. If omitted, keys of any status.", most=100, default=None
    )
    member_ids: list[strawberry.ID] | None = items(
        "Only keys of the members with these ids. If omitted, keys of any member.", most=100, default=None
    )


@strawberry.input(description="Input of `generateApiKey`: the member, name, scopes and expiry of the key.")
class GenerateApiKeyInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account in which the key acts.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Id of the member for whom the key is generated, whose role must have `ACCESS_API`. If"
        " omitted, the viewer.",
    )
    name: str = text("Name of the key, which tells what it is used for, on one line and not empty.", most=100)
    scopes: list[ApiScope] | None = items(
        "Scopes of the key, at least one. If omitted, all: the key can do what its member can do, except"
        " what no scope allows.",
        most=100,
        default=None,
    )
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="Time from which the key is no longer accepted, at most ten years from now, and within"
        " the lifetime that the account's security policy allows. If omitted, the end of that lifetime;"
        " without such a rule, the key does not expire.",
    )
    allowed_networks: list[str] | None = items(
        "Networks from which the key is accepted, in CIDR notation such as `203.0.113.0/24`. If omitted or"
        " empty, from anywhere.",
        most=100,
        most_characters=50,
        default=None,
    )
    idempotency_key: str | None = idempotency_key("The secret is null in the result of a repeated request.")


@strawberry.input(description="Input of `claimApiKey`: the token of the emailed link.")
class ClaimApiKeyInput:
    token: str = token("Token of the link in the email about the API key.")


@strawberry.input(
    description="Input of `rotateApiKey`: the API key, and how long its old secret is still accepted."
)
class RotateApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(description="Id of an active API key of the viewer.")
    overlap_seconds: int | None = strawberry.field(
        default=None,
        description="Number of seconds for which the old secret is still accepted, 0 to 604,800 (7 days). If"
        " omitted, 0. Only one old secret is accepted at a time: a second rotation ends the first secret"
        " immediately.",
    )


@strawberry.input(description="Input of `revokeApiKey`: the API key to revoke.")
class RevokeApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(
        description="Id of the API key to revoke, whatever its status."
    )


@strawberry.input(
    description="Input of `updateApiKey`. What is omitted does not change. What the key may do can only be"
    " narrowed; null is refused."
)
class UpdateApiKeyInput:
    api_key_id: strawberry.ID = strawberry.field(
        description="Id of an API key that is active or not claimed yet."
    )
    name: str | None = text(
        "New name of the key, on one line and not empty. If omitted, unchanged.",
        most=100,
        default=strawberry.UNSET,
    )
    scopes: list[ApiScope] | None = items(
        "Scopes that the key keeps, some of its current ones. If omitted, unchanged.",
        most=100,
        default=strawberry.UNSET,
    )
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="Time from which the key is no longer accepted, in the future and not later than before."
        " If omitted, unchanged.",
    )
    allowed_networks: list[str] | None = items(
        "Networks from which the key is accepted, in CIDR notation such as `203.0.113.0/24`; an empty list"
        " for anywhere. Without `GENERATE_API_KEYS`, only networks within those that the key has, if it has"
        " any. If omitted, unchanged.",
        most=100,
        most_characters=50,
        default=strawberry.UNSET,
    )
