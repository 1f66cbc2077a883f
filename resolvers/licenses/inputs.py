"""Inputs of licenses: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.licenses import LicenseStatus
from resolvers.input_fields import idempotency_key


@strawberry.input(description="Conditions for a list of entitlements. An entitlement must meet all of them.")
class EntitlementFilter:
    theme_ids: list[strawberry.ID] | None = items(
        "Only entitlements to the themes with these ids. If omitted, entitlements to any theme.",
        most=100,
        default=None,
    )


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
    installed_versions: list[str] | None = items(
        "Only licenses whose installed theme last reported one of these versions. If omitted, any license.",
        most=100,
        most_characters=64,
        default=None,
    )
    not_verified_since: datetime | None = strawberry.field(
        default=None,
        description="Only licenses that no installed theme has checked since this time. One that was never"
        " checked counts from its provisioning. If omitted, any license.",
    )
    expires_before: datetime | None = strawberry.field(
        default=None,
        description="Only licenses that expire before this time, those that have expired included. If"
        " omitted, any license.",
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


@strawberry.input(description="Input of `setLicenseExpiry`: the license and its new expiry.")
class SetLicenseExpiryInput:
    license_id: strawberry.ID = strawberry.field(description="Id of a license that is not revoked.")
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="Future time from which the license is no longer valid. If omitted or null, it does not"
        " expire.",
    )


@strawberry.input(description="Input of `changeLicenseSite`: the license and its new site.")
class ChangeLicenseSiteInput:
    license_id: strawberry.ID = strawberry.field(description="Id of an active or suspended license.")
    site: str = text(
        "Host name of the new site, such as `www.example.com`, without scheme and path. Case, a trailing dot"
        " and the Punycode form make no difference.",
        most=253,
    )


@strawberry.input(description="Input of `issueLicenseCertificate`: the license, and how long to certify it.")
class IssueLicenseCertificateInput:
    license_id: strawberry.ID = strawberry.field(description="Id of an active license.")
    lifetime_seconds: int | None = strawberry.field(
        default=None,
        description="Number of seconds for which the certificate is valid: 60 to 31,622,400 (366 days), but"
        " never beyond the expiry of the license. If omitted, 30 days.",
    )


@strawberry.input(description="Input of `rotateLicenseKey`: the license that gets a new key.")
class RotateLicenseKeyInput:
    license_id: strawberry.ID = strawberry.field(description="Id of an active or suspended license.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Input of `transferLicense`: the license and its new holder.")
class TransferLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="Id of an active or suspended license.")
    to_member_id: strawberry.ID = strawberry.field(
        description="Id of the member who becomes the holder, with any role in the account."
    )
