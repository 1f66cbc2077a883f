"""Changes of licenses that their holders can make too."""

from uuid import UUID

from engine.snapshots import new_row
from models.audit_actions import AuditAction
from models.catalog import Theme
from models.licenses import FormerLicenseKey, License
from models.members import Member
from permissions.context import Context
from permissions.tokens import hash_token
from resolvers.change import change
from resolvers.licenses.emails import rotated_notice
from resolvers.licenses.entitlements import find_theme_on_site, occupy_site
from resolvers.licenses.inputs import ChangeLicenseSiteInput, RotateLicenseKeyInput
from resolvers.licenses.keys import new_license_key
from resolvers.licenses.lookups import find_license, license_name, live_license
from resolvers.licenses.mutations import license_made_before
from resolvers.licenses.sites import clean_site
from resolvers.members.emails import enqueue_notices
from resolvers.members.limits import Receiving, refuse_beyond_limits
from resolvers.results import mutation_result, shown


@mutation_result
class ChangeLicenseSiteResult:
    """Payload of `changeLicenseSite`: the license with its new site."""

    license: License = shown("License with its new site.")


async def change_license_site(context: Context, input: ChangeLicenseSiteInput) -> ChangeLicenseSiteResult:
    """Moves an active or suspended license. The limits of the acting member apply to the theme as if it were
    provisioned on the new site; the holder keeps what it holds."""
    found = await find_license(context, input.license_id)
    async with change(context, found.account_id, AuditAction.LICENSE_SITE_CHANGED, on=found) as tx:
        site = clean_site(input.site)
        license = await live_license(tx, found)
        before = license.site
        if site == before:
            tx.without_event()
        else:
            moved = Receiving.one(license.theme_id, "licenseId", active=False)
            await refuse_beyond_limits(tx, tx.acting, moved)
            await occupy_site(tx, await find_theme_on_site(tx, license.theme_id, site), "site")
            license = await tx.update(license, site=site)
            theme = await tx.get(Theme, license.theme_id)
            did = f"moved {theme.name} from {before} to {site}"
            tx.record(license, f"{theme.name} for {site}", did, site=[before, site])
    return ChangeLicenseSiteResult(license=license)


@mutation_result
class RotateLicenseKeyResult:
    """Payload of `rotateLicenseKey`: the license with its new key."""

    license: License = shown("License with its new key.")


async def rotate_license_key(context: Context, input: RotateLicenseKeyInput) -> RotateLicenseKeyResult:
    """Gives the license a new key. The hash of the old one is kept, so that it is reported as revoked."""
    found = await find_license(context, input.license_id)
    key, action = input.idempotency_key, AuditAction.LICENSE_KEY_ROTATED
    async with change(context, found.account_id, action, on=found, key=key) as tx:
        if tx.earlier_answer:
            return RotateLicenseKeyResult(license=await license_made_before(tx, UUID(tx.earlier_answer)))
        license = await live_license(tx, found)
        former = new_row(
            FormerLicenseKey,
            account_id=license.account_id,
            license_id=license.id,
            key_hash=hash_token(license.key),
        )
        await tx.insert(former)
        license = await tx.update(license, key=new_license_key())
        tx.mark_created(license)
        name = await license_name(tx, license)
        tx.record(license, name, f"rotated the key of {name}")
        holder = await tx.get(Member, license.holder_id)
        await enqueue_notices(tx, context.settings, rotated_notice(tx, context.settings, holder, name))
        tx.remember(str(license.id))
    return RotateLicenseKeyResult(license=license)
