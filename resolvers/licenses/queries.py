"""Reads the licenses and entitlements that the viewer may see."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, func, or_, select
from sqlmodel import col

from engine.conditions import BoundCondition, Condition, ParentColumn, contains, has_grams_of
from engine.enums import described_enum
from engine.pagination import Branch, Listing, Order, Search, ThroughRows, narrowed
from engine.statements import any_of
from models.accounts import Account
from models.catalog import Theme
from models.licenses import Entitlement, License
from models.members import Member
from models.text_forms import folded
from permissions.context import Context
from resolvers.global_ids import decode_all
from resolvers.hosts import folded_host
from resolvers.licenses.inputs import EntitlementFilter, LicenseFilter
from resolvers.visibility import licenses_visible_to, states


@described_enum(
    "Order of a list of licenses.",
    """
    NEWEST Sorted by provisioning time, newest first.
    OLDEST Sorted by provisioning time, oldest first.
    SITE Sorted by host name, from A to Z.
    """,
)
class LicenseOrder(StrEnum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    SITE = "SITE"


_ORDERS = {
    LicenseOrder.NEWEST: Order("newest", (col(License.provisioned_at), col(License.id)), descending=True),
    LicenseOrder.OLDEST: Order("oldest", (col(License.provisioned_at), col(License.id))),
    LicenseOrder.SITE: Order("site", (col(License.site), col(License.id))),
}


_BY_ID = Order("id", (col(Entitlement.id),))


_of_account = Condition(lambda account_id: col(License.account_id) == account_id)


_held_by = Condition(lambda member_id: col(License.holder_id) == member_id)


_held_by_any = Condition(lambda member_ids: any_of(col(License.holder_id), member_ids))


_of_theme = Condition(lambda theme_id: col(License.theme_id) == theme_id)


_of_themes = Condition(lambda theme_ids: any_of(col(License.theme_id), theme_ids))


_of_version = Condition(lambda version: col(License.installed_version) == version)


_of_versions = Condition(lambda versions: any_of(col(License.installed_version), versions))


_unverified_since = Condition(
    lambda moment: moment > License.last_sign_of_use(), searches=("last_verified_at", "provisioned_at")
)


_expires_before = Condition(lambda moment: col(License.expires_at) < moment, searches=("expires_at",))


_unverified_and_expiring = Condition(
    lambda unverified_since, expires_before: and_(
        unverified_since > License.last_sign_of_use(), col(License.expires_at) < expires_before
    ),
    searches=("last_verified_at", "provisioned_at", "expires_at"),
)


_in_states = Condition(lambda statuses: any_of(License.status_now(), statuses))


_matches = Condition(
    lambda site, theme: or_(contains(col(License.site_folded), site), _is_of_theme_called(theme)),
    searches=("site_folded", "theme_id"),
)


_has_site_grams = Condition(
    lambda account_id, search: has_grams_of(License, "site_folded", account_id, search)
)


_on_site = Condition(lambda search: contains(col(License.site_folded), search))


_of_theme_elsewhere = Condition(
    lambda account_id, theme_id, search: and_(
        col(License.account_id) == account_id,
        col(License.theme_id) == theme_id,
        ~contains(col(License.site_folded), search),
    )
)


_theme_called = Condition(lambda search: contains(col(Theme.name_folded), search))


_entitlements_of = Condition(lambda account_id: col(Entitlement.account_id) == account_id)


_entitlements_to = Condition(lambda theme_ids: any_of(col(Entitlement.theme_id), theme_ids))


def account_licenses(
    context: Context,
    account: Account,
    filter: LicenseFilter | None = None,
    order_by: LicenseOrder | None = None,
) -> Listing:
    return _listing(context, account.id, filter, _ORDERS[order_by or LicenseOrder.NEWEST])


def member_licenses(context: Context, member: Member, filter: LicenseFilter | None = None) -> Listing:
    return _listing(context, member.account_id, filter, _ORDERS[LicenseOrder.NEWEST], _held_by(member.id))


def account_entitlements(
    context: Context, account: Account, filter: EntitlementFilter | None = None
) -> Listing:
    where = [_entitlements_of(account.id)]
    if filter and filter.theme_ids is not None:
        where.append(_entitlements_to(_themes(filter.theme_ids)))
    return Listing(Entitlement, tuple(where), _BY_ID)


def _listing(
    context: Context, account_id: UUID, filter: LicenseFilter | None, order: Order, *where: BoundCondition
) -> Listing:
    """The licenses that meet the filter and that the viewer may see."""
    seen = licenses_visible_to(context.signed_in().memberships[account_id])
    of_account, branches = _of_account(account_id), tuple[Branch, ...]()
    times = _times(filter)
    if filter and folded(filter.search or ""):
        where, _ = _narrowed(filter, (of_account, *where, *times), by_status=False)
        return Listing(License, (*where, *seen.where), order, search=_search(account_id, filter.search or ""))
    if filter is not None:
        where, branches = _narrowed(filter, where, by_status=not seen.where)
    if times:
        search = Search(times[0], (Branch((of_account,), is_few=True),))
        where = (of_account, *where, *seen.where)
        return Listing(License, where, order, branches=branches, search=search)
    if not where and not branches:
        return Listing(License, (of_account,), order, branches=seen.branches)
    return Listing(License, (of_account, *where, *seen.where), order, branches=branches)


def _narrowed(
    filter: LicenseFilter, where: tuple[BoundCondition, ...], *, by_status: bool
) -> tuple[tuple[BoundCondition, ...], tuple[Branch, ...]]:
    """The first filter determines the index in whose order the list is read. The others are conditions on its
    rows."""
    branches: tuple[Branch, ...] = ()
    if filter.holder_ids is not None:
        holders = _holders(filter.holder_ids)
        where, branches = narrowed(where, branches, holders, _held_by, _held_by_any)
    if filter.theme_ids is not None:
        themes = _themes(filter.theme_ids)
        where, branches = narrowed(where, branches, themes, _of_theme, _of_themes)
    if filter.installed_versions is not None:
        versions = filter.installed_versions
        where, branches = narrowed(where, branches, versions, _of_version, _of_versions)
    if filter.statuses is not None:
        if where or branches or not (filter.statuses and by_status):
            where = (*where, _in_states(filter.statuses))
        else:
            branches = states(filter.statuses)
    return where, branches


def _times(filter: LicenseFilter | None) -> tuple[BoundCondition, ...]:
    """The filters by time, as one condition. It has no index in the order of a list: frequent matches are
    found among the next rows, and others by an index of the time, and sorted."""
    unverified_since = filter.not_verified_since if filter else None
    expires_before = filter.expires_before if filter else None
    if unverified_since is not None and expires_before is not None:
        return (_unverified_and_expiring(unverified_since, expires_before),)
    if unverified_since is not None:
        return (_unverified_since(unverified_since),)
    return () if expires_before is None else (_expires_before(expires_before),)


def _themes(global_ids: Sequence[str]) -> list[UUID]:
    return decode_all(Theme, global_ids, "themeIds")


def _holders(global_ids: Sequence[str]) -> list[UUID]:
    return decode_all(Member, global_ids, "holderIds")


def _search(account_id: UUID, text: str) -> Search:
    site, theme = folded_host(text), folded(text)
    by_site = Branch((_has_site_grams(account_id, site), _on_site(site)))
    of_theme = _of_theme_elsewhere(account_id, ParentColumn("id"), site)
    by_theme = Branch((of_theme,), through=ThroughRows(Theme, _theme_called(theme)))
    return Search(_matches(site, theme), (by_site, by_theme))


def _is_of_theme_called(search: ColumnElement[str]) -> ColumnElement[bool]:
    """The themes are read once for the statement, not for each license."""
    themes = select(col(Theme.id)).where(contains(col(Theme.name_folded), search))
    return col(License.theme_id) == any_(func.array(themes.scalar_subquery()))
