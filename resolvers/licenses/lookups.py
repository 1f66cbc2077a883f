"""Licenses that a change is about."""

from models.catalog import Theme
from models.licenses import License, LicenseStatus
from permissions.context import Context
from resolvers.change import Change
from resolvers.nodes import find
from resolvers.user_errors import UserErrorCode, UserErrors, not_found, user_error


async def find_license(context: Context, global_id: str) -> License:
    """The license with this id, before the change. Raises `UserErrors` if the viewer does not see one."""
    found = await find(context, License, global_id)
    if found is None:
        raise not_found("license", "licenseId")
    return found


async def live_license(tx: Change, found: License) -> License:
    """The license, read under the account's lock. Raises `UserErrors` if it is revoked or expired."""
    license = await tx.get(License, found.id)
    if license.status is LicenseStatus.REVOKED:
        raise not_active("This license was revoked permanently: provision a new one.")
    if license.status is LicenseStatus.EXPIRED:
        raise not_active("This license has expired: set a later expiry, or provision a new one.")
    return license


async def license_name(tx: Change, license: License) -> str:
    theme = await tx.get(Theme, license.theme_id)
    return f"{theme.name} for {license.site}"


def not_active(message: str) -> UserErrors:
    return user_error(UserErrorCode.NOT_ACTIVE, message, "licenseId")
