"""What subscriptions stream. Woken by NOTIFY; the database is asked, and the viewer looked up anew, each time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

from graphql import GraphQLError

from models.accounts import Account
from models.audit import AuditEvent
from models.members import Member
from permissions.context import Context
from permissions.errors import BadUserInput, Forbidden, Unauthenticated
from permissions.roles import Permission
from permissions.viewer import Membership
from resolvers.audit import events_after, head_sequence
from resolvers.global_ids import decode_as
from resolvers.nodes import find_row

_BATCH = 100
_LOOK_SECONDS = 5.0


async def audit_log_appended(
    context: Context, account_id: str, after_sequence: int | None
) -> AsyncIterator[AuditEvent]:
    """Each event once and in order, as it is committed; whoever loses VIEW_AUDIT_LOG is told and let go."""
    id = _account(context, account_id)
    last = await _start(context, id, after_sequence)
    async with context.listener.woken_by(id, *_credentials(context)) as woken:
        while True:
            woken.clear()
            _require(await _membership(context, id), Permission.VIEW_AUDIT_LOG)
            events = await events_after(context, id, last, _BATCH)
            for event in events:
                last = event.sequence
                yield event
            if len(events) < _BATCH:
                await _wait(woken)


async def viewer_member_changed(context: Context, account_id: str) -> AsyncIterator[Member]:
    """The viewer's member now, and at each change of its role; ends when the membership does."""
    id = _account(context, account_id)
    told: tuple[object, ...] | None = None
    async with context.listener.woken_by(*_credentials(context)) as woken:
        while True:
            woken.clear()
            membership = await _membership(context, id)
            if membership is None:
                return
            member = cast("Member", await find_row(context, Member, id, membership.member_id))
            if told != (member.role, member.is_owner, member.name):
                told = (member.role, member.is_owner, member.name)
                context.loaders.clear()
                yield member
            await _wait(woken)


def _account(context: Context, global_id: str) -> UUID:
    """An account that the viewer belongs to. Raises NOT_FOUND for any other."""
    id = decode_as(Account, global_id)
    if id is None or context.signed_in().membership(id) is None:
        raise GraphQLError("There is no such account.", extensions={"code": "NOT_FOUND"})
    return id


async def _start(context: Context, account_id: UUID, after_sequence: int | None) -> int:
    _require(context.membership(account_id), Permission.VIEW_AUDIT_LOG)
    head = await head_sequence(context, account_id)
    if after_sequence is None:
        return head
    if not 0 <= after_sequence <= head:
        raise BadUserInput(f"`afterSequence` may be 0 to {head}, the newest event's, not {after_sequence}.")
    return after_sequence


async def _membership(context: Context, account_id: UUID) -> Membership | None:
    """As of now: a role that was true when the socket opened is no role."""
    with contextlib.suppress(Unauthenticated):
        await context.identify()
        return context.membership(account_id)
    context.viewer = None
    raise Unauthenticated("This session has ended: sign in again.")


def _credentials(context: Context) -> tuple[UUID, UUID]:
    viewer = context.signed_in()
    return viewer.user.id, viewer.session.id


def _require(membership: Membership | None, permission: Permission) -> None:
    if membership is None or not membership.may(permission):
        raise Forbidden(permission)


async def _wait(woken: asyncio.Event) -> None:
    """An announcement may be lost in a crash, so there is a look now and then without one."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(woken.wait(), _LOOK_SECONDS)
