"""Changes the roles of many members, and removes many, each in one transaction.

Each member has an outcome of its own, and those that can be changed are changed together. A process that dies
has changed nothing, and a request that is repeated finds the members as requested.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

from engine.pauses import with_pauses
from models.audit_actions import AuditAction
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
    own = _member_of_key(context, [row.member_id for row in input.members])
    async with change(context, account_id, action, on=own, key=key, rows=rows) as tx:
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
    async for index, member in with_pauses(enumerate(found), every=AT_ONCE):
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
    own = _member_of_key(context, input.member_ids)
    async with change(context, account_id, action, on=own, key=key, rows=rows) as tx:
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


def _member_of_key(context: Context, global_ids: Sequence[str]) -> Member | None:
    """The own member of the viewer's API key, if it is among those named. The request is refused as a whole
    then, as one that names this member alone."""
    viewer = context.signed_in()
    if not viewer.is_api_key:
        return None
    own = viewer.key_member
    return own if any(decode_as(Member, global_id) == own.id for global_id in global_ids) else None


def _require_number(count: int, argument: str) -> None:
    if not 1 <= count <= MOST_MEMBERS:
        raise invalid(f"Name 1 to {MOST_MEMBERS:,} members at a time.", argument)


async def _present(
    tx: Change, global_ids: Sequence[str], path: Callable[[int], Path]
) -> list[Member | UserErrors]:
    """For each id, the current member, or why there is none. The first of equal ids counts. The messages have
    no names, because the answer is stored."""
    ids = [decode_as(Member, global_id) for global_id in global_ids]
    members = await members_by_id(tx, [id for id in ids if id is not None])
    seen: set[UUID] = set()
    found: list[Member | UserErrors] = []
    for index, id in enumerate(ids):
        member = members.get(id) if id is not None else None
        if member is None:
            found.append(not_found("member of this account", *path(index)))
        elif member.has_ended:
            message = "This person is no longer a member of the account."
            found.append(user_error(UserErrorCode.NOT_ACTIVE, message, *path(index)))
        elif member.id in seen:
            message = "This member is in the list already: name it once."
            found.append(invalid(message, *path(index)))
        else:
            seen.add(member.id)
            found.append(member)
    return found


def _outcome(result: Member | UserErrors) -> MemberOutcome:
    if isinstance(result, UserErrors):
        return MemberOutcome(None, result.errors)
    return MemberOutcome(result, [])
