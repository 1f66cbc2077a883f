"""Provisions licenses."""

from datetime import datetime
from uuid import UUID

from engine.snapshots import new_row
from models.audit_actions import AuditAction
from models.catalog import Theme
from models.columns import now
from models.licenses import License
from models.members import Member
from models.new_event import PersonName
from permissions.context import Context
from resolvers.accounts.queries import account_id_of
from resolvers.change import Change, change
from resolvers.global_ids import decode_as
from resolvers.licenses.emails import given_notice
from resolvers.licenses.entitlements import Arguments, find_theme_on_site, use_entitlement
from resolvers.licenses.inputs import ProvisionLicenseInput
from resolvers.licenses.keys import new_license_key
from resolvers.licenses.reminders import next_expiry_reminder
from resolvers.licenses.sites import clean_site
from resolvers.members.emails import enqueue_notices
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, invalid, not_found, user_error

_ARGUMENTS = Arguments(account="accountId", theme="themeId", site="site", holder="holderId")


@mutation_result
class ProvisionLicenseResult:
    """Payload of `provisionLicense`: the license that was provisioned."""

    license: License = shown("License that was provisioned, with its key.")


async def provision_license(context: Context, input: ProvisionLicenseInput) -> ProvisionLicenseResult:
    """Uses one purchased license, under the account's lock, so that the limits hold under concurrency."""
    account_id = account_id_of(input.account_id)
    async with change(context, account_id, AuditAction.LICENSE_PROVISIONED, key=input.idempotency_key) as tx:
        if tx.earlier_answer:
            return ProvisionLicenseResult(license=await license_made_before(tx, UUID(tx.earlier_answer)))
        site, expires_at = clean_site(input.site), clean_expiry(input.expires_at)
        use = await find_theme_on_site(tx, decode_as(Theme, input.theme_id), site)
        theme, holder = use.theme, tx.acting
        if input.holder_id is not None:
            holder = await present_member(tx, input.holder_id, "holderId")
        await use_entitlement(tx, use, holder, _ARGUMENTS)
        license = new_row(
            License,
            account_id=account_id,
            theme_id=theme.id,
            site=site,
            key=new_license_key(),
            holder_id=holder.id,
            provisioned_by_id=tx.acting.id,
            expires_at=expires_at,
            expiry_reminder_at=next_expiry_reminder(expires_at),
        )
        await tx.insert(license)
        tx.record(
            license,
            f"{theme.name} for {site}",
            f"provisioned {theme.name} for {site}"
            + ("" if holder is tx.acting else f", held by {holder.name}"),
            theme=theme.slug,
            site=site,
            holder=PersonName(holder),
        )
        notice = given_notice(tx, context.settings, holder, name=f"{theme.name} for {site}")
        await enqueue_notices(tx, context.settings, notice)
        tx.remember(str(license.id))
    return ProvisionLicenseResult(license=license)


async def license_made_before(tx: Change, id: UUID) -> License:
    """The license of an earlier change with the same idempotency key, as it is now. An API key without READ
    is shown its license key again only if the same API key made that change."""
    license = await tx.get(License, id)
    if tx.is_own_repetition:
        tx.mark_created(license)
    return license


def clean_expiry(expires_at: datetime | None) -> datetime | None:
    """Raises `UserErrors` if the time is not in the future."""
    if expires_at is not None and expires_at <= now():
        raise invalid("A license must expire in the future, or not at all.", "expiresAt")
    return expires_at


async def present_member(tx: Change, global_id: str, argument: str) -> Member:
    """The current member of the account with this id. Raises `UserErrors`."""
    member_id = decode_as(Member, global_id)
    member = await tx.find(Member, member_id) if member_id else None
    if member is None:
        raise not_found("member of this account", argument)
    if member.has_ended:
        raise user_error(UserErrorCode.NOT_ACTIVE, f"{member.name} is no longer a member.", argument)
    return member
