"""The only way to change data of an account: a change and its events are committed together, or neither.

A change locks its account's row first. So the changes of one account are executed one after the other, an
actor's role cannot change while it acts, and locks are always taken in the same order. The events are
appended last, because the log's head stays locked from then until the commit.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import cast
from uuid import UUID

from graphql import GraphQLError
from sqlalchemy import select
from sqlmodel import SQLModel, col

from engine.fair_share import Claim
from engine.snapshots import columns, snapshot
from engine.statements import Statement, parameter
from models.accounts import Account
from models.api_keys import ApiKeyStatus
from models.audit import ActorKind
from models.audit_actions import AuditAction
from models.columns import Identified
from models.database import Database
from models.members import User
from models.notifications import AuditAnnouncer
from permissions.context import Context
from permissions.credentials import refusal_of_api_key, scopes_unless_ended
from permissions.errors import Forbidden
from permissions.viewer import Client, Membership
from resolvers.change_transaction import Change
from resolvers.denials import record_denied
from resolvers.events import Actor
from resolvers.idempotency import Attempt
from resolvers.membership_lock import lock_membership
from resolvers.user_errors import not_found

__all__ = ["Change", "account_creation", "change", "system_change"]

_LONG_ROWS = 50
"""Number of rows above which a change takes much longer than usual."""


@asynccontextmanager
async def change(
    context: Context,
    account_id: UUID,
    action: AuditAction,
    *,
    on: Identified | None = None,
    key: str | None = None,
    rows: int = 1,
) -> AsyncIterator[Change]:
    """A change that the viewer makes as a member of the account.

    It starts from a membership of the credential: an API key has only the membership in its own account, even
    if its member's person belongs to other accounts. Raises `Unauthenticated`; `ReauthenticationRequired`
    where the account no longer accepts the session; `UserErrors` with NOT_FOUND, before anything is locked
    or written, where the credential has no membership in the account; and `Forbidden`, which leaves a DENIED
    event, where the role does not have the permission of the field's `allow=`. The event names `on`, what the
    change was to be made on, or else the account. `rows` is about how many it writes. Raises `TypeError` at
    once where the action has no phrase for a refused attempt.
    """
    _ = action.attempt  # Raises at once, and not only when somebody is refused.
    viewer, call = context.signed_in(), context.mutation_call
    membership = viewer.membership(account_id)
    if membership is None:
        raise not_found("account", "accountId")
    claim = Claim(account_id, viewer.user.id, rows > _LONG_ROWS)
    async with AsyncExitStack() as after_rollback, context.database.transaction(claim) as connection:
        account, member = await lock_membership(connection, membership)
        scopes = await scopes_unless_ended(connection, context.token or "", context.client.ip)
        viewer.require_accepted(member, account)
        actor = Actor(ActorKind.MEMBER, member.name, member.id, viewer.credential)
        denied = partial(record_denied, context, actor, action, account, on)
        after_rollback.push_async_exit(partial(_record_if_denied, denied))
        tx = Change(connection, account, action, actor, context.client, member)
        tx.cache_row(account)
        tx.cache_row(member)
        owned: object = on
        if on is not None and call.allow.own is not None:  # It may belong to another member by now.
            owned = await tx.get(cast("type[SQLModel]", type(on)), on.id)
        locked = Membership(member.account_id, member.id, member.role, scopes)
        refused = _refusal_of_key(locked) or call.allow.refusal_of_change(locked, owned)
        if refused is not None:
            raise refused
        if key is not None:
            await tx.find_earlier(Attempt(member.id, key, action, call.input, viewer.credential_id))
        yield tx
        await tx.finish()
    context.announcer.grown(account_id)
    context.forget()
    context.cached_row = tx.rows_by_id.get
    context.created_ids |= tx.created_ids


def _refusal_of_key(locked: Membership) -> GraphQLError | None:
    """Returns why an API key does not work with the role that its member has now, or None if it works."""
    return (
        None
        if locked.scopes is None
        else refusal_of_api_key(ApiKeyStatus.ACTIVE, locked.role, has_ended=False)
    )


async def _record_if_denied(
    record: Callable[[Forbidden], Awaitable[None]], _: object, error: object, _traceback: object
) -> None:
    if isinstance(error, Forbidden):
        await record(error)


@asynccontextmanager
async def system_change(
    database: Database,
    account_id: UUID,
    action: AuditAction,
    actor: Actor | None,
    client: Client = Client(),  # noqa: B008 - frozen
    *,
    announcer: AuditAnnouncer | None = None,
    rows: int = 1,
) -> AsyncIterator[Change]:
    """A change by the operator, by the platform, or by a person who becomes a member through it
    (`actor=None`: the change sets `tx.actor`). A server passes its `announcer`; jobs and commands need none.
    Raises `UserErrors` with NOT_FOUND if there is no such account."""
    async with database.transaction(Claim(account_id, is_long=rows > _LONG_ROWS)) as connection:
        record = await connection.fetchrow(_LOCK.sql, account_id)
        if record is None:
            raise not_found("account", "accountId")
        tx = Change(connection, snapshot(Account, tuple(record)), action, actor, client)
        tx.cache_row(tx.account)
        yield tx
        await tx.finish()
    await _announce(database, announcer, account_id)


@asynccontextmanager
async def account_creation(
    database: Database,
    account: Account,
    founder: User,
    client: Client = Client(),  # noqa: B008 - frozen
    *,
    announcer: AuditAnnouncer | None = None,
    attempt: Attempt | None = None,
) -> AsyncIterator[Change]:
    """The change that creates an account. It sets `tx.actor`."""
    async with database.transaction(Claim(account.id, founder.id)) as connection:
        tx = Change(connection, account, AuditAction.ACCOUNT_CREATED, None, client)
        if attempt is not None:
            await tx.find_earlier(attempt)
        yield tx
        await tx.finish()
    await _announce(database, announcer, account.id)


async def _announce(database: Database, announcer: AuditAnnouncer | None, account_id: UUID) -> None:
    """Announces the new events, without an announcer by a temporary one."""
    announcing = announcer or AuditAnnouncer(database)
    announcing.grown(account_id)
    if announcer is None:
        await announcing.close()


_LOCK = Statement(
    lambda: (
        select(*columns(Account))
        .where(col(Account.id) == parameter("account_id"))
        .with_for_update(key_share=True)
    )
)
