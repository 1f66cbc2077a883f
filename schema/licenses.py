from datetime import datetime

import strawberry

import models
from models.licenses import LicenseStatus
from permissions.allow import HasOrOwns
from permissions.roles import Permission
from schema.catalog import Theme
from schema.fields import Node, derived, guarded, object_type, to_one
from schema.lazy_types import Account, Member


@object_type(
    allow=Permission.VIEW_ACTIVE_LICENSES,
    of=models.License,
    description="The right to use a theme on one site.",
)
class License(Node):
    account: Account = to_one(models.Account, "account_id", "Whose.")
    theme: Theme = to_one(models.Theme, "theme_id", "Of what.")
    status: LicenseStatus = derived(
        models.License.status_of,
        "Whether it may be used, as of now.",
        expression=models.License.status_now,
    )
    site: str = strawberry.field(description="Where the theme is used: a host name.")
    key: str | None = guarded(
        allow=HasOrOwns(Permission.REVOKE_LICENSES, own="holder_id"),
        description="For Admins, and the member who holds it.",
    )
    holder: Member = to_one(models.Member, "holder_id", "Who answers for it.")
    provisioned_by: Member = to_one(models.Member, "provisioned_by_id", "Who provisioned it.")
    provisioned_at: datetime = strawberry.field(description="When it was provisioned.")
    expires_at: datetime | None = strawberry.field(description="Never, where null.")
    revoked_by: Member | None = to_one(models.Member, "revoked_by_id", "Who revoked it.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")
    revoked_reason: str | None = strawberry.field(description="Why it was revoked.")
    last_downloaded_at: datetime | None = strawberry.field(
        description="When a file was last downloaded for it."
    )


@object_type(
    allow=Permission.VIEW_ACTIVE_LICENSES,
    of=models.Entitlement,
    description="How many licenses of a theme the account has bought, and how many of those are provisioned.",
)
class Entitlement(Node):
    theme: Theme = to_one(models.Theme, "theme_id", "Of what.")
    purchased: int = strawberry.field(description="How many there may be.")
    provisioned: int = strawberry.field(description="How many there are.")
    available: int = derived(models.Entitlement.available_of, "How many are left.")
