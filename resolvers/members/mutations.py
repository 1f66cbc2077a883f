"""Changes roles, removes members, and ends one's own membership."""

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlmodel import col

from engine.snapshots import columns
from engine.statements import Statement, parameter
from models.audit import AuditAction
from models.columns import now
from models.licenses import LIVE, License, LicenseStatus
from models.members import Member
from models.new_event import PersonName
from permissions.context import Context
from resolvers.accounts.queries import account_id_of
from resolvers.api_keys.queries import end_api_keys
from resolvers.change import Change, change
from resolvers.global_ids import decode_as
from resolvers.licenses.emails import tell_of_given
from resolvers.members.emails import tell_of_removal, tell_of_role
from resolvers.members.inputs import ChangeMemberRoleInput, LeaveAccountInput, RemoveMemberInput
from resolvers.members.limits import Receiving, refuse_beyond_limits
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, not_found, user_error
from settings import Settings


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
                raise _owner_protected("The owner is always an Admin. Transfer the ownership first.")
            before = member.role
            member = await tx.update(member, role=input.role)
            roles = f"from {before.value.title()} to {member.role.value.title()}"
            did = f"changed the role of {member.name} {roles}"
            tx.record(member, member.name, did, role=[before.value, member.role.value])
            tell_of_role(tx, context.settings, member, before)
            await tx.access_changed(member.user_id)
    await context.reload_viewer()
    return ChangeMemberRoleResult(member=member)


@mutation_result
class RemoveMemberResult:
    """Payload of `removeMember`: the member who was removed."""

    member: Member = shown("Member who was removed. The record remains because audit events refer to it.")


async def remove_member(context: Context, input: RemoveMemberInput) -> RemoveMemberResult:
    member = await find_member(context, input.member_id)
    async with change(context, member.account_id, AuditAction.MEMBER_REMOVED, on=member) as tx:
        member = await present_member(tx, member)
        if member.is_owner:
            raise _owner_protected("The owner cannot be removed. Transfer the ownership first.")
        heir = await _heir(tx, member, input.transfer_licenses_to)
        await _refuse_beyond_heirs_limits(tx, member, heir)
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
    if current is None or current.removed_at is not None:
        raise user_error(UserErrorCode.NOT_ACTIVE, f"{member.name} is no longer a member.", "memberId")
    return current


async def _heir(tx: Change, leaving: Member, global_id: str | None) -> Member:
    """The member to whom the licenses pass: the named one, or else the owner."""
    if global_id is None:
        return await owner_of(tx)
    heir_id = decode_as(Member, global_id)
    heir = await tx.find(Member, heir_id) if heir_id else None
    if heir is None:
        raise not_found("member of this account", "transferLicensesTo")
    if heir.removed_at is not None or heir.id == leaving.id:
        raise user_error(
            UserErrorCode.NOT_ACTIVE,
            f"{heir.name} cannot receive the licenses: name another member.",
            "transferLicensesTo",
        )
    return heir


async def _refuse_beyond_heirs_limits(tx: Change, leaving: Member, heir: Member) -> None:
    records = await tx.fetch(_HANDED_ON, account_id=tx.account.id, member_id=leaving.id, at=now())
    active = sum(count for _, count in records)
    receiving = Receiving(frozenset(id for id, _ in records), active, "transferLicensesTo")
    await refuse_beyond_limits(tx, heir, receiving)


async def owner_of(tx: Change) -> Member:
    (owner,) = await tx.rows(Member, _OWNER, account_id=tx.account.id)
    return owner


_OWNER = Statement(
    lambda: select(*columns(Member)).where(
        col(Member.account_id) == parameter("account_id"), col(Member.is_owner)
    )
)


def _is_handed_on() -> ColumnElement[bool]:
    """Condition: the license passes to the heir of the member."""
    return and_(
        col(License.account_id) == parameter("account_id"),
        col(License.holder_id) == parameter("member_id"),
        col(License.stored_status).in_(LIVE),
        (col(License.expires_at) > parameter("at")).is_not(False),
    )


_HANDED_ON = Statement(
    lambda: (
        select(
            col(License.theme_id),
            func.count().filter(col(License.stored_status) == LicenseStatus.ACTIVE),
        )
        .where(_is_handed_on())
        .group_by(col(License.theme_id))
    )
)
_HAND_ON = Statement(
    lambda: (
        update(License)
        .where(_is_handed_on())
        .values(holder_id=parameter("heir_id"))
        .returning(col(License.id))
    )
)


async def end_membership(tx: Change, settings: Settings, member: Member, heir: Member, did: str) -> Member:
    """Ends the membership, gives its licenses to the heir, and revokes its API keys."""
    member = await tx.update(member, removed_at=now())
    values = {"account_id": tx.account.id, "member_id": member.id, "heir_id": heir.id}
    moved = len(await tx.fetch(_HAND_ON, **values, at=now()))
    if moved:
        did += f", and {moved} license{'s' if moved > 1 else ''} went to {heir.name}"
        tell_of_given(tx, settings, heir, count=moved, previous=member.name)
    tell_of_removal(tx, settings, member, moved, heir, await end_api_keys(tx, member))
    tx.record(
        member,
        member.name,
        did,
        role=[member.role.value, None],
        licenses=moved,
        licenses_to=PersonName(heir) if moved else None,
    )
    await tx.access_changed(member.user_id)
    return member


def _owner_protected(message: str) -> Exception:
    return user_error(UserErrorCode.OWNER_PROTECTED, message, "memberId")
