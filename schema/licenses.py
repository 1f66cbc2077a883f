from datetime import datetime

import strawberry

import models
from engine.input_limits import items, text
from models.licenses import LicenseStatus
from permissions.allow import ANYONE, HasOrOwns
from permissions.roles import Permission
from schema.catalog import Theme
from schema.fields import Node, derived, guarded, object_type, to_one
from schema.lazy_types import Account, Member
from schema.user_errors import Payload, idempotency_key, result


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


@strawberry.input(description="Which licenses.")
class LicenseFilter:
    statuses: list[LicenseStatus] | None = items("In these states.", most=100, default=None)
    theme_ids: list[strawberry.ID] | None = items("Of these themes.", most=100, default=None)
    holder_ids: list[strawberry.ID] | None = items("Held by these members.", most=100, default=None)
    search: str | None = text("Part of the site or of the theme's name.", most=200, default=None)


@strawberry.input(description="A license of a theme, for a site.")
class ProvisionLicenseInput:
    account_id: strawberry.ID = strawberry.field(description="Whose.")
    theme_id: strawberry.ID = strawberry.field(description="Of what.")
    site: str = text("A host name: `www.example.com`.", most=253)
    holder_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who is to hold it; the viewer where nobody is named."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="Never, where it is left out.")
    idempotency_key: str | None = idempotency_key()


@object_type(allow=ANYONE, description="The new license.")
class ProvisionLicensePayload(Payload):
    license: License | None = result("The new license.")


@strawberry.input(description="Which license to revoke, and why.")
class RevokeLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="Which.")
    reason: str = text("Kept with the license and in the log.", most=1_000)


@object_type(allow=ANYONE, description="The license that was revoked.")
class RevokeLicensePayload(Payload):
    license: License | None = result("The license, for good.")


@strawberry.input(description="Which license to suspend, and why.")
class SuspendLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="One that is active.")
    reason: str = text("Kept in the log.", most=1_000)


@object_type(allow=ANYONE, description="The license that was suspended.")
class SuspendLicensePayload(Payload):
    license: License | None = result("The license, which still takes up its entitlement.")


@strawberry.input(description="Which license to reinstate.")
class ReinstateLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="One that is suspended.")


@object_type(allow=ANYONE, description="The license that was reinstated.")
class ReinstateLicensePayload(Payload):
    license: License | None = result("The license, active again.")


@strawberry.input(description="Which license to transfer, and to whom.")
class TransferLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="One that is active or suspended.")
    to_member_id: strawberry.ID = strawberry.field(
        description="Who is to hold it: a member of the account, of whatever role."
    )


@object_type(allow=ANYONE, description="The license that was transferred.")
class TransferLicensePayload(Payload):
    license: License | None = result("The license with its new holder.")
