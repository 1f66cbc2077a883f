"""Lock under which a member changes its account."""

import asyncpg
from asyncpg import ForeignKeyViolationError
from sqlalchemy import select
from sqlmodel import col

from engine.row_writer import Writer
from engine.snapshots import attributes, columns, snapshot
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.members import Member
from permissions.viewer import Membership
from resolvers.user_errors import UserErrorCode, not_found, user_error


async def lock_membership(driver: asyncpg.Connection, membership: Membership) -> tuple[Account, Member]:
    """Locks and reads the account's row, then the member's. Raises `UserErrors` with NOT_FOUND if the
    membership has ended."""
    arguments = _LOCK.arguments(account_id=membership.account_id, member_id=membership.member_id)
    record = await driver.fetchrow(_LOCK.sql, *arguments)
    if record is None:
        raise not_found("account", "accountId")
    of_account = len(attributes(Account))
    account, member = snapshot(Account, record[:of_account]), snapshot(Member, record[of_account:])
    if member.has_ended:  # While it waited for the lock, perhaps: the condition was checked before.
        raise not_found("account", "accountId")
    return account, member


async def insert_member(writer: Writer, member: Member) -> None:
    """Inserts a new member. Raises `UserErrors` if the person was erased meanwhile, which a trigger finds
    under the lock of the person's row."""
    try:
        await writer.insert(member)
    except ForeignKeyViolationError:
        raise user_error(UserErrorCode.NOT_ACTIVE, "This person was erased: sign in again.") from None


def _lock() -> AnySelect:
    return (
        select(*columns(Account, Member))
        .select_from(Account)
        .join(Member, col(Member.account_id) == col(Account.id))
        .where(
            col(Account.id) == parameter("account_id"),
            col(Member.id) == parameter("member_id"),
            Member.is_present(),
        )
        .with_for_update(key_share=True, of=[Account, Member])
    )


_LOCK = Statement(_lock)
