from datetime import datetime
from typing import Annotated

import strawberry

import models
from engine.input_limits import number_argument
from engine.list_sizes import sized_by
from models.api_keys import ApiKeyStatus, ApiScope
from permissions.allow import HasOrOwns
from permissions.roles import Permission
from resolvers.api_keys import usage as days_of_use
from resolvers.api_keys.queries import effective_permissions
from resolvers.api_keys.usage import MOST_DAYS, USUAL_DAYS
from schema.fields import Info, Node, computed, computed_from_columns, object_type, to_one
from schema.lazy_types import Member


def _scopes(scopes: list[str]) -> list[ApiScope]:
    return [scope for scope in ApiScope if scope in scopes]


Days = Annotated[
    int | None,
    number_argument(
        f"Number of days, today included, 1 to {MOST_DAYS}. If omitted, {USUAL_DAYS}.",
        least=1,
        most=MOST_DAYS,
    ),
]


@object_type(
    allow=HasOrOwns(Permission.GENERATE_API_KEYS, own="member_id"),
    of=days_of_use.ApiKeyUsage,
    description="Number of an API key's calls on one day.",
)
class ApiKeyUsage:
    @computed(str, "Day of UTC, such as `2026-11-30`.")
    def day(root: strawberry.Parent[days_of_use.ApiKeyUsage]) -> str:
        return root.day.isoformat()

    calls: int = strawberry.field(
        description="Number of GraphQL requests that the audit log has of the key on this day."
    )
    denied: int = strawberry.field(description="Number of those calls that were refused.")


@object_type(
    allow=HasOrOwns(Permission.GENERATE_API_KEYS, own="member_id"),
    of=models.ApiKey,
    description="Credential with which a member's scripts call the API. It acts with the member's"
    " current permissions, within its scopes.",
)
class ApiKey(Node):
    member: Member = to_one(models.Member, "member_id", "Member to whom the key belongs and as whom it acts.")
    name: str = strawberry.field(
        description="Name chosen when the key was generated, which tells what the key is used for."
    )
    prefix: str = strawberry.field(
        description="First characters of the secret, for recognizing the key. It is `ta_` alone until the"
        " key is claimed. The full secret is shown once and is not stored."
    )
    status: ApiKeyStatus = computed_from_columns(
        models.ApiKey.status_of,
        "Status of the key at the time of the request.",
        expression=models.ApiKey.status_now,
    )
    scopes: list[ApiScope] = computed_from_columns(
        _scopes,
        "Scopes of the key. Of the member's permissions, the key has only those that its scopes include.",
    )

    @computed(
        list[Permission],
        "Permissions that the key has now: those of its member that its scopes include. Empty"
        " when the key cannot be used.",
    )
    async def effective_permissions(root: strawberry.Parent[models.ApiKey], info: Info) -> list[Permission]:
        return await effective_permissions(info.context, root)

    created_by: Member = to_one(models.Member, "created_by_id", "Member who generated the key.")
    created_at: datetime = strawberry.field(description="Time at which the key was generated.")
    expires_at: datetime | None = strawberry.field(
        description="Time from which the key is no longer accepted. Null when it does not expire."
    )
    last_used_at: datetime | None = strawberry.field(
        description="Time of the last request made with the key, accurate to the minute. Null when it was"
        " never used."
    )
    last_used_ip: str | None = strawberry.field(
        description="IP address from which the key was last used. Null when it was never used."
    )
    allowed_networks: list[str] = strawberry.field(
        description="Networks in CIDR notation, such as `203.0.113.0/24`, from which the key is accepted."
        " Empty if it is accepted from anywhere."
    )

    @computed(
        list[ApiKeyUsage],
        "Calls of each of the last `days` days of UTC, the newest first, including days without a call. Of"
        " requests beyond a limit or from outside of the key's networks, one a minute counts.",
        size=sized_by("days", default=USUAL_DAYS, most=MOST_DAYS),
    )
    async def usage(
        root: strawberry.Parent[models.ApiKey], info: Info, days: Days = None
    ) -> list[days_of_use.ApiKeyUsage]:
        return await days_of_use.api_key_usage(info.context, root, USUAL_DAYS if days is None else days)

    revoked_by: Member | None = to_one(
        models.Member,
        "revoked_by_id",
        "Member who revoked the key. Null when it is not revoked or was revoked by the platform.",
    )
    revoked_at: datetime | None = strawberry.field(
        description="Time at which the key was revoked. Null when it is not revoked."
    )
