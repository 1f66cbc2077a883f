"""Rules under which a license becomes active on a site: one license of a theme for a site, the limits of
members and of the account, and the purchased licenses. Callers hold the account's lock."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, exists, func, select, update
from sqlmodel import col

from engine.snapshots import columns, snapshot
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.catalog import Theme
from models.columns import now
from models.licenses import LIVE, Entitlement, License
from models.members import Member
from resolvers.accounts.queries import count_active_licenses
from resolvers.change import Change
from resolvers.licenses.jobs import expire
from resolvers.members.limits import Receiving, refuse_beyond_limits
from resolvers.user_errors import LicenseLimitReached, UserErrorCode, UserErrors, invalid, not_found

_MOST_DUE = 100


class Arguments(NamedTuple):
    """Arguments of a mutation's input, which its errors name."""

    account: str
    theme: str
    site: str
    holder: str


@dataclass
class ThemeOnSite:
    """A theme that is to be used on a site, and the account's licenses of it."""

    theme: Theme
    site: str
    purchased: int
    provisioned: int
    is_licensed: bool
    """Whether the site has an active or suspended license of the theme."""
    due: list[UUID]
    """Licenses that have expired and are not marked yet: they still use a purchased license or the site."""


async def find_theme_on_site(tx: Change, theme_id: UUID | None, site: str) -> ThemeOnSite:
    """Raises `UserErrors` if there is no such theme."""
    values = {"theme_id": theme_id, "account_id": tx.account.id, "site": site, "at": now()}
    found = await tx.fetch(_THEME_ON_SITE, **values) if theme_id else []
    if not found:
        raise not_found("theme", "themeId")
    *theme_values, purchased, provisioned, is_licensed, due = found[0]
    theme = snapshot(Theme, theme_values)
    tx.cache_row(theme)
    return ThemeOnSite(theme, site, purchased or 0, provisioned or 0, is_licensed, due)


async def occupy_site(tx: Change, use: ThemeOnSite, argument: str) -> None:
    """Marks expired licenses of the theme, which releases the site and the purchased licenses that they use.
    Raises `UserErrors` if the site has a license of the theme already."""
    if use.is_licensed:
        raise invalid(f"{use.site} already has a license of {use.theme.name}: use another site.", argument)
    if use.due:
        use.provisioned -= await expire(tx, use.due)


async def use_entitlement(tx: Change, use: ThemeOnSite, holder: Member, arguments: Arguments) -> None:
    """Counts one more license of the theme, for the holder. Raises `UserErrors` if the site, the limits of
    the acting member, of the holder or of the account, or the purchased licenses do not allow it."""
    await occupy_site(tx, use, arguments.site)
    await _refuse_beyond_member_limits(tx, use.theme, holder, arguments)
    await refuse_beyond_cap(tx, arguments.account)
    theme, purchased = use.theme, use.purchased
    if use.provisioned >= purchased:
        message = f"All {purchased} licenses of {theme.name} are in use: purchase more, or revoke one."
        if not purchased:
            message = f"The account has no license of {theme.name}: purchase one first."
        raise UserErrors(_limit_reached(message, arguments.theme, purchased, use.provisioned))
    await tx.fetch(_USE, account_id=tx.account.id, theme_id=theme.id)


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


async def _refuse_beyond_member_limits(
    tx: Change, theme: Theme, holder: Member, arguments: Arguments
) -> None:
    is_own = holder.id == tx.acting.id
    await refuse_beyond_limits(tx, tx.acting, Receiving.one(theme.id, arguments.theme, active=is_own))
    if not is_own:
        await refuse_beyond_limits(tx, holder, Receiving.one(theme.id, arguments.holder, active=True))


def _limit_reached(message: str, argument: str, limit: int, used: int) -> LicenseLimitReached:
    return LicenseLimitReached(UserErrorCode.LICENSE_LIMIT_REACHED, message, [argument], limit, used)


def _select_theme_on_site() -> AnySelect:
    """The result stays valid until the commit, because the account is locked."""
    account_id, theme_id, site, at = map(parameter, ("account_id", "theme_id", "site", "at"))
    live = and_(
        col(License.account_id) == account_id,
        col(License.theme_id) == theme_id,
        col(License.stored_status).in_(LIVE),
    )
    licensed = exists().where(live, col(License.site) == site, (col(License.expires_at) > at).is_not(False))
    due = (
        select(col(License.id))
        .where(live, col(License.expires_at) <= at)
        .order_by(col(License.site) != site)
        .limit(_MOST_DUE)
    )
    of_entitlement = col(Entitlement.purchased), col(Entitlement.provisioned)
    bought = (col(Entitlement.theme_id) == col(Theme.id)) & (col(Entitlement.account_id) == account_id)
    return (
        select(*columns(Theme), *of_entitlement, licensed, func.array(due.scalar_subquery()))
        .select_from(Theme)
        .join(Entitlement, bought, isouter=True)
        .where(col(Theme.id) == theme_id)
    )


_THEME_ON_SITE = Statement(_select_theme_on_site)
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
