"""Erases a person at its request to the operator."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from engine.snapshots import columns, snapshot
from engine.statements import Statement, parameter
from models.accounts import Account
from models.audit_actions import AuditAction
from models.database import Database
from models.members import Erasure, Member, User
from resolvers.change import system_change
from resolvers.events import OPERATOR
from resolvers.members.mutations import end_membership, owner_of
from resolvers.people.erasing import begin, finish
from resolvers.text import clean_email
from resolvers.user_errors import UserErrorCode, not_found, user_error
from settings import Settings


@dataclass(frozen=True)
class Erased:
    """Result of erasing a person."""

    memberships_ended: int
    accounts: int
    invoices_kept: int
    """Issued invoices that the person purchased, which keep its name."""


async def erase_person(database: Database, settings: Settings, email: str) -> Erased:
    """Removes the person from its accounts, as `removeMember` does, and erases it. An erasure that was
    interrupted is continued. Raises `UserErrors` if there is no such person, and while it owns an
    account, and `ErasureStopped`."""
    email = clean_email(email, "email")
    begun = await database.fetch(_BEGUN, email)
    accounts = sum([await finish(database, await _erasure(database, row["user_id"])) for row in begun])
    user_id = await _user_id(database, email)
    if user_id is None:
        if not begun:
            raise not_found(f"person with the address {email}", "email")
        return Erased(0, accounts, await _invoices(database, [row["user_id"] for row in begun]))
    memberships = await database.fetch(_MEMBERSHIPS.sql, *_MEMBERSHIPS.arguments(user_id=user_id))
    owned = [slug for _, _, slug, is_owner in memberships if is_owner]
    if owned:
        raise user_error(
            UserErrorCode.OWNER_PROTECTED,
            f"{email} owns {', '.join(owned)}: another member must become the owner first.",
            "email",
        )
    for account_id, member_id, _, _ in memberships:
        await _remove(database, settings, account_id, member_id)
    accounts += await finish(database, await begin(database, user_id, by_operator=True))
    return Erased(len(memberships), accounts, await _invoices(database, [user_id]))


async def _invoices(database: Database, user_ids: list[UUID]) -> int:
    ((kept,),) = await database.fetch(_INVOICES, user_ids)
    return int(kept)


async def _user_id(database: Database, email: str) -> UUID | None:
    found = await database.fetch(_USER.sql, *_USER.arguments(email=email))
    return found[0][0] if found else None


async def _remove(database: Database, settings: Settings, account_id: UUID, member_id: UUID) -> None:
    async with system_change(database, account_id, AuditAction.MEMBER_REMOVED, OPERATOR) as tx:
        member = await tx.get(Member, member_id)
        if member.removed_at is not None:
            tx.without_event("the member has left meanwhile")
        elif member.is_owner:
            raise user_error(
                UserErrorCode.OWNER_PROTECTED, f"The owner of {tx.account.slug} cannot be removed."
            )
        else:
            await end_membership(tx, settings, member, await owner_of(tx), f"removed {member.name}")


async def _erasure(database: Database, user_id: UUID) -> Erasure:
    found = await database.fetch(_ERASURE.sql, *_ERASURE.arguments(user_id=user_id))
    return snapshot(Erasure, tuple(found[0]))


_BEGUN = "SELECT user_id FROM erasures WHERE email = $1"
_INVOICES = """
SELECT count(*) FROM members JOIN invoices
    ON invoices.account_id = members.account_id AND invoices.purchased_by_id = members.id
WHERE members.user_id = ANY ($1::uuid[])"""
_USER = Statement(lambda: select(col(User.id)).where(col(User.email) == parameter("email")))
_ERASURE = Statement(lambda: select(*columns(Erasure)).where(col(Erasure.user_id) == parameter("user_id")))
_MEMBERSHIPS = Statement(
    lambda: (
        select(col(Member.account_id), col(Member.id), col(Account.slug), col(Member.is_owner))
        .join(Account, col(Account.id) == col(Member.account_id))
        .where(col(Member.user_id) == parameter("user_id"), col(Member.removed_at).is_(None))
        .order_by(col(Account.slug))
    ),
    across_accounts="a person is removed from all of its accounts before it is erased",
)
