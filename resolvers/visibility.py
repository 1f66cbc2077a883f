"""Which rows of an account a member sees. Lists, counts and single look-ups all ask here."""

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import col

from models.audit import AuditEvent
from models.catalog import Theme
from models.licenses import License, LicenseStatus
from permissions.roles import Permission
from permissions.viewer import Membership
from resolvers.conditions import Bound, Condition

_active = Condition(lambda: _is_active())
_active_or_own = Condition(
    lambda member_id: or_(
        _is_active(),
        col(License.holder_id) == member_id,
        col(License.provisioned_by_id) == member_id,
    )
)
_on_offer = Condition(lambda: col(Theme.withdrawn_at).is_(None))


def licenses_seen_by(membership: Membership) -> list[Bound]:
    """All, for who may revoke them; those that are active and one's own; or those that are active."""
    if membership.may(Permission.REVOKE_LICENSES):
        return []
    if membership.may(Permission.PROVISION_LICENSES):
        return [_active_or_own(membership.member_id)]
    return [_active()]


def sees_license(membership: Membership, license: License) -> bool:
    """The same, of one that was found."""
    if membership.may(Permission.REVOKE_LICENSES):
        return True
    own = membership.member_id in (license.holder_id, license.provisioned_by_id)
    return license.status is LicenseStatus.ACTIVE or (own and membership.may(Permission.PROVISION_LICENSES))


def is_own_event(event: AuditEvent, membership: Membership) -> bool:
    return event.actor_member_id == membership.member_id


def themes_on_offer() -> Bound:
    return _on_offer()


def _is_active() -> ColumnElement[bool]:
    return and_(
        col(License.stored_status) == LicenseStatus.ACTIVE,
        or_(col(License.expires_at).is_(None), col(License.expires_at) > func.now()),
    )
