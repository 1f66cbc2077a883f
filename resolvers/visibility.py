"""Rows of an account that a member may see. Lists, counts and single lookups all use it."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col

from engine.conditions import BoundCondition, Condition
from engine.pagination import Branch
from engine.tables import AnyExpression
from models.api_keys import ApiKey
from models.catalog import Theme
from models.licenses import LIVE, License, LicenseStatus
from permissions.roles import Permission
from permissions.viewer import Membership


class Visibility(NamedTuple):
    """Visible licenses, as conditions of a row, and as branches of a list without other filters."""

    where: tuple[BoundCondition, ...] = ()
    branches: tuple[Branch, ...] = ()


_active = Condition(License.is_active)
_active_or_own = Condition(lambda member_id: or_(License.is_active(), _is_own(member_id)))
_held_and_over = Condition(lambda member_id: and_(col(License.holder_id) == member_id, ~License.is_active()))
_provisioned_and_over = Condition(
    lambda member_id: and_(
        col(License.provisioned_by_id) == member_id, col(License.holder_id) != member_id, ~License.is_active()
    )
)
_stored = Condition(lambda status: col(License.stored_status) == status)
_in_time = Condition(License.is_in_time)
_due = Condition(License.is_due)
_api_keys_of = Condition(lambda member_id: col(ApiKey.member_id) == member_id)
_on_offer = Condition(lambda: col(Theme.withdrawn_at).is_(None))


def licenses_visible_to(membership: Membership) -> Visibility:
    """All licenses for members who may revoke them; otherwise the active ones and, for Members, their own."""
    if membership.may(Permission.REVOKE_LICENSES):
        return Visibility()
    active = states([LicenseStatus.ACTIVE])
    if not membership.may(Permission.PROVISION_LICENSES):
        return Visibility((_active(),), active)
    me = membership.member_id
    own = Branch((_held_and_over(me),)), Branch((_provisioned_and_over(me),))
    return Visibility((_active_or_own(me),), (*active, *own))


def states(statuses: Sequence[LicenseStatus]) -> tuple[Branch, ...]:
    """Branches for licenses whose current status is one of these. Each status has an index."""
    return tuple(branch for status in dict.fromkeys(statuses) for branch in _in_state(status))


def _in_state(status: LicenseStatus) -> tuple[Branch, ...]:
    stored = _stored(status.value)
    if status in LIVE:
        return (Branch((stored, _in_time())),)
    if status is LicenseStatus.EXPIRED:
        return Branch((stored,)), Branch((_due(),), is_few=True)
    return (Branch((stored,)),)


def sees_license(membership: Membership, license: License) -> bool:
    """The same rule for one license."""
    if membership.may(Permission.REVOKE_LICENSES):
        return True
    own = membership.member_id in (license.holder_id, license.provisioned_by_id)
    return license.status is LicenseStatus.ACTIVE or (own and membership.may(Permission.PROVISION_LICENSES))


def api_keys_visible_to(membership: Membership) -> tuple[BoundCondition, ...]:
    """All keys for members who may generate them; otherwise their own."""
    if membership.may(Permission.GENERATE_API_KEYS):
        return ()
    return (_api_keys_of(membership.member_id),)


def themes_on_offer() -> BoundCondition:
    return _on_offer()


def _is_own(member_id: AnyExpression) -> ColumnElement[bool]:
    return or_(col(License.holder_id) == member_id, col(License.provisioned_by_id) == member_id)
