"""Revokes, suspends, reinstates and transfers existing licenses."""

from models.audit_actions import AuditAction
from models.columns import now
from models.licenses import License, LicenseStatus
from models.members import Member
from models.new_event import PersonName
from permissions.context import Context
from resolvers.change import Change, change
from resolvers.licenses.emails import given_notice, suspension_notice, taken_notice
from resolvers.licenses.entitlements import refuse_beyond_cap
from resolvers.licenses.inputs import (
    ReinstateLicenseInput,
    RevokeLicenseInput,
    SuspendLicenseInput,
    TransferLicenseInput,
)
from resolvers.licenses.jobs import expire, free_entitlements
from resolvers.licenses.lookups import find_license, license_name, live_license, not_active
from resolvers.licenses.mutations import present_member
from resolvers.licenses.reminders import next_expiry_reminder
from resolvers.members.emails import enqueue_notices
from resolvers.members.limits import Receiving, refuse_beyond_limits
from resolvers.results import mutation_result, shown
from resolvers.text import clean_text
from resolvers.user_errors import invalid
from settings import Settings


@mutation_result
class RevokeLicenseResult:
    """Payload of `revokeLicense`: the license that was revoked."""

    license: License = shown("License that was revoked.")


async def revoke_license(context: Context, input: RevokeLicenseInput) -> RevokeLicenseResult:
    """Revokes the license permanently. The purchased license can be provisioned again."""
    found = await find_license(context, input.license_id)
    async with change(context, found.account_id, AuditAction.LICENSE_REVOKED, on=found) as tx:
        reason = _reason(input.reason, "it is stored with the license.")
        license = await tx.get(License, found.id)
        status = license.status
        if status is LicenseStatus.REVOKED:
            raise not_active("This license is already revoked.")
        if status is LicenseStatus.EXPIRED:
            await expire(tx, [license.id])
        else:
            await free_entitlements(tx, license.theme_id)
        license = await tx.update(
            license,
            stored_status=LicenseStatus.REVOKED,
            revoked_by_id=tx.acting.id,
            revoked_at=now(),
            revoked_reason=reason,
        )
        name = await license_name(tx, license)
        tx.record(license, name, f"revoked {name}", status=[status.value, "REVOKED"], reason=reason)
        if status is not LicenseStatus.EXPIRED:
            holder = await tx.get(Member, license.holder_id)
            notice = taken_notice(tx, context.settings, holder, name)
            await enqueue_notices(tx, context.settings, notice)
    return RevokeLicenseResult(license=license)


@mutation_result
class SuspendLicenseResult:
    """Payload of `suspendLicense`: the license that was suspended."""

    license: License = shown("License that was suspended. It still uses a purchased license.")


async def suspend_license(context: Context, input: SuspendLicenseInput) -> SuspendLicenseResult:
    """Suspends the license, which still uses a purchased license."""
    found = await find_license(context, input.license_id)
    async with change(context, found.account_id, AuditAction.LICENSE_SUSPENDED, on=found) as tx:
        reason = _reason(input.reason, "it is stored in the audit log.")
        license = await live_license(tx, found)
        if license.stored_status is LicenseStatus.SUSPENDED:
            raise not_active("This license is already suspended.")
        license = await tx.update(license, stored_status=LicenseStatus.SUSPENDED)
        name = await license_name(tx, license)
        tx.record(license, name, f"suspended {name}", status=["ACTIVE", "SUSPENDED"], reason=reason)
        await _tell_holder(tx, context.settings, license, name)
    return SuspendLicenseResult(license=license)


@mutation_result
class ReinstateLicenseResult:
    """Payload of `reinstateLicense`: the license that is active again."""

    license: License = shown("License that was reinstated and is active again.")


async def reinstate_license(context: Context, input: ReinstateLicenseInput) -> ReinstateLicenseResult:
    """Raises `UserErrors` if the account's or the holder's limit on active licenses is reached."""
    found = await find_license(context, input.license_id)
    async with change(context, found.account_id, AuditAction.LICENSE_REINSTATED, on=found) as tx:
        license = await live_license(tx, found)
        if license.stored_status is LicenseStatus.ACTIVE:
            raise invalid("This license is active: only a suspended one can be reinstated.", "licenseId")
        await refuse_beyond_cap(tx, "licenseId")
        await _refuse_beyond_holders_limit(tx, license)
        reminder_at = next_expiry_reminder(license.expires_at)
        license = await tx.update(license, stored_status=LicenseStatus.ACTIVE, expiry_reminder_at=reminder_at)
        name = await license_name(tx, license)
        tx.record(license, name, f"reinstated {name}", status=["SUSPENDED", "ACTIVE"])
        await _tell_holder(tx, context.settings, license, name)
    return ReinstateLicenseResult(license=license)


@mutation_result
class TransferLicenseResult:
    """Payload of `transferLicense`: the license with its new holder."""

    license: License = shown("License with its new holder.")


async def transfer_license(context: Context, input: TransferLicenseInput) -> TransferLicenseResult:
    """Transfers an active or suspended license to a member with any role."""
    found = await find_license(context, input.license_id)
    async with change(context, found.account_id, AuditAction.LICENSE_TRANSFERRED, on=found) as tx:
        license = await live_license(tx, found)
        holder = await present_member(tx, input.to_member_id, "toMemberId")
        if holder.id == license.holder_id:
            tx.without_event()
        else:
            is_active = license.stored_status is LicenseStatus.ACTIVE
            receiving = Receiving.one(license.theme_id, "toMemberId", active=is_active)
            await refuse_beyond_limits(tx, holder, receiving)
            before = await tx.get(Member, license.holder_id)
            license = await tx.update(license, holder_id=holder.id)
            name = await license_name(tx, license)
            did = f"transferred {name} from {before.name} to {holder.name}"
            tx.record(license, name, did, holder=[PersonName(before), PersonName(holder)])
            taken = taken_notice(tx, context.settings, before, name, holder)
            given = given_notice(tx, context.settings, holder, name=name, previous=before.name)
            await enqueue_notices(tx, context.settings, taken, given)
    return TransferLicenseResult(license=license)


async def _refuse_beyond_holders_limit(tx: Change, license: License) -> None:
    """Only the number counts: the holder may keep a license of a theme that its limits do not include."""
    receiving = Receiving(frozenset(), 1, "licenseId")
    await refuse_beyond_limits(tx, await tx.get(Member, license.holder_id), receiving)


async def _tell_holder(tx: Change, settings: Settings, license: License, name: str) -> None:
    holder = await tx.get(Member, license.holder_id)
    is_suspended = license.stored_status is LicenseStatus.SUSPENDED
    notice = suspension_notice(tx, settings, holder, name, is_suspended=is_suspended)
    await enqueue_notices(tx, settings, notice)


def _reason(text: str, kept: str) -> str:
    reason = clean_text(text, "A reason", "reason")
    if reason is None:
        raise invalid(f"A reason is required: {kept}", "reason")
    return reason
