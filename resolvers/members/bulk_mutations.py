"""Changes the roles of many members, and removes many, each in one transaction.

Each member has an outcome of its own, and those that can be changed are changed together. A process that dies
has changed nothing, and a request that is repeated finds the members as requested.
"""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from models.audit import AuditAction
from models.members import Member, Role
from permissions.context import Context
from resolvers.accounts.queries import account_id_of
from resolvers.change import Change, change
from resolvers.global_ids import decode_as
from resolvers.members.emails import Notice, enqueue_notices
from resolvers.members.inputs import ChangeMemberRolesInput, RemoveMembersInput
from resolvers.members.mutations import (
    AT_ONCE,
    OWNER_IS_ADMIN,
    OWNER_STAYS,
    end_memberships,
    heir_of,
    owner_protected,
    record_role,
)
from resolvers.members.outcomes import MemberOutcome, answer_of, earlier_outcomes, members_by_id
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, UserErrors, invalid, not_found, user_error
from settings import Settings

MOST_MEMBERS = 1_000
Path = tuple[str, ...]


@mutation_result
class ChangeMemberRolesResult:
    """Payload of `changeMemberRoles`: a result for each member."""

    results: list[MemberOutcome] = shown(
        "Results of the single members, in the order of the input. Each has its own `userErrors`.",
        shown_as="ChangeMemberRolePayload",
        never_null=True,
    )


async def change_member_roles(context: Context, input: ChangeMemberRolesInput) -> ChangeMemberRolesResult:
    account_id, rows = account_id_of(input.account_id), len(input.members)
    action, key = AuditAction.MEMBER_ROLE_CHANGED, input.idempotency_key
    async with change(context, account_id, action, key=key, rows=rows) as tx:
        if tx.earlier_answer is not None:
            results = await earlier_outcomes(tx)
        else:
            _require_number(rows, "members")
            named = [row.member_id for row in input.members]
            found = await _present(tx, named, lambda index: ("members", str(index), "memberId"))
            roles = [row.role for row in input.members]
            results = await _change_roles(tx, context.settings, found, roles)
            tx.remember(answer_of(results))
    await context.reload_viewer()
    return ChangeMemberRolesResult(results=results)


async def _change_roles(
    tx: Change, settings: Settings, found: Sequence[Member | UserErrors], roles: Sequence[Role]
) -> list[MemberOutcome]:
    outcomes: list[Member | UserErrors] = list(found)
    changing: dict[Role, list[Member]] = {}
    for index, (member, role) in enumerate(zip(found, roles, strict=True)):
        if isinstance(member, UserErrors) or member.role is role:
            continue
        if member.is_owner:
            outcomes[index] = owner_protected(OWNER_IS_ADMIN, "members", str(index), "memberId")
        else:
            changing.setdefault(role, []).append(member)
    changed: dict[UUID, Member] = {}
    for role, members in changing.items():
        changed |= {member.id: member for member in await tx.update_all(members, role=role)}
    notices: list[Notice | None] = []
    for index, member in enumerate(found):
        if index % AT_ONCE == 0:
            await asyncio.sleep(0)
        if isinstance(member, Member) and member.id in changed:
            outcomes[index] = changed[member.id]
            notices.append(record_role(tx, settings, changed[member.id], member.role))
    await enqueue_notices(tx, settings, *notices)
    if changed:
        await tx.access_changed(*(member.user_id for member in changed.values()))
    else:
        tx.without_event("no member of the list has another role now")
    return list(map(_outcome, outcomes))


@mutation_result
class RemoveMembersResult:
    """Payload of `removeMembers`: a result for each member."""

    results: list[MemberOutcome] = shown(
        "Results of the single members, in the order of the input. Each has its own `userErrors`.",
        shown_as="RemoveMemberPayload",
        never_null=True,
    )


async def remove_members(context: Context, input: RemoveMembersInput) -> RemoveMembersResult:
    account_id, rows = account_id_of(input.account_id), len(input.member_ids)
    action, key = AuditAction.MEMBER_REMOVED, input.idempotency_key
    async with change(context, account_id, action, key=key, rows=rows) as tx:
        if tx.earlier_answer is not None:
            return RemoveMembersResult(results=await earlier_outcomes(tx))
        _require_number(rows, "memberIds")
        found = await _present(tx, input.member_ids, lambda index: ("memberIds", str(index)))
        results = await _remove(tx, context.settings, found, input.transfer_licenses_to)
        tx.remember(answer_of(results))
    return RemoveMembersResult(results=results)


async def _remove(
    tx: Change, settings: Settings, found: Sequence[Member | UserErrors], heir_id: str | None
) -> list[MemberOutcome]:
    outcomes = [
        owner_protected(OWNER_STAYS, "memberIds", str(index))
        if isinstance(member, Member) and member.is_owner
        else member
        for index, member in enumerate(found)
    ]
    leaving = [member for member in outcomes if isinstance(member, Member)]
    heir = await heir_of(tx, leaving, heir_id)
    if leaving:
        ended = await end_memberships(tx, settings, leaving, heir, lambda member: f"removed {member.name}")
        removed = {member.id: member for member in ended}
        outcomes = [removed[each.id] if isinstance(each, Member) else each for each in outcomes]
    else:
        tx.without_event("no member of the list could be removed")
    return list(map(_outcome, outcomes))


def _require_number(count: int, argument: str) -> None:
    if not 1 <= count <= MOST_MEMBERS:
        raise invalid(f"Name 1 to {MOST_MEMBERS:,} members at a time.", argument)


async def _present(
    tx: Change, global_ids: Sequence[str], path: Callable[[int], Path]
) -> list[Member | UserErrors]:
    """For each id, the current member, or why there is none. The first of equal ids counts."""
    ids = [decode_as(Member, global_id) for global_id in global_ids]
    members = await members_by_id(tx, [id for id in ids if id is not None])
    seen: set[UUID] = set()
    found: list[Member | UserErrors] = []
    for index, id in enumerate(ids):
        member = members.get(id) if id is not None else None
        if member is None:
            found.append(not_found("member of this account", *path(index)))
        elif member.has_ended:
            message = f"{member.name} is no longer a member."
            found.append(user_error(UserErrorCode.NOT_ACTIVE, message, *path(index)))
        elif member.id in seen:
            found.append(invalid(f"{member.name} is in the list already: name it once.", *path(index)))
        else:
            seen.add(member.id)
            found.append(member)
    return found


def _outcome(result: Member | UserErrors) -> MemberOutcome:
    if isinstance(result, UserErrors):
        return MemberOutcome(None, result.errors)
    return MemberOutcome(result, [])
