"""Sections of the document with a person's data, except the audit events: which rows each has, and which
fields. `docs/reference/personal-data.md` describes the fields."""

from typing import Any

from sqlalchemy import ColumnElement, and_, any_, case, cast, func, null, or_, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.types import Text
from sqlmodel import col

from engine.statements import any_of, parameter
from engine.tables import AnyExpression, AnySelect
from models.accounts import Account
from models.api_keys import ApiKey
from models.audit_streams import AuditStream
from models.catalog import Theme
from models.invitations import Invitation
from models.licenses import License
from models.member_limits import MemberLimits
from models.members import Member, User
from models.sessions import Session, SignInLink, UnrecordedSignIn
from resolvers.api_texts import global_id_text, utc_time
from resolvers.people.personal_fields import (
    Fields,
    Section,
    account_of,
    in_accounts,
    mine,
    of_account,
    relations,
)

_PERSON = "rows of a person, in whichever account they are"
_ADDRESS = "rows with the address of a person, in whichever account they are"


def _of_user(statement: AnySelect) -> AnySelect:
    return statement.select_from(User).where(col(User.id) == parameter("user_id"))


# `generatedAt`, the time of the snapshot, is moved to the beginning of the document.
USER = Section(
    "user",
    lambda: {
        "id": global_id_text(User, col(User.id)),
        "email": col(User.email),
        "name": col(User.name),
        "createdAt": utc_time(col(User.created_at)),
        "generatedAt": utc_time(func.now()),
    },
    _of_user,
)

SESSIONS = Section(
    "sessions",
    lambda: {
        "id": global_id_text(Session, col(Session.id)),
        "createdAt": utc_time(col(Session.created_at)),
        "lastUsedAt": utc_time(col(Session.last_used_at)),
        "expiresAt": utc_time(col(Session.expires_at)),
        "endsAt": utc_time(col(Session.ends_at)),
        "endedAt": utc_time(col(Session.ended_at)),
        "ip": col(Session.ip),
        "userAgent": col(Session.user_agent),
    },
    lambda found: found.where(col(Session.user_id) == parameter("user_id")).order_by(col(Session.id)),
)

UNRECORDED_SIGN_INS = Section(
    "unrecordedSignIns",
    lambda: {
        "sessionId": global_id_text(Session, col(UnrecordedSignIn.session_id)),
        "accounts": func.cardinality(col(UnrecordedSignIn.account_ids)),
        "requestId": col(UnrecordedSignIn.request_id),
    },
    lambda found: (
        found.select_from(UnrecordedSignIn)
        .join(Session, col(Session.id) == col(UnrecordedSignIn.session_id))
        .where(col(Session.user_id) == parameter("user_id"))
        .order_by(col(UnrecordedSignIn.session_id))
    ),
)

SIGN_IN_LINKS = Section(
    "signInLinks",
    lambda: {
        "email": col(SignInLink.email),
        "createdAt": utc_time(col(SignInLink.created_at)),
        "expiresAt": utc_time(col(SignInLink.expires_at)),
        "usedAt": utc_time(col(SignInLink.used_at)),
        "wrongAddresses": col(SignInLink.wrong_addresses),
    },
    lambda found: found.where(col(SignInLink.email) == parameter("email")).order_by(
        col(SignInLink.created_at)
    ),
)


def _theme_names(theme_ids: AnyExpression) -> ColumnElement[Any]:
    """The names as a JSON array, or NULL where the ids are."""
    names = func.array_agg(aggregate_order_by(col(Theme.name), col(Theme.name_key)))
    found = select(func.coalesce(names, text("'{}'"))).where(col(Theme.id) == any_(theme_ids))
    return case((theme_ids.is_not(None), func.to_json(found.scalar_subquery())), else_=null())


MEMBERSHIPS = Section(
    "memberships",
    lambda: {
        "id": global_id_text(Member, col(Member.id)),
        "account": account_of(Member),
        "name": col(Member.name),
        "email": col(Member.email),
        "role": col(Member.role),
        "isOwner": col(Member.is_owner),
        "joinedAt": utc_time(col(Member.joined_at)),
        "lastActiveAt": utc_time(col(Member.last_active_at)),
        "removedAt": utc_time(col(Member.removed_at)),
        "accessUntil": utc_time(col(Member.access_until)),
        "maxActiveLicenses": col(MemberLimits.max_active_licenses),
        "themes": _theme_names(col(MemberLimits.theme_ids)),
        "sessionsValidFrom": utc_time(col(Member.sessions_valid_from)),
    },
    lambda found: (
        found.select_from(Member)
        .join(Account, of_account(Member))
        .outerjoin(
            MemberLimits,
            and_(
                col(MemberLimits.account_id) == col(Member.account_id),
                col(MemberLimits.member_id) == col(Member.id),
            ),
        )
        .where(col(Member.user_id) == parameter("user_id"))
        .order_by(col(Member.id))
    ),
    across_accounts=_PERSON,
)


def _present(column: AnyExpression) -> ColumnElement[bool]:
    """Condition: the column has the id of one of the person's members that have not left."""
    return any_of(column, parameter("present_member_ids"))


def _hidden_unless(condition: ColumnElement[bool], fields: Fields, *names: str) -> Fields:
    """The fields, of which the named ones are null unless the condition holds: a person who has left an
    account does not learn what happened there since to what it once did."""
    return {**fields, **{name: case((condition, fields[name]), else_=null()) for name in names}}


def _invitation_sent() -> Fields:
    later = ("status", "acceptedAt", "delivery", "deliveryError", "sentAt")
    return _hidden_unless(_present(col(Invitation.invited_by_id)), _invitation(), *later)


def _invitation() -> Fields:
    return {
        "id": global_id_text(Invitation, col(Invitation.id)),
        "account": account_of(Invitation),
        "email": col(Invitation.email),
        "role": col(Invitation.role),
        "message": col(Invitation.message),
        "status": Invitation.status_now(),
        "invitedBy": col(Member.name),
        "createdAt": utc_time(col(Invitation.created_at)),
        "expiresAt": utc_time(col(Invitation.expires_at)),
        "accessUntil": utc_time(col(Invitation.access_until)),
        "acceptedAt": utc_time(col(Invitation.accepted_at)),
        "emails": col(Invitation.emails),
        "delivery": col(Invitation.delivery),
        "deliveryError": col(Invitation.delivery_error),
        "sentAt": utc_time(col(Invitation.sent_at)),
    }


def _invitations(found: AnySelect, *where: ColumnElement[bool]) -> AnySelect:
    same = col(Member.account_id) == col(Invitation.account_id)
    inviter = and_(same, col(Member.id) == col(Invitation.invited_by_id))
    joined = found.select_from(Invitation).join(Account, of_account(Invitation)).join(Member, inviter)
    return joined.where(*where).order_by(col(Invitation.id))


def accepted_by_person() -> ColumnElement[bool]:
    """Condition: a member of the person accepted the invitation."""
    return and_(in_accounts(Invitation), mine(col(Invitation.accepted_by_id)))


INVITATIONS_RECEIVED = Section(
    "invitationsReceived",
    _invitation,
    lambda found: _invitations(
        found,
        or_(
            col(Invitation.email) == parameter("email"),
            accepted_by_person(),
        ),
    ),
    across_accounts=_ADDRESS,
)
INVITATIONS_SENT = Section(
    "invitationsSent",
    _invitation_sent,
    lambda found: _invitations(found, in_accounts(Invitation), mine(col(Invitation.invited_by_id))),
)


def _of_own_key(value: ColumnElement[str]) -> ColumnElement[str | None]:
    return case((mine(col(ApiKey.member_id)), value), else_=null())


def _api_key() -> Fields:
    fields: Fields = {
        "id": global_id_text(ApiKey, col(ApiKey.id)),
        "account": account_of(ApiKey),
        "relations": relations(
            MEMBER=col(ApiKey.member_id),
            CREATOR=col(ApiKey.created_by_id),
            REVOKER=col(ApiKey.revoked_by_id),
        ),
        "name": col(ApiKey.name),
        "prefix": col(ApiKey.prefix),
        "scopes": func.to_json(col(ApiKey.scopes)),
        "allowedNetworks": func.to_json(col(ApiKey.allowed_networks)),
        "status": ApiKey.status_now(),
        "createdAt": utc_time(col(ApiKey.created_at)),
        "claimExpiresAt": utc_time(col(ApiKey.claim_expires_at)),
        "claimedAt": utc_time(col(ApiKey.claimed_at)),
        "previousExpiresAt": utc_time(col(ApiKey.previous_expires_at)),
        "expiresAt": utc_time(col(ApiKey.expires_at)),
        "expiryNotifiedAt": utc_time(col(ApiKey.expiry_notified_at)),
        "revokedAt": utc_time(col(ApiKey.revoked_at)),
        "lastUsedAt": _of_own_key(utc_time(col(ApiKey.last_used_at))),
        "lastUsedIp": _of_own_key(cast(col(ApiKey.last_used_ip), Text)),
    }
    is_own = or_(
        mine(col(ApiKey.member_id)), mine(col(ApiKey.revoked_by_id)), _present(col(ApiKey.created_by_id))
    )
    later = ("status", "claimedAt", "previousExpiresAt", "expiryNotifiedAt", "revokedAt")
    return _hidden_unless(is_own, fields, *later)


API_KEYS = Section(
    "apiKeys",
    _api_key,
    lambda found: (
        found.select_from(ApiKey)
        .join(Account, of_account(ApiKey))
        .where(
            in_accounts(ApiKey),
            or_(
                mine(col(ApiKey.member_id)),
                mine(col(ApiKey.created_by_id)),
                mine(col(ApiKey.revoked_by_id)),
            ),
        )
        .order_by(col(ApiKey.id))
    ),
)


def _visible_key() -> ColumnElement[str | None]:
    """The license's key, where the person holds the license and may see it now: see
    `resolvers/visibility.py`."""
    holder_id = col(License.holder_id)
    sees_own = any_of(holder_id, parameter("provisioning_member_ids"))
    sees_active = and_(any_of(holder_id, parameter("present_member_ids")), License.is_active())
    return case((or_(sees_own, sees_active), col(License.key)), else_=null())


def _license() -> Fields:
    fields: Fields = {
        "id": global_id_text(License, col(License.id)),
        "account": account_of(License),
        "relations": relations(
            HOLDER=col(License.holder_id),
            PROVISIONER=col(License.provisioned_by_id),
            REVOKER=col(License.revoked_by_id),
        ),
        "theme": col(Theme.name),
        "site": col(License.site),
        "key": _visible_key(),
        "status": License.status_now(),
        "provisionedAt": utc_time(col(License.provisioned_at)),
        "expiresAt": utc_time(col(License.expires_at)),
        "revokedAt": utc_time(col(License.revoked_at)),
        "revokedReason": col(License.revoked_reason),
        "lastDownloadedAt": utc_time(col(License.last_downloaded_at)),
        "lastVerifiedAt": utc_time(col(License.last_verified_at)),
        "lastVerifiedSite": col(License.last_verified_site),
        "installedVersion": col(License.installed_version),
    }
    is_own = or_(
        mine(col(License.revoked_by_id)),
        _present(col(License.holder_id)),
        any_of(col(License.provisioned_by_id), parameter("provisioning_member_ids")),
    )
    return _hidden_unless(
        is_own,
        fields,
        *("status", "revokedAt", "revokedReason", "lastDownloadedAt"),
        *("lastVerifiedAt", "lastVerifiedSite", "installedVersion"),
    )


LICENSES = Section(
    "licenses",
    _license,
    lambda found: (
        found.select_from(License)
        .join(Account, of_account(License))
        .join(Theme, col(Theme.id) == col(License.theme_id))
        .where(
            in_accounts(License),
            or_(
                mine(col(License.holder_id)),
                mine(col(License.provisioned_by_id)),
                mine(col(License.revoked_by_id)),
            ),
        )
        .order_by(col(License.id))
    ),
)

AUDIT_STREAMS = Section(
    "auditStreams",
    lambda: {
        "id": global_id_text(AuditStream, col(AuditStream.id)),
        "account": account_of(AuditStream),
        "createdAt": utc_time(col(AuditStream.created_at)),
        "deletedAt": utc_time(col(AuditStream.deleted_at)),
    },
    lambda found: (
        found.select_from(AuditStream)
        .join(Account, of_account(AuditStream))
        .where(in_accounts(AuditStream), mine(col(AuditStream.created_by_id)))
        .order_by(col(AuditStream.id))
    ),
)
