from datetime import datetime

import strawberry

import models
from models.licenses import LicenseStatus
from permissions.allow import HasOrOwns
from permissions.roles import Permission
from schema.catalog import Theme
from schema.fields import Node, computed_from_columns, guarded, object_type, to_one
from schema.lazy_types import Account, Member


@object_type(
    allow=Permission.VIEW_ACTIVE_LICENSES,
    of=models.License,
    description="Right of an account to use a theme on one site.",
)
class License(Node):
    account: Account = to_one(models.Account, "account_id", "Account to which the license belongs.")
    theme: Theme = to_one(models.Theme, "theme_id", "Theme that may be used on the site.")
    status: LicenseStatus = computed_from_columns(
        models.License.status_of,
        "Status of the license at the time of the request.",
        expression=models.License.status_now,
    )
    site: str = strawberry.field(
        description="Host name of the site on which the theme is used, in Unicode, such as `www.example.com`."
    )
    key: str | None = guarded(
        allow=HasOrOwns(Permission.REVOKE_LICENSES, own="holder_id"),
        description="License key in the form `TL-XXXX-XXXX-XXXX-XXXX`, which is a secret.",
    )
    holder: Member = to_one(models.Member, "holder_id", "Member who is responsible for the license.")
    provisioned_by: Member = to_one(models.Member, "provisioned_by_id", "Member who provisioned the license.")
    provisioned_at: datetime = strawberry.field(description="Time at which the license was provisioned.")
    expires_at: datetime | None = strawberry.field(
        description="Time from which the license is no longer valid. Null when it does not expire."
    )
    revoked_by: Member | None = to_one(
        models.Member, "revoked_by_id", "Member who revoked the license. Null when it is not revoked."
    )
    revoked_at: datetime | None = strawberry.field(
        description="Time at which the license was revoked. Null when it is not revoked."
    )
    revoked_reason: str | None = strawberry.field(
        description="Reason given for the revocation. Null when the license is not revoked."
    )
    last_downloaded_at: datetime | None = strawberry.field(
        description="Time of the last download of a theme file with this license. Null when there was none"
        " yet."
    )
    last_verified_at: datetime | None = strawberry.field(
        description="Time at which the installed theme last checked this license and it was valid, written at"
        " most once an hour. Null when it never did."
    )
    last_verified_site: str | None = strawberry.field(
        description="Host name from which the installed theme last checked this license, a staging copy's"
        " included. Null when it never did."
    )
    installed_version: str | None = strawberry.field(
        description="Version of the theme that the installed theme last reported. Null when it never did."
    )


@object_type(
    allow=Permission.VIEW_ACTIVE_LICENSES,
    of=models.Entitlement,
    description="Licenses of one theme that an account has purchased or was granted, and how many of them"
    " are in use.",
)
class Entitlement(Node):
    theme: Theme = to_one(models.Theme, "theme_id", "Theme that the licenses are for.")
    purchased: int = strawberry.field(description="Number of licenses that were purchased or granted.")
    provisioned: int = strawberry.field(
        description="Number of these licenses in use, which are the active and the suspended ones."
    )
    available: int = computed_from_columns(
        models.Entitlement.available_of,
        "Number of licenses that can still be provisioned: `purchased` minus `provisioned`.",
    )
