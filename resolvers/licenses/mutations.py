"""Provisions licenses."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, exists, func, select, update
from sqlmodel import col

from engine.snapshots import columns, new_row, snapshot
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.audit import AuditAction
from models.catalog import Theme
from models.columns import now
from models.licenses import LIVE, Entitlement, License
from models.members import Member
from models.new_event import PersonName
from permissions.context import Context
from resolvers.accounts.queries import account_id_of, count_active_licenses
from resolvers.change import Change, change
from resolvers.global_ids import decode_as
from resolvers.licenses.emails import given_notice
from resolvers.licenses.inputs import ProvisionLicenseInput
from resolvers.licenses.jobs import expire
from resolvers.licenses.keys import new_license_key
from resolvers.licenses.sites import clean_site
from resolvers.members.emails import enqueue_notices
from resolvers.members.limits import Receiving, refuse_beyond_limits
from resolvers.results import mutation_result, shown
from resolvers.user_errors import (
    LicenseLimitReached,
    UserErrorCode,
    UserErrors,
    invalid,
    not_found,
    user_error,
)

_MOST_DUE = 100


@mutation_result
class ProvisionLicenseResult:
    """Payload of `provisionLicense`: the license that was provisioned."""

    license: License = shown("License that was provisioned, with its key.")


async def provision_license(context: Context, input: ProvisionLicenseInput) -> ProvisionLicenseResult:
    """Uses one purchased license, under the account's lock, so that the limits hold under concurrency."""
    account_id = account_id_of(input.account_id)
    async with change(context, account_id, AuditAction.LICENSE_PROVISIONED, key=input.idempotency_key) as tx:
        if tx.earlier_answer:
            return ProvisionLicenseResult(license=await _made_before(tx, UUID(tx.earlier_answer)))
        site = clean_site(input.site)
        if input.expires_at is not None and input.expires_at <= now():
            raise invalid("A license must expire in the future, or not at all.", "expiresAt")
        wanted = await _wanted(tx, input.theme_id, site)
        theme, holder = wanted.theme, tx.acting
        if input.holder_id is not None:
            holder = await present_member(tx, input.holder_id, "holderId")
        if wanted.is_second:
            raise invalid(f"{site} already has a license of {theme.name}: use another site.", "site")
        await _refuse_beyond_member_limits(tx, theme, holder)
        if wanted.due:
            wanted.provisioned -= await expire(tx, wanted.due)
        await _use_entitlement(tx, wanted)
        license = new_row(
            License,
            account_id=account_id,
            theme_id=theme.id,
            site=site,
            key=new_license_key(),
            holder_id=holder.id,
            provisioned_by_id=tx.acting.id,
            expires_at=input.expires_at,
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


async def _made_before(tx: Change, id: UUID) -> License:
    """An API key without READ is shown the license again only if the same key provisioned it."""
    license = await tx.get(License, id)
    if tx.is_own_repetition:
        tx.mark_created(license)
    return license


async def present_member(tx: Change, global_id: str, argument: str) -> Member:
    """The current member of the account with this id. Raises `UserErrors`."""
    member_id = decode_as(Member, global_id)
    member = await tx.find(Member, member_id) if member_id else None
    if member is None:
        raise not_found("member of this account", argument)
    if member.has_ended:
        raise user_error(UserErrorCode.NOT_ACTIVE, f"{member.name} is no longer a member.", argument)
    return member


@dataclass
class _Wanted:
    """A theme to license, and the licenses of it that the account has."""

    theme: Theme
    purchased: int
    provisioned: int
    is_second: bool
    """Whether the site has a license of the theme already."""
    due: list[UUID]
    """Licenses that have expired and are not marked yet: they still use a purchased license or the site."""


async def _wanted(tx: Change, global_id: str, site: str) -> _Wanted:
    theme_id = decode_as(Theme, global_id)
    values = {"theme_id": theme_id, "account_id": tx.account.id, "site": site, "at": now()}
    found = await tx.fetch(_WANTED, **values) if theme_id else []
    if not found:
        raise not_found("theme", "themeId")
    *theme_values, purchased, provisioned, is_second, due = found[0]
    theme = snapshot(Theme, theme_values)
    tx.cache_row(theme)
    return _Wanted(theme, purchased or 0, provisioned or 0, is_second, due)


def _select_wanted() -> AnySelect:
    """The result stays valid until the commit, because the account is locked."""
    account_id, theme_id, site, at = map(parameter, ("account_id", "theme_id", "site", "at"))
    live = and_(
        col(License.account_id) == account_id,
        col(License.theme_id) == theme_id,
        col(License.stored_status).in_(LIVE),
    )
    second = exists().where(live, col(License.site) == site, (col(License.expires_at) > at).is_not(False))
    due = (
        select(col(License.id))
        .where(live, col(License.expires_at) <= at)
        .order_by(col(License.site) != site)
        .limit(_MOST_DUE)
    )
    of_entitlement = col(Entitlement.purchased), col(Entitlement.provisioned)
    bought = (col(Entitlement.theme_id) == col(Theme.id)) & (col(Entitlement.account_id) == account_id)
    return (
        select(*columns(Theme), *of_entitlement, second, func.array(due.scalar_subquery()))
        .select_from(Theme)
        .join(Entitlement, bought, isouter=True)
        .where(col(Theme.id) == theme_id)
    )


_WANTED = Statement(_select_wanted)
_USE = Statement(
    lambda: (
        update(Entitlement)
        .where(
            col(Entitlement.account_id) == parameter("account_id"),
            col(Entitlement.theme_id) == parameter("theme_id"),
        )
        .values(provisioned=col(Entitlement.provisioned) + 1)
    )
)


async def _use_entitlement(tx: Change, wanted: _Wanted) -> None:
    """Checks the account's limit first, then the purchased licenses of the theme."""
    theme = wanted.theme
    await refuse_beyond_cap(tx, "accountId")
    if wanted.provisioned >= wanted.purchased:
        message = f"All {wanted.purchased} licenses of {theme.name} are in use: purchase more, or revoke one."
        if not wanted.purchased:
            message = f"The account has no license of {theme.name}: purchase one first."
        raise UserErrors(_limit_reached(message, "themeId", wanted.purchased, wanted.provisioned))
    await tx.fetch(_USE, account_id=tx.account.id, theme_id=theme.id)


async def _refuse_beyond_member_limits(tx: Change, theme: Theme, holder: Member) -> None:
    is_own = holder.id == tx.acting.id
    await refuse_beyond_limits(tx, tx.acting, Receiving.one(theme.id, "themeId", active=is_own))
    if not is_own:
        await refuse_beyond_limits(tx, holder, Receiving.one(theme.id, "holderId", active=True))


async def refuse_beyond_cap(tx: Change, argument: str) -> None:
    """Raises `UserErrors` if the account's limit on active licenses is reached."""
    most = tx.account.max_active_licenses
    if most is None:
        return
    active = await count_active_licenses(tx)
    if active >= most:
        message = (
            f"The account's limit is {most} active licenses, and it has {active}: revoke or suspend one."
        )
        raise UserErrors(_limit_reached(message, argument, most, active))


def _limit_reached(message: str, argument: str, limit: int, used: int) -> LicenseLimitReached:
    return LicenseLimitReached(UserErrorCode.LICENSE_LIMIT_REACHED, message, [argument], limit, used)
