"""Inputs of licenses: of mutations, and filters of lists."""

from datetime import datetime

import strawberry

from engine.input_limits import items, text
from models.licenses import LicenseStatus
from resolvers.input_fields import idempotency_key


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


@strawberry.input(description="Which license to revoke, and why.")
class RevokeLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="Which.")
    reason: str = text("Kept with the license and in the log.", most=1_000)


@strawberry.input(description="Which license to suspend, and why.")
class SuspendLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="One that is active.")
    reason: str = text("Kept in the log.", most=1_000)


@strawberry.input(description="Which license to reinstate.")
class ReinstateLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="One that is suspended.")


@strawberry.input(description="Which license to transfer, and to whom.")
class TransferLicenseInput:
    license_id: strawberry.ID = strawberry.field(description="One that is active or suspended.")
    to_member_id: strawberry.ID = strawberry.field(
        description="Who is to hold it: a member of the account, of whatever role."
    )
