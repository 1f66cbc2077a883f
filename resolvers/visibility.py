"""Which rows of an account a member sees. Lists, counts and single look-ups all ask here."""

from sqlalchemy import ColumnElement, and_, or_, true
from sqlmodel import col

from models.audit import AuditEvent
from models.catalog import Theme
from models.columns import now
from models.licenses import License, LicenseStatus
from permissions.roles import Permission
from permissions.viewer import Membership


def licenses_seen_by(membership: Membership) -> ColumnElement[bool]:
    """All, for who may revoke them; those that are active and one's own; or those that are active."""
    if membership.may(Permission.REVOKE_LICENSES):
        return true()
    active = and_(
        col(License.stored_status) == LicenseStatus.ACTIVE,
        or_(col(License.expires_at).is_(None), col(License.expires_at) > now()),
    )
    if not membership.may(Permission.PROVISION_LICENSES):
        return active
    return or_(
        active,
        col(License.holder_id) == membership.member_id,
        col(License.provisioned_by_id) == membership.member_id,
    )


def is_own_event(event: AuditEvent, membership: Membership) -> bool:
    return event.actor_member_id == membership.member_id


def themes_on_offer() -> ColumnElement[bool]:
    return col(Theme.withdrawn_at).is_(None)
