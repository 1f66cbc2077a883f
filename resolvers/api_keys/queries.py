from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.conditions import BoundCondition, Condition
from engine.pagination import Branch, Listing, Order, narrowed
from engine.pauses import with_pauses
from engine.row_loader import load
from engine.snapshots import columns
from engine.statements import Statement, any_of, parameter
from models.accounts import Account
from models.api_keys import ApiKey, ApiScope
from models.audit_actions import AuditAction
from models.columns import now
from models.members import Member
from models.new_event import PersonName
from permissions.context import Context
from permissions.credentials import refusal_of_api_key
from permissions.roles import Permission, permissions_within
from resolvers.api_keys.inputs import ApiKeyFilter
from resolvers.change import Change
from resolvers.events import Actor
from resolvers.global_ids import decode_all
from resolvers.visibility import api_keys_visible_to

_AT_ONCE = 500
"""Number of keys after which the event loop may serve other requests."""
_NEWEST = Order("newest", (col(ApiKey.created_at), col(ApiKey.id)), descending=True)

_of_account = Condition(lambda account_id: col(ApiKey.account_id) == account_id)
_of_member = Condition(lambda member_id: col(ApiKey.member_id) == member_id)
_of_members = Condition(lambda member_ids: any_of(col(ApiKey.member_id), member_ids))
_in_states = Condition(lambda statuses: any_of(ApiKey.status_now(), statuses))


def account_api_keys(context: Context, account: Account, filter: ApiKeyFilter | None = None) -> Listing:
    where: tuple[BoundCondition, ...] = api_keys_visible_to(context.signed_in().memberships[account.id])
    branches: tuple[Branch, ...] = ()
    if filter and filter.member_ids is not None:
        members = decode_all(Member, filter.member_ids, "memberIds")
        where, branches = narrowed(where, branches, members, _of_member, _of_members)
    if filter and filter.statuses is not None:
        where = (*where, _in_states(filter.statuses))
    return Listing(ApiKey, (_of_account(account.id), *where), _NEWEST, branches=branches)


async def effective_permissions(context: Context, key: ApiKey) -> list[Permission]:
    """Empty for a key that cannot be used, also because its member's role has no API access."""
    member = await load(context, Member, key.member_id, account_id=key.account_id)
    if refusal_of_api_key(key.status, member.role, has_ended=member.has_ended) is not None:
        return []
    return permissions_within(member.role, [ApiScope(scope) for scope in key.scopes])


async def end_api_keys(
    tx: Change, members: Sequence[Member], actor: Actor | None = None
) -> dict[UUID, list[ApiKey]]:
    """Revokes all keys of members who are leaving, claimed or not, and returns them by the member's id. The
    email about the removal names them. `actor` is that of the change if omitted."""
    by_id = {member.id: member for member in members}
    keys = await tx.rows(ApiKey, _WORKING, account_id=tx.account.id, member_ids=list(by_id))
    by = tx.member
    ended: dict[UUID, list[ApiKey]] = {id: [] for id in by_id}
    revoked = await tx.update_all(keys, revoked_by_id=by and by.id, revoked_at=now())
    async for key in with_pauses(revoked, every=_AT_ONCE):
        member = by_id[key.member_id]
        ended[member.id].append(key)
        tx.record(
            key,
            key.name,
            f"revoked the API key {key.name} of {member.name}",
            action=AuditAction.API_KEY_REVOKED,
            actor=actor,
            member=PersonName(member),
            prefix=key.prefix,
        )
    return ended


_WORKING = Statement(
    lambda: (
        select(*columns(ApiKey))
        .where(
            col(ApiKey.account_id) == parameter("account_id"),
            any_of(col(ApiKey.member_id), parameter("member_ids")),
            ApiKey.works_or_may_yet(),
        )
        .order_by(col(ApiKey.created_at), col(ApiKey.id))
    )
)
