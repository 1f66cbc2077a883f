"""Changes roles, removes members, and ends one's own membership."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlmodel import col

from engine.pauses import with_pauses
from engine.snapshots import columns
from engine.statements import Statement, any_of, parameter
from models.audit_actions import AuditAction
from models.columns import now
from models.licenses import LIVE, License, LicenseStatus
from models.members import Member, Role
from models.new_event import PersonName
from permissions.context import Context
from resolvers.accounts.queries import account_id_of
from resolvers.api_keys.queries import end_api_keys
from resolvers.change import Change, change
from resolvers.events import PLATFORM, Actor
from resolvers.global_ids import decode_as
from resolvers.licenses.emails import given_notice, passed_notice
from resolvers.members.emails import Notice, enqueue_notices, role_notice, tell_of_end, tell_of_removal
from resolvers.members.inputs import ChangeMemberRoleInput, LeaveAccountInput, RemoveMemberInput
from resolvers.members.limits import Receiving, refuse_beyond_limits
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, UserErrors, not_found, user_error
from settings import Settings

OWNER_IS_ADMIN = "The owner is always an Admin. Transfer the ownership first."
OWNER_STAYS = "The owner cannot be removed. Transfer the ownership first."
AT_ONCE = 20
"""Number of members after which the event loop may serve other requests."""


@mutation_result
class ChangeMemberRoleResult:
    """Payload of `changeMemberRole`: the member with the new role."""

    member: Member = shown("Member with the new role.")


async def change_member_role(context: Context, input: ChangeMemberRoleInput) -> ChangeMemberRoleResult:
    member = await find_member(context, input.member_id)
    async with change(context, member.account_id, AuditAction.MEMBER_ROLE_CHANGED, on=member) as tx:
        member = await present_member(tx, member)
        if member.role is input.role:
            tx.without_event()
        else:
            if member.is_owner:
                raise owner_protected(OWNER_IS_ADMIN, "memberId")
            before = member.role
            member = await tx.update(member, role=input.role)
            notice = record_role(tx, context.settings, member, before)
            await enqueue_notices(tx, context.settings, notice)
            await tx.access_changed(member.user_id)
    await context.reload_viewer()
    return ChangeMemberRoleResult(member=member)


def record_role(tx: Change, settings: Settings, member: Member, before: Role) -> Notice | None:
    """Adds the event of a member's new role, and returns the email about it."""
    roles = f"from {before.value.title()} to {member.role.value.title()}"
    did = f"changed the role of {member.name} {roles}"
    tx.record(member, member.name, did, role=[before.value, member.role.value])
    return role_notice(tx, settings, member, before)


@mutation_result
class RemoveMemberResult:
    """Payload of `removeMember`: the member who was removed."""

    member: Member = shown("Member who was removed. The record remains because audit events refer to it.")


async def remove_member(context: Context, input: RemoveMemberInput) -> RemoveMemberResult:
    member = await find_member(context, input.member_id)
    async with change(context, member.account_id, AuditAction.MEMBER_REMOVED, on=member) as tx:
        member = await present_member(tx, member)
        if member.is_owner:
            raise owner_protected(OWNER_STAYS, "memberId")
        heir = await heir_of(tx, [member], input.transfer_licenses_to)
        member = await end_membership(tx, context.settings, member, heir, f"removed {member.name}")
    return RemoveMemberResult(member=member)


@mutation_result
class LeaveAccountResult:
    """Payload of `leaveAccount`: the membership that has ended."""

    member: Member = shown("Membership that has ended. The record remains because audit events refer to it.")


async def leave_account(context: Context, input: LeaveAccountInput) -> LeaveAccountResult:
    account_id = account_id_of(input.account_id)
    async with change(context, account_id, AuditAction.MEMBER_LEFT) as tx:
        if tx.acting.is_owner:
            raise user_error(
                UserErrorCode.OWNER_PROTECTED,
                "The owner cannot leave. Transfer the ownership first.",
                "accountId",
            )
        await end_membership(tx, context.settings, tx.acting, await owner_of(tx), "left the account")
    # The viewer is not read again: without a membership, the payload could not show the account.
    return LeaveAccountResult(member=tx.acting)


async def find_member(context: Context, global_id: str) -> Member:
    member = await find(context, Member, global_id)
    if member is None:
        raise not_found("member", "memberId")
    return member


async def present_member(tx: Change, member: Member) -> Member:
    """The member, read under the account's lock. Raises `UserErrors` if it is no longer a member."""
    current = await tx.find(Member, member.id)
    if current is None or current.has_ended:
        raise user_error(UserErrorCode.NOT_ACTIVE, f"{member.name} is no longer a member.", "memberId")
    return current


async def heir_of(tx: Change, leaving: Sequence[Member], global_id: str | None) -> Member:
    """The member to whom the licenses pass: the named one, or else the owner."""
    if global_id is None:
        return await owner_of(tx)
    heir_id = decode_as(Member, global_id)
    heir = await tx.find(Member, heir_id) if heir_id else None
    if heir is None:
        raise not_found("member of this account", "transferLicensesTo")
    if heir.has_ended or heir.id in {member.id for member in leaving}:
        raise user_error(
            UserErrorCode.NOT_ACTIVE,
            f"{heir.name} cannot receive the licenses: name another member.",
            "transferLicensesTo",
        )
    return heir


async def owner_of(tx: Change) -> Member:
    (owner,) = await tx.rows(Member, _OWNER, account_id=tx.account.id)
    return owner


_OWNER = Statement(
    lambda: select(*columns(Member)).where(
        col(Member.account_id) == parameter("account_id"), col(Member.is_owner)
    )
)


async def end_membership(tx: Change, settings: Settings, member: Member, heir: Member, did: str) -> Member:
    """Ends the membership, gives its licenses to the heir, and revokes its API keys. Raises `UserErrors` if
    the heir's limits do not allow the licenses."""
    (member,) = await end_memberships(tx, settings, [member], heir, lambda _: did)
    return member


async def end_memberships(
    tx: Change,
    settings: Settings,
    members: Sequence[Member],
    heir: Member,
    did: Callable[[Member], str],
    ended_at: datetime | None = None,
) -> list[Member]:
    """Like `end_membership`, with one statement for each table. The heir, who is none of the members, gets
    one email about all licenses. `ended_at` is the time at which the memberships have ended by themselves,
    which is recorded as an action of the platform."""
    actor = PLATFORM if ended_at else None
    of_members = {"account_id": tx.account.id, "member_ids": [member.id for member in members], "at": now()}
    moved = await _licenses_to_move(tx, heir, of_members)
    if moved:
        await tx.fetch(_HAND_ON, **of_members, heir_id=heir.id)
        previous = f"{len(moved)} members"
        if len(moved) == 1:
            (previous,) = (member.name for member in members if member.id in moved)
        notice_of = passed_notice if ended_at else given_notice
        notice = notice_of(tx, settings, heir, count=moved.total(), previous=previous)
        await enqueue_notices(tx, settings, notice)
    members = await tx.update_all(members, removed_at=ended_at or now())
    ended_keys = await end_api_keys(tx, members, actor)
    async for member in with_pauses(members, every=AT_ONCE):
        _record_end(tx, member, heir, moved[member.id], did(member), actor)
        tell = tell_of_end if ended_at else tell_of_removal
        tell(tx, settings, member, moved[member.id], heir, ended_keys[member.id])
    await tx.access_changed(*(member.user_id for member in members))
    return members


async def _licenses_to_move(tx: Change, heir: Member, of_members: Mapping[str, object]) -> Counter[UUID]:
    """Number of licenses that pass to the heir, by the id of their holder. Raises `UserErrors` if the limits
    of the heir do not allow them."""
    records = await tx.fetch(_TO_MOVE, **of_members)
    active = sum(active for _, _, active, _ in records)
    theme_ids = frozenset(theme_id for _, theme_id, _, _ in records)
    await refuse_beyond_limits(tx, heir, Receiving(theme_ids, active, "transferLicensesTo"))
    moved = Counter[UUID]()
    for holder_id, _, _, count in records:
        moved[holder_id] += count
    return moved


def _record_end(tx: Change, member: Member, heir: Member, moved: int, did: str, actor: Actor | None) -> None:
    if moved:
        did += f", and {moved} license{'s' if moved > 1 else ''} went to {heir.name}"
    tx.record(
        member,
        member.name,
        did,
        action=AuditAction.MEMBER_ACCESS_ENDED if actor else None,
        actor=actor,
        role=[member.role.value, None],
        licenses=moved,
        licenses_to=PersonName(heir) if moved else None,
    )


def _moves() -> ColumnElement[bool]:
    """Condition: the license passes to the heir of its holder."""
    return and_(
        col(License.account_id) == parameter("account_id"),
        any_of(col(License.holder_id), parameter("member_ids")),
        col(License.stored_status).in_(LIVE),
        (col(License.expires_at) > parameter("at")).is_not(False),
    )


_TO_MOVE = Statement(
    lambda: (
        select(
            col(License.holder_id),
            col(License.theme_id),
            func.count().filter(col(License.stored_status) == LicenseStatus.ACTIVE),
            func.count(),
        )
        .where(_moves())
        .group_by(col(License.holder_id), col(License.theme_id))
    )
)
_HAND_ON = Statement(lambda: update(License).where(_moves()).values(holder_id=parameter("heir_id")))


def owner_protected(message: str, *path: str) -> UserErrors:
    return user_error(UserErrorCode.OWNER_PROTECTED, message, *path)
