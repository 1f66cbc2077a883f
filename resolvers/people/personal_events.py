"""Sections of a person's document with audit events: those of which the person is the actor, and those of
others about the person. Each statement reads the log of one account."""

from sqlalchemy import ColumnElement, FromClause, all_, and_, case, cast, func, null, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import col

from engine.statements import any_of, parameter
from engine.tables import AnyExpression
from models.accounts import Account
from models.audit import AuditEvent, CredentialKind
from models.audit_actions import AuditAction
from models.members import Member
from resolvers.api_texts import global_id_text, utc_time
from resolvers.people.personal_fields import Fields, Section, credential_id, target_id


def _event() -> Fields:
    return {
        "id": global_id_text(AuditEvent, col(AuditEvent.id)),
        "accountId": global_id_text(Account, col(AuditEvent.account_id)),
        "sequence": col(AuditEvent.sequence),
        "occurredAt": utc_time(col(AuditEvent.occurred_at)),
        "action": col(AuditEvent.action),
        "outcome": col(AuditEvent.outcome),
        "summary": col(AuditEvent.summary),
        "actorKind": col(AuditEvent.actor_kind),
        "actorName": col(AuditEvent.actor_name),
        "targetType": col(AuditEvent.target_type),
        "targetId": target_id(col(AuditEvent.target_type), col(AuditEvent.target_id)),
        "targetName": col(AuditEvent.target_name),
    }


def _own_event() -> Fields:
    """All that the event says, except the hashes and what they are computed from."""
    details = func.audit_details(col(AuditEvent.details), col(AuditEvent.personal_details), type_=JSON())
    return {
        **_event(),
        "memberId": global_id_text(Member, col(AuditEvent.actor_member_id)),
        "credentialKind": col(AuditEvent.credential_kind),
        "credentialId": credential_id(col(AuditEvent.credential_kind), col(AuditEvent.credential_id)),
        "credentialLabel": col(AuditEvent.credential_label),
        "ip": col(AuditEvent.ip),
        "userAgent": col(AuditEvent.user_agent),
        "requestId": col(AuditEvent.request_id),
        "details": details,
    }


AUDIT_EVENTS = Section(
    "auditEvents",
    _own_event,
    lambda found: found.where(
        col(AuditEvent.account_id) == parameter("account_id"),
        col(AuditEvent.actor_member_id) == parameter("member_id"),
    ).order_by(col(AuditEvent.sequence)),
)


def _by_link(value: AnyExpression) -> ColumnElement[str | None]:
    """The value, if the event was caused by the link of an invitation to the person."""
    by_link = and_(
        col(AuditEvent.actor_member_id).is_(None),
        col(AuditEvent.credential_kind) == CredentialKind.INVITATION,
        any_of(col(AuditEvent.credential_id), parameter("subject_ids")),
    )
    return case((by_link, value), else_=null())


def _is_about_person() -> ColumnElement[bool]:
    """API calls, whose targets are in no index, are about the key of their own actor."""
    is_no_call = col(AuditEvent.action) != AuditAction.API_CALLED
    return and_(is_no_call, any_of(col(AuditEvent.target_id), parameter("subject_ids")))


def _is_by_another() -> ColumnElement[bool]:
    own = parameter("member_ids")._with_binary_element_type(ARRAY(POSTGRESQL_UUID))
    return func.coalesce(col(AuditEvent.actor_member_id) != all_(own), True)


def _named_ids() -> ColumnElement[object]:
    """Ids under which events name the person: those of its members, and the one of its address."""
    return cast(parameter("named_ids"), ARRAY(POSTGRESQL_UUID))


def _names_person() -> ColumnElement[bool]:
    return col(AuditEvent.named_ids).op("&&", is_comparison=True)(_named_ids())


def _names() -> FromClause:
    """Pairs of an id and the place in which the event names it, such as `details.holder.0`."""
    pairs = func.unnest(col(AuditEvent.named_ids), col(AuditEvent.named_fields))
    return pairs.table_valued("named_id", "place").render_derived(name="name")


def _named_in() -> ColumnElement[object]:
    names = _names()
    is_person = names.c.named_id == func.any(_named_ids())
    found = select(func.to_json(func.array_agg(names.c.place))).where(is_person)
    return found.scalar_subquery()


def _personal_details() -> ColumnElement[object]:
    """Texts of the personal details that name the person, by their places. Of an event about the person also
    those that name nobody else."""
    texts = func.audit_details_texts(col(AuditEvent.personal_details)).table_valued("place", "value")
    names = _names()
    of_place = names.c.place == texts.c.place
    is_person = names.c.named_id == func.any(_named_ids())
    named = select(names.c.place).where(of_place, is_person).exists()
    named_other = select(names.c.place).where(of_place, ~is_person).exists()
    found = select(func.json_object_agg(texts.c.place, texts.c.value)).where(
        or_(named, and_(_is_about_person(), ~named_other))
    )
    return found.select_from(texts).scalar_subquery()


AUDIT_EVENTS_BY_OTHERS = Section(
    "auditEventsByOthers",
    lambda: {
        **_event(),
        "ip": _by_link(col(AuditEvent.ip)),
        "userAgent": _by_link(col(AuditEvent.user_agent)),
        "details": col(AuditEvent.details),
        "personalDetails": _personal_details(),
        "namedIn": _named_in(),
    },
    lambda found: found.where(
        col(AuditEvent.account_id) == parameter("account_id"),
        or_(_is_about_person(), _names_person()),
        _is_by_another(),
    ).order_by(col(AuditEvent.sequence)),
)
