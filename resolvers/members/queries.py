"""Reads the members of an account."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlmodel import col

from engine.conditions import BoundCondition, Condition, contains, has_grams_of
from engine.enums import described_enum
from engine.pagination import Branch, Listing, Order, Search, each_of
from engine.row_writer import Writer
from engine.statements import Statement, any_of, parameter
from models.accounts import Account
from models.members import Member, Role
from models.text_forms import folded
from permissions.context import Context
from permissions.roles import Permission, roles_with
from resolvers.change import Change
from resolvers.hosts import folded_address
from resolvers.members.inputs import MemberFilter

_MOST_RECIPIENTS = 1_000


@described_enum(
    "Order of a list of members.",
    """
    JOINED Sorted by time of joining, earliest first.
    NAME Sorted by name, from A to Z.
    LAST_ACTIVE Sorted by last activity, most recent first. Without activity, the time of joining counts.
    """,
)
class MemberOrder(StrEnum):
    JOINED = "JOINED"
    NAME = "NAME"
    LAST_ACTIVE = "LAST_ACTIVE"


_LAST_ACTIVITY = func.coalesce(col(Member.last_active_at), col(Member.joined_at))
_ORDERS = {
    MemberOrder.JOINED: Order("joined", (col(Member.joined_at), col(Member.id))),
    MemberOrder.NAME: Order("name", (col(Member.name_key), col(Member.id))),
    MemberOrder.LAST_ACTIVE: Order("active", (_LAST_ACTIVITY, col(Member.id)), True),
}


_of_account = Condition(lambda account_id: col(Member.account_id) == account_id)


_present = Condition(lambda: col(Member.removed_at).is_(None))


_gone = Condition(lambda: col(Member.removed_at).is_not(None))


_in_role = Condition(lambda role: col(Member.role) == role)


_in_roles = Condition(lambda roles: any_of(col(Member.role), roles))


_inactive_since = Condition(lambda moment: moment > _LAST_ACTIVITY, searches=("last_active_at", "joined_at"))


_named = Condition(lambda search: contains(col(Member.name_folded), search), searches=("name_folded",))


_named_or_addressed = Condition(
    lambda search, address: or_(
        contains(col(Member.name_folded), search), contains(col(Member.email_folded), address)
    ),
    searches=("name_folded", "email_folded"),
)


_has_name_grams = Condition(
    lambda account_id, search: has_grams_of(Member, "name_folded", account_id, search)
)


_has_grams = Condition(
    lambda account_id, search, address: or_(
        has_grams_of(Member, "name_folded", account_id, search),
        has_grams_of(Member, "email_folded", account_id, address),
    )
)


def account_members(
    context: Context,
    account: Account,
    filter: MemberFilter | None = None,
    order_by: MemberOrder | None = None,
) -> Listing:
    of_account, order = _of_account(account.id), _ORDERS[order_by or MemberOrder.JOINED]
    roles = filter.roles if filter else None
    inactive_since = filter.inactive_since if filter else None
    with_removed = bool(filter and filter.include_removed)
    common: list[BoundCondition] = [of_account]
    search = None
    if filter and folded(filter.search or ""):
        search = _search(context, account, filter.search or "")
    elif inactive_since is not None and order_by is not MemberOrder.LAST_ACTIVE:
        search, inactive_since = _inactive(account, inactive_since, roles, with_removed), None
    if inactive_since is not None:
        common.append(_inactive_since(inactive_since))
    if with_removed and roles != []:
        return Listing(Member, tuple(common), order, branches=_present_and_gone(roles), search=search)
    if search is not None:
        common += [] if with_removed else [_present()]
        common += [] if roles is None else [_in_roles(roles)]
        return Listing(Member, tuple(common), order, search=search)
    common.append(_present())
    if roles is None:
        return Listing(Member, tuple(common), order)
    in_roles, branches = each_of(roles, _in_role, _in_roles)
    return Listing(Member, (*common, *in_roles), order, branches=branches)


def _present_and_gone(roles: list[Role] | None) -> tuple[Branch, ...]:
    """One branch for each role of removed members, because their indexes begin with the role."""
    named = list(Role) if roles is None else list(dict.fromkeys(roles))
    gone = [Branch((_in_role(role), _gone())) for role in named]
    if roles is None:
        return Branch((_present(),)), *gone
    return *(Branch((_in_role(role), _present())) for role in named), *gone


def _search(context: Context, account: Account, text: str) -> Search:
    """Search by name, and also by address for viewers who may see addresses: for others a search would reveal
    them."""
    membership, search = context.membership(account.id), folded(text)
    if membership is not None and membership.may(Permission.INVITE_MEMBERS):
        address = folded_address(text)
        found = Branch((_has_grams(account.id, search, address),))
        return Search(_named_or_addressed(search, address), (found,))
    return Search(_named(search), (Branch((_has_name_grams(account.id, search),)),))


def _inactive(account: Account, moment: datetime, roles: list[Role] | None, with_removed: bool) -> Search:
    """Search for inactive members. Few of them are found by the index of the last activity, and sorted."""
    inactive = _inactive_since(moment)
    parts = [Branch((_present(),))]
    if with_removed:
        parts = list(_present_and_gone(roles or None))
    found = [Branch((_of_account(account.id), *part.where, inactive), is_few=True) for part in parts]
    return Search(inactive, tuple(found))


_EMAILS_OF_ROLES = Statement(
    lambda: (
        select(col(Member.email))
        .where(
            col(Member.account_id) == parameter("account_id"),
            Member.is_present(),
            any_of(col(Member.role), parameter("roles")),
        )
        .order_by(col(Member.is_owner).desc(), col(Member.joined_at), col(Member.id))
        .limit(_MOST_RECIPIENTS)
    )
)


async def emails_with(tx: Change, permission: Permission) -> list[str]:
    """Email addresses of the members of the change's account who have the permission, the owner's first."""
    return await emails_in(tx, tx.account.id, permission)


async def emails_in(writer: Writer, account_id: UUID, permission: Permission) -> list[str]:
    """The same outside of a change."""
    roles = roles_with(permission)
    return [row[0] for row in await writer.fetch(_EMAILS_OF_ROLES, account_id=account_id, roles=roles)]
