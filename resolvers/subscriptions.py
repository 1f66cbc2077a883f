"""Streams of subscriptions. After each NOTIFY they query the database and look up the viewer again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from graphql import GraphQLError

from engine.errors import BadUserInput
from models.accounts import Account
from models.audit import AuditEvent
from models.columns import now
from models.members import Member, Role
from permissions.context import Context
from permissions.credentials import find_working
from permissions.errors import Forbidden, NoSubscription
from permissions.roles import Permission
from permissions.viewer import Membership
from resolvers.audit.queries import events_after, head_sequence
from resolvers.global_ids import decode_as
from resolvers.members.limits import member_limits
from resolvers.nodes import find_row

_BATCH = 100
_LEAST_SECONDS = 0.05
"""Least delay of the timer: the clock of the database, which decides, may be behind."""


class _AccessEnd:
    """Timer that sets events when the membership ends, or the account no longer accepts the viewer's
    session."""

    def __init__(self, account_id: UUID, *events: asyncio.Event) -> None:
        self._account_id, self._events = account_id, events
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, context: Context) -> None:
        """Sets the timer by the viewer that was just read."""
        self._cancel()
        until = context.signed_in().access_ends_at(self._account_id)
        if until is not None:
            seconds = max((until - now()).total_seconds(), _LEAST_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._set)

    async def aclose(self) -> None:
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self) -> None:
        for event in self._events:
            event.set()


async def audit_log_appended(
    context: Context, account_id: str, after_sequence: int | None
) -> AsyncIterator[AuditEvent]:
    """Yields each event once and in order. Ends with an error when the viewer loses VIEW_AUDIT_LOG."""
    id = _account(context, account_id)
    last = await _start(context, id, after_sequence)
    who, listener = _credentials(context), context.listener
    async with (
        listener.woken_by(id, *who) as woken,
        listener.woken_by(*who, rules_of=id) as access_changed,
        aclosing(_AccessEnd(id, woken, access_changed)) as access_end,
    ):
        while True:
            woken.clear()
            # The viewer last, and again before each event where its access may have changed since: a slow
            # client takes a batch in for minutes.
            async with listener.query_slot():
                events = await events_after(context, id, last, _BATCH)
                await _require_now(context, id, access_changed, access_end)
            for event in events:
                if access_changed.is_set():
                    await _require_now(context, id, access_changed, access_end)
                last = event.sequence
                context.forget()
                yield event
            if len(events) < _BATCH:
                await woken.wait()


async def viewer_member_changed(context: Context, account_id: str) -> AsyncIterator[Member]:
    """Yields the viewer's member now and after each change of its access. Ends with the membership."""
    id = _account(context, account_id)
    sent: _Access | None = None
    async with (
        context.listener.woken_by(*_credentials(context), rules_of=id) as woken,
        aclosing(_AccessEnd(id, woken)) as access_end,
    ):
        while True:
            woken.clear()
            context.forget()  # What the last push has read.
            async with context.listener.query_slot():
                member = await _member(context, id)
                limits = await member_limits(context, member) if member else None
            access_end.follow(context)
            if member is None or limits is None:
                return
            access = _Access(
                member.role,
                member.is_owner,
                member.access_until,
                limits.max_active_licenses,
                limits.theme_ids,
            )
            if sent != access:
                sent = access
                context.forget()
                yield member
            await woken.wait()


class _Access(NamedTuple):
    """Rights of a member and their end, whose changes are pushed."""

    role: Role
    is_owner: bool
    until: datetime | None
    max_active_licenses: int | None
    theme_ids: list[UUID] | None


def _account(context: Context, global_id: str) -> UUID:
    """An account that the viewer belongs to. Raises NOT_FOUND for any other."""
    viewer = context.signed_in()
    id = decode_as(Account, global_id)
    if id is None or viewer.membership(id) is None:
        raise GraphQLError("There is no such account.", extensions={"code": "NOT_FOUND"})
    return id


async def _start(context: Context, account_id: UUID, after_sequence: int | None) -> int:
    """Sequence after which the stream begins."""
    _require(context.membership(account_id), Permission.VIEW_AUDIT_LOG)
    head = await head_sequence(context, account_id)
    if after_sequence is None:
        return head
    if not 0 <= after_sequence <= head:
        raise BadUserInput(f"`afterSequence` must be 0 to {head}, the newest event, not {after_sequence}.")
    return after_sequence


async def _require_now(
    context: Context, account_id: UUID, access_changed: asyncio.Event, access_end: "_AccessEnd"
) -> None:
    access_changed.clear()
    _require(await _membership(context, account_id), Permission.VIEW_AUDIT_LOG)
    access_end.follow(context)


async def _membership(context: Context, account_id: UUID) -> Membership | None:
    """The current membership, not that of the time when the socket was opened. Raises `Unauthenticated`,
    `ReauthenticationRequired`, and `NoSubscription` for an API key that no longer has READ."""
    context.viewer = await find_working(context.database, context.token or "", context.client.ip)
    if not context.viewer.reads:
        raise NoSubscription
    return context.membership(account_id)


async def _member(context: Context, account_id: UUID) -> Member | None:
    membership = await _membership(context, account_id)
    member = await find_row(context, Member, account_id, membership.member_id) if membership else None
    return member if member and not member.has_ended else None


def _credentials(context: Context) -> tuple[UUID, UUID]:
    """Ids that announcements about changed access of the viewer name."""
    viewer = context.signed_in()
    return viewer.user.id, viewer.credential.id


def _require(membership: Membership | None, permission: Permission) -> None:
    if membership is None or not membership.may(permission):
        raise Forbidden(permission)
