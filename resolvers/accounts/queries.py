"""Reads accounts: the viewer's accounts, the owner and the licenses that count against the limit."""

from typing import cast
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlmodel import col

from engine.conditions import Condition
from engine.row_loader import load
from engine.row_reader import row
from engine.statements import Statement, parameter
from engine.tables import AnyExpression, AnySelect
from models.accounts import Account
from models.licenses import License, LicenseStatus
from models.members import Member
from permissions.context import Context
from resolvers.change import Change
from resolvers.global_ids import decode_as
from resolvers.user_errors import not_found


async def account(context: Context, id: str | None) -> Account | None:
    """An account of the viewer; without an id, the only one. Raises `ReauthenticationRequired`."""
    viewer = context.signed_in()
    if id is None:
        account_ids = viewer.account_ids
        account_id = account_ids[0] if len(account_ids) == 1 else None
    else:
        account_id = decode_as(Account, id)
    if account_id is None or viewer.membership(account_id) is None:
        return None
    return await load(context, Account, account_id)


def account_id_of(global_id: str) -> UUID:
    account_id = decode_as(Account, global_id)
    if account_id is None:
        raise not_found("account", "accountId")
    return account_id


async def account_owner(context: Context, account: Account) -> Member:
    return cast("Member", await row(context.database, Member, _owner_of(account.id)))


async def active_licenses(context: Context, account: Account) -> int:
    found = await context.database.fetch(_ACTIVE_LICENSES.sql, account.id)
    return int(found[0][0])


async def count_active_licenses(tx: Change) -> int:
    found = await tx.fetch(_ACTIVE_LICENSES, account_id=tx.account.id)
    return int(found[0][0])


def _active_licenses(account_id: AnyExpression) -> AnySelect:
    return select(func.count()).where(
        col(License.account_id) == account_id, License.status_now() == LicenseStatus.ACTIVE
    )


_ACTIVE_LICENSES = Statement(lambda: _active_licenses(parameter("account_id")))


_owner_of = Condition(lambda account_id: and_(col(Member.account_id) == account_id, col(Member.is_owner)))
