"""Reading the audit log. Writing it is `change.py`'s alone."""

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models.accounts import Account
from models.audit import AuditEvent, AuditHead, AuditOutcome, CredentialKind
from models.members import Member
from models.statements import Statement, any_of, parameter
from permissions.context import Context
from permissions.errors import BadUserInput
from resolvers.conditions import Bound, Condition
from resolvers.global_ids import decode, decode_all, decode_credential
from resolvers.pages import Count, Listing, Order
from resolvers.rows import rows

if TYPE_CHECKING:
    from schema.audit import AuditLogFilter

MOST_COUNTED = 100_000
_NEWEST = Order("sequence", (col(AuditEvent.sequence),), descending=True)
_OLDEST = Order("oldest", (col(AuditEvent.sequence),))

_of_account = Condition(lambda account_id: col(AuditEvent.account_id) == account_id)
_by_actor = Condition(lambda member_id: col(AuditEvent.actor_member_id) == member_id)
_after = Condition(lambda sequence: col(AuditEvent.sequence) > sequence)
_actions = Condition(lambda actions: any_of(col(AuditEvent.action), actions))
_actors = Condition(lambda member_ids: any_of(col(AuditEvent.actor_member_id), member_ids))
_target = Condition(lambda id: col(AuditEvent.target_id) == id)
_denied = Condition(lambda: col(AuditEvent.outcome) == AuditOutcome.DENIED)
_allowed = Condition(lambda: col(AuditEvent.outcome) == AuditOutcome.ALLOWED)
_from = Condition(lambda at: col(AuditEvent.occurred_at) >= at)
_until = Condition(lambda at: col(AuditEvent.occurred_at) < at)
_request = Condition(lambda request_id: col(AuditEvent.request_id) == request_id)
_api_key = Condition(
    lambda id: (
        (col(AuditEvent.credential_kind) == CredentialKind.API_KEY) & (col(AuditEvent.credential_id) == id)
    )
)
_ip = Condition(lambda ip: col(AuditEvent.ip) == ip)
_head = Statement(
    lambda: select(col(AuditHead.sequence)).where(col(AuditHead.account_id) == parameter("account_id"))
)


def account_audit_log(context: Context, account: Account, filter: "AuditLogFilter | None" = None) -> Listing:
    where = _where(filter)
    head = None if where else Count(_head, {"account_id": account.id})
    return Listing(AuditEvent, (_of_account(account.id), *where), _NEWEST, head, MOST_COUNTED)


def member_activity(context: Context, member: Member, filter: "AuditLogFilter | None" = None) -> Listing:
    where = (_of_account(member.account_id), _by_actor(member.id), *_where(filter))
    return Listing(AuditEvent, where, _NEWEST, None, MOST_COUNTED)


async def head_sequence(context: Context, account_id: UUID) -> int:
    """How many events there are: they are numbered without a gap."""
    found = await context.database.fetch(_head.sql, account_id)
    return int(found[0][0]) if found else 0


async def events_after(context: Context, account_id: UUID, sequence: int, most: int) -> list[AuditEvent]:
    where = (_of_account(account_id), _after(sequence))
    return await rows(context.database, AuditEvent, *where, order=_OLDEST, limit=most)


def _where(filter: "AuditLogFilter | None") -> list[Bound]:
    if filter is None:
        return []
    where: list[Bound] = []
    if filter.actions is not None:
        where.append(_actions(filter.actions))
    if filter.actor_ids is not None:
        where.append(_actors(decode_all(Member, filter.actor_ids, "actorIds")))
    if filter.target_id is not None:
        where.append(_target(_decoded(filter.target_id, "targetId")))
    if filter.outcome is not None:
        where.append(_denied() if filter.outcome is AuditOutcome.DENIED else _allowed())
    if filter.occurred_from is not None:
        where.append(_from(filter.occurred_from))
    if filter.occurred_until is not None:
        where.append(_until(filter.occurred_until))
    if filter.request_id is not None:
        where.append(_request(filter.request_id))
    if filter.api_key_id is not None:
        where.append(_api_key(_credential_id(filter.api_key_id)))
    if filter.ip is not None:
        where.append(_ip(filter.ip))
    return where


def _decoded(global_id: str, argument: str) -> UUID:
    decoded = decode(global_id)
    if decoded is None:
        raise BadUserInput(f"`{argument}` is no id: use one that this API gave.")
    return decoded[1]


def _credential_id(global_id: str) -> UUID:
    id = decode_credential(CredentialKind.API_KEY, global_id)
    if id is None:
        raise BadUserInput("`apiKeyId` is no API key's id: use one that this API gave.")
    return id
