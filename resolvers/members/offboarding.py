"""Objects that the removal of a member would affect, read for all selected members at once."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from engine.pauses import with_pauses
from engine.row_loader import loaded
from engine.snapshots import attributes, snapshot
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.api_keys import ApiKey, ApiKeyStatus
from models.invitations import Invitation, InvitationStatus
from models.licenses import License, LicenseStatus
from models.members import Member
from permissions.context import Context

_Values = list[Any]
_Made = TypeVar("_Made")
_AT_ONCE = 500
"""Number of rows after which the event loop may serve other requests."""
MOST_SHOWN = 100
"""Maximum length of each list, which has the newest entries."""


async def active_licenses(context: Context, account_id: UUID, member_id: UUID) -> int:
    found = await _left_by(context, (account_id, member_id), _LICENSES, itemgetter(0))
    return int(found[0]) if found else 0


async def active_api_keys(context: Context, member: Member) -> list[ApiKey]:
    return await _left_by(context, (member.account_id, member.id), _API_KEYS, partial(snapshot, ApiKey))


async def pending_invitations(context: Context, member: Member) -> list[Invitation]:
    made = partial(snapshot, Invitation)
    return await _left_by(context, (member.account_id, member.id), _INVITATIONS, made)


async def _left_by(
    context: Context, member: tuple[UUID, UUID], statement: Statement, made: Callable[[_Values], _Made]
) -> list[_Made]:
    """`member` is the ids of the account and of the member. What is `made` of a record is shown wherever the
    member is."""

    async def fetch(keys: list[tuple[UUID, UUID]]) -> list[list[_Made]]:
        found: defaultdict[tuple[UUID, UUID], list[_Made]] = defaultdict(list)
        for account_id in dict.fromkeys(account_id for account_id, _ in keys):
            member_ids = [id for each, id in keys if each == account_id]
            arguments = statement.arguments(account_id=account_id, member_ids=member_ids)
            records = await context.database.fetch(statement.sql, *arguments)
            async for member_id, *record in with_pauses(records, every=_AT_ONCE):
                found[account_id, member_id].append(made(record))
        return [found[key] for key in keys]

    return await loaded(context, statement, fetch, member)


def _licenses() -> AnySelect:
    return (
        select(col(License.holder_id), func.count())
        .where(
            col(License.account_id) == parameter("account_id"),
            any_of(col(License.holder_id), parameter("member_ids")),
            License.status_now() == LicenseStatus.ACTIVE,
        )
        .group_by(col(License.holder_id))
    )


def _newest(table: type[ApiKey] | type[Invitation], member_id: str, *where: ColumnElement[bool]) -> AnySelect:
    columns = [getattr(table, name) for name in attributes(table)]
    of_member, newest = getattr(table, member_id), col(table.created_at).desc()
    place = func.row_number().over(partition_by=of_member, order_by=(newest, col(table.id)))
    found = (
        select(of_member.label("of_member"), *columns, place.label("place"))
        .where(
            col(table.account_id) == parameter("account_id"),
            any_of(of_member, parameter("member_ids")),
            *where,
        )
        .subquery()
    )
    *shown, last = found.c
    return select(*shown).where(last <= MOST_SHOWN).order_by(last)


_LICENSES = Statement(_licenses)
_API_KEYS = Statement(lambda: _newest(ApiKey, "member_id", ApiKey.status_now() == ApiKeyStatus.ACTIVE))
_INVITATIONS = Statement(
    lambda: _newest(Invitation, "invited_by_id", Invitation.status_now() == InvitationStatus.PENDING)
)
