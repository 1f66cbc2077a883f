"""Inputs of licenses: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.licenses import LicenseStatus
from resolvers.input_fields import idempotency_key


@strawberry.input(description="Conditions for a list of licenses. A license must meet all of them.")
class LicenseFilter:
    statuses: list[LicenseStatus] | None = items(
        "Only licenses with one of these statuses. If omitted, licenses of any status.",
        most=100,
        default=None,
    )
    theme_ids: list[strawberry.ID] | None = items(
        "Only licenses of the themes with these ids. If omitted, licenses of any theme.",
        most=100,
        default=None,
    )
    holder_ids: list[strawberry.ID] | None = items(
        "Only licenses held by the members with these ids. If omitted, licenses of any holder.",
        most=100,
        default=None,
    )
    search: str | None = text(
        "Only licenses whose site or theme name contains this text, ignoring case. If omitted, any license.",
        most=200,
        default=None,
    )


@strawberry.input(
    description="Input of `provisionLicense`: the theme, the site and the holder of the license."
)
class ProvisionLicenseInput:
    account_id: strawberry.ID = strawberry.field(
        description="Id of the account for which the license is"
        " provisioned. One of its purchased licenses is used."
    )
    theme_id: strawberry.ID = strawberry.field(description="Id of the theme that the license is for.")
    site: str = text(
        "Host name of the site, such as `www.example.com`, without scheme and path. Case, a"
        " trailing dot and the Punycode form make no difference.",
        most=253,
    )
    holder_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the member who will hold the license. If omitted, the viewer."
    )
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="Future time from which the license is no longer valid. If omitted, it does not expire.",
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Input of `revokeLicense`: the license and the reason.")
class RevokeLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="Id of the license to revoke.")
    reason: str = text(
        "Reason for the revocation, not empty. It is stored with the license and in the audit log.",
        most=1_000,
    )


@strawberry.input(description="Input of `suspendLicense`: the license and the reason.")
class SuspendLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="Id of an active license.")
    reason: str = text("Reason for the suspension, not empty. It is stored in the audit log.", most=1_000)


@strawberry.input(description="Input of `reinstateLicense`: the license to make active again.")
class ReinstateLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="Id of a suspended license.")


@strawberry.input(description="Input of `transferLicense`: the license and its new holder.")
class TransferLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="Id of an active or suspended license.")
    to_member_id: strawberry.ID = strawberry.field(
        description="Id of the member who becomes the holder, with any role in the account."
    )
