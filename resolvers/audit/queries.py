"""Reads the audit log. Only `change.py` writes it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, ColumnElement, func, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col
from strawberry.utils.str_converters import to_snake_case

from engine.canonical_json import JSONObject
from engine.conditions import BoundCondition, Condition
from engine.errors import BadUserInput
from engine.pagination import Branch, Count, Listing, Order, each_of
from engine.row_reader import rows
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression
from models.accounts import Account
from models.api_keys import ApiKey
from models.audit import AuditEvent, AuditHead, AuditOutcome, CredentialKind
from models.audit_actions import AuditAction
from models.members import Member
from permissions.context import Context
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit.text_search import MOST_COUNTED as MOST_FOUND_COUNTED
from resolvers.audit.text_search import (
    denied_not_a_call,
    has_text,
    not_a_call,
    searched_text,
    text_search,
)
from resolvers.global_ids import PREFIXES, decode, decode_all, decode_credential
from resolvers.hosts import address_without_zone

Parts: TypeAlias = tuple[tuple[BoundCondition, ...], tuple[Branch, ...]]
"""Conditions, and branches, of a `Listing`."""

MOST_COUNTED = 100_000
_NEWEST = Order("sequence", (col(AuditEvent.sequence),), descending=True)
_OLDEST = Order("oldest", (col(AuditEvent.sequence),))

_of_account = Condition(lambda account_id: col(AuditEvent.account_id) == account_id)
_by_actor = Condition(lambda member_id: col(AuditEvent.actor_member_id) == member_id)
_by_actor_too = Condition(lambda member_id: (col(AuditEvent.actor_member_id) == member_id).is_(True))
_after = Condition(lambda sequence: col(AuditEvent.sequence) > sequence)
_action = Condition(lambda action: col(AuditEvent.action) == action)
_actions = Condition(lambda actions: any_of(col(AuditEvent.action), actions))
_by_actors = Condition(lambda member_ids: any_of(col(AuditEvent.actor_member_id), member_ids))
# Constants in the SQL text, so that the partial indexes of denied events are used.
_denied = Condition(lambda: col(AuditEvent.outcome) == AuditOutcome.DENIED)
_allowed = Condition(lambda: col(AuditEvent.outcome) == AuditOutcome.ALLOWED)
_from = Condition(lambda account_id, at: col(AuditEvent.sequence) >= _first_since(account_id, at))
_until = Condition(lambda account_id, at: col(AuditEvent.sequence) < _first_since(account_id, at))
_request = Condition(lambda request_id: col(AuditEvent.request_id) == request_id)
_api_key = Condition(lambda id: _is_by_key(id))
# A key has one member. Without this, a page of another member's events would read all events of the key.
_key_of = Condition(lambda account_id, id, member_id: _member_of_key(account_id, id) == member_id)
_ip = Condition(lambda ip: col(AuditEvent.ip) == ip)
_target_types = Condition(lambda types: any_of(col(AuditEvent.target_type), types))
_credential_kinds = Condition(lambda kinds: any_of(col(AuditEvent.credential_kind), kinds))
# API calls, which are most events of many logs, are in no index by target or kind of credential: their target
# is their key, and the rest is the same in all of them. They are found by their key or action. The constants
# let partial indexes be used.
_TYPE_OF_CALLS, _KIND_OF_CALLS = ApiKey.__name__, CredentialKind.API_KEY
_is_call = col(AuditEvent.action) == AuditAction.API_CALLED
_calls_by_target_type = Condition(lambda: _is_call & (col(AuditEvent.target_type) == _TYPE_OF_CALLS))
_calls_by_credential_kind = Condition(lambda: _is_call & (col(AuditEvent.credential_kind) == _KIND_OF_CALLS))
_calls_by_target = Condition(
    lambda id: _is_call.is_(True) & _is_by_key(id) & (col(AuditEvent.target_id) == id)
)
_others_by_target = Condition(lambda id: ~_is_call & (col(AuditEvent.target_id) == id))
_by_target = Condition(lambda id: _others_by_target.expression(id) | _calls_by_target.expression(id))
_others_by_target_type = Condition(lambda type: ~_is_call & (col(AuditEvent.target_type) == type))
_others_by_credential_kind = Condition(lambda kind: ~_is_call & (col(AuditEvent.credential_kind) == kind))
_none = Condition(lambda: literal_column("false", Boolean))
_head = Statement(
    lambda: select(col(AuditHead.sequence)).where(col(AuditHead.account_id) == parameter("account_id"))
)
_number = Statement(
    lambda: select(col(AuditHead.sequence) - _first_of(AuditHead.account_id) + 1).where(
        col(AuditHead.account_id) == parameter("account_id")
    )
)


def account_audit_log(context: Context, account: Account, filter: AuditLogFilter | None = None) -> Listing:
    return _listing(account.id, filter)


def member_activity(context: Context, member: Member, filter: AuditLogFilter | None = None) -> Listing:
    return _listing(member.account_id, filter, member.id)


def _listing(account_id: UUID, filter: AuditLogFilter | None, actor_id: UUID | None = None) -> Listing:
    where, branches = _filtered(account_id, filter, actor_id)
    count = None if where or branches else Count(_number, {"account_id": account_id})
    where = (_of_account(account_id), *where)
    text = searched_text(filter.text) if filter else ""
    if filter is None or not text:
        return Listing(AuditEvent, where, _NEWEST, count, MOST_COUNTED, branches)
    if any(getattr(filter, name) is not None for name in ("target_id", *_SELECTIVE)):
        return Listing(AuditEvent, (*where, has_text(text)), _NEWEST, None, MOST_COUNTED, branches)
    search = text_search(account_id, actor_id, text)
    return Listing(AuditEvent, (*where, not_a_call()), _NEWEST, None, MOST_FOUND_COUNTED, branches, search)


async def head_sequence(context: Context, account_id: UUID) -> int:
    """Sequence of the newest event."""
    found = await context.database.fetch(_head.sql, account_id)
    return int(found[0][0]) if found else 0


async def events_after(context: Context, account_id: UUID, sequence: int, most: int) -> list[AuditEvent]:
    where = (_of_account(account_id), _after(sequence))
    return await rows(context.database, AuditEvent, *where, order=_OLDEST, limit=most)


def audit_conditions(account_id: UUID, filter: AuditLogFilter) -> tuple[BoundCondition, ...]:
    """Conditions of all fields of a filter, for reports.

    Raises `BadUserInput` for an invalid id.
    """
    names = [name for name in _CONDITIONS if name != "text" or searched_text(filter.text)]
    return _conditions(account_id, filter, names)


def audit_filter_of_json(json: JSONObject) -> AuditLogFilter:
    """A filter that was stored as JSON, with GraphQL's names and times as text."""
    values = {to_snake_case(name): value for name, value in json.items()}
    for name in ("occurred_from", "occurred_until"):
        if isinstance(values.get(name), str):
            values[name] = datetime.fromisoformat(values[name])
    return AuditLogFilter(**values)


def _conditions(account_id: UUID, filter: AuditLogFilter, names: Iterable[str]) -> tuple[BoundCondition, ...]:
    values = ((name, getattr(filter, name)) for name in names)
    return tuple(_CONDITIONS[name](account_id, value) for name, value in values if value is not None)


def _filtered(account_id: UUID, filter: AuditLogFilter | None, actor_id: UUID | None = None) -> Parts:
    """Chooses the filter whose index is used. The other filters are compared row by row, and `text` is not
    among them."""
    if filter is None:
        return (() if actor_id is None else (_by_actor(actor_id),)), ()
    with_calls = not searched_text(filter.text)
    where = _conditions(account_id, filter, _SELECTIVE)
    branches: tuple[Branch, ...] = ()
    if filter.target_id is not None:
        one, branches = _by_target_id(filter.target_id)
        where = (*where, *one)
    is_narrow = bool(where or branches)
    if actor_id is not None:
        where = (*where, (_by_actor_too if is_narrow else _by_actor)(actor_id))
        if filter.api_key_id is not None:
            where = (*where, _key_of(account_id, _credential_id(filter.api_key_id), actor_id))
    for name, narrowing in _NARROWING.items():
        values = getattr(filter, name)
        if values is None:
            continue
        if is_narrow or (name == "actor_ids" and actor_id is not None):
            where = (*where, *_conditions(account_id, filter, [name]))
        else:
            one, branches = narrowing(values, with_calls)
            where, is_narrow = (*where, *one), True
    if filter.outcome is AuditOutcome.DENIED and not (with_calls or is_narrow or actor_id):
        where = (*where, denied_not_a_call())
    return (*where, *_conditions(account_id, filter, _LAST)), branches


def _by_target_id(global_id: str) -> Parts:
    table, id = _decoded(global_id, "targetId")
    if table is not ApiKey:
        return (_others_by_target(id),), ()
    return (), (Branch((_others_by_target(id),)), Branch((_calls_by_target(id),)))


def _by_actions(actions: Sequence[AuditAction], with_calls: bool) -> Parts:
    if not with_calls:
        actions = [action for action in actions if action is not AuditAction.API_CALLED]
    return each_of(actions, _action, _actions) if actions else ((_none(),), ())


def _by_target_types(names: Sequence[str], with_calls: bool) -> Parts:
    types = _known_types(names)
    where, branches = each_of(types, _others_by_target_type, _target_types)
    if _TYPE_OF_CALLS not in types or not with_calls:
        return where, branches
    return (), (Branch((_calls_by_target_type(),)), *(branches or (Branch(where),)))


def _by_credential_kinds(kinds: Sequence[CredentialKind], with_calls: bool) -> Parts:
    where, branches = each_of(kinds, _others_by_credential_kind, _credential_kinds)
    if _KIND_OF_CALLS not in kinds or not with_calls:
        return where, branches
    return (), (Branch((_calls_by_credential_kind(),)), *(branches or (Branch(where),)))


def _first_of(account_id: AnyExpression | UUID) -> ColumnElement[int]:
    """Sequence of the oldest event that was not pruned. From there on sequences have no gaps."""
    event = aliased(AuditEvent)
    return (
        select(col(event.sequence))
        .where(col(event.account_id) == account_id)
        .order_by(col(event.sequence))
        .limit(1)
        .scalar_subquery()
    )


def _first_since(account_id: AnyExpression, at: AnyExpression) -> ColumnElement[int]:
    """Sequence of the first event at or after a time, computed once for a statement."""
    return select(func.audit_first_since(account_id, at, type_=BigInteger)).scalar_subquery()


def _is_by_key(id: AnyExpression) -> ColumnElement[bool]:
    is_key = col(AuditEvent.credential_kind) == CredentialKind.API_KEY
    return is_key & (col(AuditEvent.credential_id) == id)


def _member_of_key(account_id: AnyExpression, id: AnyExpression) -> ColumnElement[UUID]:
    of_key = (col(ApiKey.account_id) == account_id) & (col(ApiKey.id) == id)
    return select(col(ApiKey.member_id)).where(of_key).scalar_subquery()


def _actor_ids(global_ids: Sequence[str]) -> list[UUID]:
    return decode_all(Member, global_ids, "actorIds")


def _address(text: str) -> str:
    """Address in the log's form: IPv4-mapped IPv6 addresses as IPv4."""
    try:
        address = address_without_zone(text.strip()[:100])
    except ValueError:
        raise BadUserInput("`ip` is not an IP address, such as 192.0.2.1 or 2001:db8::1.") from None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _known_types(names: Sequence[str]) -> Sequence[str]:
    if not _TYPES.issuperset(names):
        raise BadUserInput(f"`targetTypes` has a name that is not one of {', '.join(sorted(_TYPES))}.")
    return names


def _decoded(global_id: str, argument: str) -> tuple[type[SQLModel], UUID]:
    decoded = decode(global_id)
    if decoded is None:
        raise BadUserInput(f"`{argument}` is not an id: use one that this API returned.")
    return decoded


def _credential_id(global_id: str) -> UUID:
    id = decode_credential(CredentialKind.API_KEY, global_id)
    if id is None:
        raise BadUserInput("`apiKeyId` is not the id of an API key: use one that this API returned.")
    return id


_CONDITIONS: Mapping[str, Callable[[UUID, Any], BoundCondition]] = {
    "actions": lambda _, actions: _actions(actions),
    "actor_ids": lambda _, ids: _by_actors(_actor_ids(ids)),
    "target_id": lambda _, id: _by_target(_decoded(id, "targetId")[1]),
    "outcome": lambda _, outcome: _denied() if outcome == AuditOutcome.DENIED else _allowed(),
    "occurred_from": _from,
    "occurred_until": _until,
    "request_id": lambda _, id: _request(id),
    "api_key_id": lambda _, id: _api_key(_credential_id(id)),
    "ip": lambda _, ip: _ip(_address(ip)),
    "target_types": lambda _, names: _target_types(_known_types(names)),
    "credential_kinds": lambda _, kinds: _credential_kinds(kinds),
    "text": lambda _, text: has_text(searched_text(text)),
}
"""Condition for each field of `AuditLogFilter`."""

_SELECTIVE = ("request_id", "api_key_id", "ip")
"""The filters that leave few events, like the one by target."""

_LAST = ("outcome", "occurred_from", "occurred_until")
"""The filters that are combined with any index."""

_NARROWING: Mapping[str, Callable[[Any, bool], Parts]] = {
    "actor_ids": lambda ids, _: each_of(_actor_ids(ids), _by_actor, _by_actors),
    "actions": _by_actions,
    "target_types": _by_target_types,
    "credential_kinds": _by_credential_kinds,
}
"""Parts of the log, with or without API calls, each with an index, by the other filters that have some. The
first one that is set is used."""

_TYPES = frozenset(table.__name__ for table in PREFIXES)
"""Names of the types that events can concern."""
