"""Sets the expiry of licenses. An expired license becomes active again under the rules of provisioning."""

from datetime import datetime

from models.audit_actions import AuditAction
from models.licenses import License, LicenseStatus
from models.members import Member
from permissions.context import Context
from resolvers.change import Change, change
from resolvers.licenses.entitlements import Arguments, find_theme_on_site, use_entitlement
from resolvers.licenses.inputs import SetLicenseExpiryInput
from resolvers.licenses.lookups import find_license, license_name, not_active
from resolvers.licenses.mutations import clean_expiry
from resolvers.licenses.reminders import next_expiry_reminder
from resolvers.results import mutation_result, shown
from resolvers.user_errors import invalid

_ARGUMENTS = Arguments(account="licenseId", theme="licenseId", site="licenseId", holder="licenseId")


@mutation_result
class SetLicenseExpiryResult:
    """Payload of `setLicenseExpiry`: the license with its new expiry."""

    license: License = shown("License with its new expiry.")


async def set_license_expiry(context: Context, input: SetLicenseExpiryInput) -> SetLicenseExpiryResult:
    """An expired license becomes active, even if it was suspended when it expired: its expiry ended the
    suspension."""
    found = await find_license(context, input.license_id)
    async with change(context, found.account_id, AuditAction.LICENSE_EXPIRY_CHANGED, on=found) as tx:
        expires_at = clean_expiry(input.expires_at)
        license = await tx.get(License, found.id)
        before, status = license.expires_at, license.status
        if status is LicenseStatus.REVOKED:
            raise not_active("This license was revoked permanently: provision a new one.")
        if status is LicenseStatus.EXPIRED:
            license = await _expired(tx, license)
        if expires_at == before:
            tx.without_event()
        else:
            stored_status = LicenseStatus.ACTIVE if status is LicenseStatus.EXPIRED else license.stored_status
            license = await tx.update(
                license,
                stored_status=stored_status,
                expires_at=expires_at,
                expiry_reminder_at=next_expiry_reminder(expires_at),
            )
            name = await license_name(tx, license)
            details: dict[str, object] = {"expires_at": [_text(before), _text(expires_at)]}
            if status is not license.status:
                details["status"] = [status.value, license.status.value]
            tx.record(license, name, f"changed the expiry of {name}", details)
    return SetLicenseExpiryResult(license=license)


async def _expired(tx: Change, license: License) -> License:
    """The license, marked as expired, with a purchased license for it. Raises `UserErrors` if it could not be
    provisioned for its holder and site."""
    holder = await tx.get(Member, license.holder_id)
    if holder.has_ended:
        raise not_active(f"{holder.name}, who held this license, is no longer a member: provision a new one.")
    use = await find_theme_on_site(tx, license.theme_id, license.site)
    if use.is_licensed:
        message = f"{license.site} has another license of {use.theme.name} by now: move or revoke it first."
        raise invalid(message, "licenseId")
    await use_entitlement(tx, use, holder, _ARGUMENTS)
    return await tx.get(License, license.id, lock=True)  # Read again: it may have been marked just now.


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
