"""Whether the viewer may provision a theme: the checks of `provisionLicense`, for many themes at once."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlmodel import col

from engine.row_loader import loaded
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.catalog import Theme
from models.licenses import Entitlement, License, LicenseStatus
from models.member_limits import MemberLimits
from permissions.context import Context
from permissions.roles import Permission, has_member_limits
from resolvers.global_ids import decode_as


async def viewer_can_provision(context: Context, theme: Theme, global_id: str) -> bool:
    """Whether the viewer may provision the theme in the account now, and hold the license itself. One
    statement answers for all themes that are loaded at the same time."""
    account_id = decode_as(Account, global_id)
    membership = context.membership(account_id) if account_id else None
    if membership is None or not membership.may_change(Permission.PROVISION_LICENSES):
        return False
    statement = _PROVISIONABLE[has_member_limits(membership.role)]
    of_viewer = {"account_id": membership.account_id, "member_id": membership.member_id}

    async def fetch(theme_ids: list[UUID]) -> list[bool]:
        arguments = statement.arguments(theme_ids=theme_ids, **of_viewer)
        records = await context.database.fetch(statement.sql, *arguments)
        provisionable = {id for (id,) in records}
        return [id in provisionable for id in theme_ids]

    return await loaded(context, (viewer_can_provision, account_id), fetch, theme.id)


def _provisionable(*, limited: bool) -> AnySelect:
    """Themes with a purchased license left, within the limits of the account and of the member."""
    account_id = parameter("account_id")
    due = exists().where(
        col(License.account_id) == account_id,
        col(License.theme_id) == col(Entitlement.theme_id),
        License.is_due(),
    )
    most = col(Account.max_active_licenses)
    return (
        select(col(Entitlement.theme_id))
        .join(Account, col(Account.id) == col(Entitlement.account_id))
        .where(
            col(Entitlement.account_id) == account_id,
            any_of(col(Entitlement.theme_id), parameter("theme_ids")),
            or_(col(Entitlement.provisioned) < col(Entitlement.purchased), due),
            or_(most.is_(None), _active().scalar_subquery() < most),
            ~_beyond_member_limits() if limited else true(),
        )
    )


def _active(*where: ColumnElement[bool]) -> AnySelect:
    return select(func.count()).where(
        col(License.account_id) == parameter("account_id"),
        License.status_now() == LicenseStatus.ACTIVE,
        *where,
    )


def _beyond_member_limits() -> ColumnElement[bool]:
    member_id = parameter("member_id")
    held = _active(col(License.holder_id) == member_id).scalar_subquery()
    return exists().where(
        and_(
            col(MemberLimits.account_id) == parameter("account_id"), col(MemberLimits.member_id) == member_id
        ),
        or_(
            MemberLimits.forbid_theme(col(Entitlement.theme_id)),
            func.coalesce(held >= col(MemberLimits.max_active_licenses), False),
        ),
    )


_PROVISIONABLE = {
    True: Statement(lambda: _provisionable(limited=True)),
    False: Statement(lambda: _provisionable(limited=False)),
}
