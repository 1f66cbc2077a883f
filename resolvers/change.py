"""The only way to a writable transaction: a change and its audit events are committed together, or neither.

A change locks its account's row first. So the changes of one account follow one another, an actor's
role cannot be taken away while it acts, and there is one order of locks. The events are the last
statement, since the log's head stays locked from there to the commit.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import asyncpg
from sqlalchemy import Table, UpdateBase, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.orm import Session as SyncSession
from sqlmodel import SQLModel
from strawberry.utils.str_converters import to_camel_case

from engine.fair_share import Claim
from engine.row_writer import RowNotFound, RowWriter
from engine.snapshots import attach, attributes, is_attached, snapshot
from engine.statements import Statement
from mailer import queue
from mailer.messages import Message
from mailer.queue import Lane, lane_of_account
from models.accounts import Account
from models.audit import ActorKind, AuditAction, AuditOutcome
from models.audit_streams import AuditStream
from models.database import Database
from models.downloads import DownloadLink
from models.idempotency import IdempotencyKey
from models.members import Member, User
from models.notifications import AuditAnnouncer, notify_access
from models.transactions import Transaction
from permissions.allow import Allow, Has
from permissions.context import Context
from permissions.credentials import require_working
from permissions.errors import Forbidden
from permissions.viewer import Client, Membership, Scopes
from resolvers.audit_append import append, written
from resolvers.denials import Denials
from resolvers.email_allowances import Allowance
from resolvers.events import Actor, new_event, shortened, target
from resolvers.idempotency import Attempt
from resolvers.membership_lock import lock_membership
from resolvers.user_errors import not_found


@dataclass(frozen=True, slots=True)
class Asked:
    """The field that was called, who may call it, and with what: set by the field itself."""

    allow: Allow
    input: dict[str, Any]


_LONG_ROWS = 50
"""A change of more rows takes much longer than most do."""

Row = TypeVar("Row", bound=SQLModel)

asked: ContextVar[Asked] = ContextVar("asked")
# No default: a change that no field has asked for has nobody who may make it.


@dataclass
class Change:
    """An open transaction. It leaves with at least one `about`, or says why there is none."""

    transaction: Transaction
    account: Account
    action: AuditAction
    actor: Actor | None
    client: Client
    member: Member | None = None
    """The acting member."""
    replayed: Any = None
    """What this change answered the first time, where its idempotency key was used before."""
    _events: list[dict[str, Any]] = field(default_factory=list)
    _messages: list[Message] = field(default_factory=list)
    repeats_its_own: bool = False
    """Whether it was this very credential that made the change which is replayed."""
    _attempt: Attempt | None = None
    _remembered: IdempotencyKey | None = None
    _without_event: str | None = None
    _made: set[UUID] = field(default_factory=set)
    _read: dict[UUID, SQLModel] = field(default_factory=dict)
    """By id; the session knows those that were read before it was asked for."""

    def __post_init__(self) -> None:
        self._writer = RowWriter(self.transaction.driver, self.account.id)

    @property
    def session(self) -> AsyncSession:
        session = self.transaction.session
        for row in self._read.values():
            if not is_attached(row):
                attach(session.sync_session, row)
        return session

    @property
    def acting(self) -> Member:
        """The member who acts, where it is a member's change."""
        return cast("Member", self.member)

    def add(self, *rows: SQLModel) -> None:
        self.session.add_all(rows)
        for row in rows:
            self.has_made(row)

    def about(
        self,
        target: SQLModel,
        target_name: str,
        did: str,
        *,
        action: AuditAction | None = None,
        actor: Actor | None = None,
        **details: Any,
    ) -> None:
        """One event: `did` completes the sentence that begins with the actor's name."""
        actor = actor or cast("Actor", self.actor)
        event = new_event(self.account.id, actor, self.client, action or self.action)
        event["summary"] = f"{event['actor_name']} {did}"
        event["outcome"] = AuditOutcome.ALLOWED
        event["target_type"] = type(target).__name__
        event["target_id"] = cast("Any", target).id
        event["target_name"] = target_name
        event["details"] = {to_camel_case(name): value for name, value in details.items()}
        self._events.append(event)

    def without_event(self, why: str = "what was asked for is so already") -> None:
        """For a repetition, and for what nobody did."""
        self._without_event = why

    def remember(self, answer: Any) -> None:
        """For a retry with the same idempotency key, where one was given."""
        if self._attempt is not None:
            self._remembered = self._attempt.answered(answer)

    def enqueue(self, *messages: Message) -> None:
        """Sent after the commit, or not at all."""
        self._messages.extend(messages)

    async def find(self, table: type[Row], *key: UUID, lock: bool = False) -> Row | None:
        """The account's row, as it is under the lock; `key` is its primary key without `account_id`. Read
        once, but for one that is to be locked itself, since others than changes write it."""
        known = self._read.get(key[-1]) if key and not lock else None
        if isinstance(known, table):
            return known
        if self.transaction.has_session and not lock:
            return await self.session.get(table, (self.account.id, *key))
        row = await self._writer.find(table, *key, lock=lock)
        if row is not None:
            self.has_read(row)
        return row

    async def get(self, table: type[Row], *key: UUID, lock: bool = False) -> Row:
        """As `find`, of a row that has to be there. Raises RowNotFound where it is not."""
        row = await self.find(table, *key, lock=lock)
        if row is None:
            raise RowNotFound(f"{table.__name__} {key}: there is none in account {self.account.id}")
        return row

    async def insert(self, *rows: SQLModel) -> None:
        """One statement for all rows of a table. The payload shows all of them to who made them."""
        await self._writer.insert(*rows)
        for row in rows:
            self.has_read(row)
            self.has_made(row)

    async def update(self, row: Row, **values: Any) -> Row:
        """The row with these values: rows are not assigned to. Nothing is written where nothing differs."""
        if is_attached(row):
            for name, value in values.items():
                setattr(row, name, value)
            return row
        new = await self._writer.update(row, **values)
        self.has_read(new)
        if isinstance(new, Account):
            self.account = new
        elif isinstance(new, Member) and self.member is not None and new.id == self.member.id:
            self.member = new
        return new

    async def fetch(self, statement: Statement, **values: Any) -> list[Any]:
        """Records, in this transaction."""
        return await self._writer.fetch(statement, **values)

    async def rows(self, table: type[Row], statement: Statement, **values: Any) -> list[Row]:
        """Rows of the table, whose `attributes` the statement selects."""
        found = [snapshot(table, record) for record in await self.fetch(statement, **values)]
        for row in found:
            self.has_read(row)
        return found

    async def spend(
        self, allowance: Allowance, subjects: Sequence[str], count: int = 1
    ) -> dict[str, datetime]:
        """Of the emails that these may have: see `Allowance.spend`."""
        return await allowance.spend(self.transaction.driver, subjects, count)

    def entity(self, row: Row) -> Row:
        """The same row, which may be assigned to: what was read without the session cannot be."""
        session = self.session.sync_session
        if not is_attached(row):
            attach(session, row)
        return row

    def has_read(self, row: SQLModel) -> None:
        """A row that the payload may select, without reading it again."""
        if hasattr(row, "id"):
            self._read[cast("Any", row).id] = row

    def has_made(self, row: SQLModel) -> None:
        """A row of which the payload shows all to who made it, be it an API key without READ."""
        if hasattr(row, "id"):
            self._made.add(row.id)

    def known(self) -> dict[UUID, Any]:
        """The rows that were seen or made, as they are now."""
        entities = self.session.identity_map.values() if self.transaction.has_session else ()
        return {**self._read, **{row.id: row for row in entities if hasattr(row, "id")}}

    async def access_changed(self, *ids: UUID) -> None:
        """Users or sessions whose open connections must look again at what they may."""
        await notify_access(self.session, *ids)

    async def finish(self) -> None:
        if not (self._events or self._without_event or self.replayed is not None):
            raise RuntimeError(f"{self.action} left its change without an audit event")
        if self.transaction.has_session:
            await self.session.flush()
        if self._remembered is not None:
            await self.insert(self._remembered)
        await queue.enqueue(self.transaction.driver, self._messages, lane_of_account(self.account.id))
        if self._events:
            await append(self.transaction.driver, [written(event) for event in self._events])


@asynccontextmanager
async def announcing(database: Database) -> AsyncIterator[AuditAnnouncer]:
    """For a command or a job, which is no server with an announcer of its own."""
    announcer = AuditAnnouncer(database)
    try:
        yield announcer
    finally:
        await announcer.close()


async def enqueue(session: AsyncSession, messages: Sequence[Message], lane: Lane) -> None:
    """Emails that go out after the commit of the session's transaction, or not at all."""
    await queue.enqueue(await driver_of(session), messages, lane)


async def driver_of(session: AsyncSession) -> asyncpg.Connection:
    """The driver's connection, in the session's transaction."""
    raw = await (await session.connection()).get_raw_connection()
    return cast("asyncpg.Connection", raw.driver_connection)


@asynccontextmanager
async def change(
    context: Context,
    account_id: UUID,
    action: AuditAction,
    *,
    on: SQLModel | None = None,
    key: str | None = None,
    rows: int = 1,
) -> AsyncIterator[Change]:
    """A change that the viewer makes as a member of the account.

    It starts from a membership of the credential: an API key has that of its own account alone, whatever
    other accounts its member's person belongs to. Raises `Unauthenticated`; `Refused` with NOT_FOUND, before
    anything is locked or written, where the credential has no membership in the account; and `Forbidden`,
    which leaves a DENIED event, where the role does not have the permission of the field's `allow=`. The
    event names `on`, what the change was to be made on, or else the account. `rows` is about how many it
    writes. Raises `TypeError` at once where the action has no phrase for a refused attempt.
    """
    attempt = action.attempt
    viewer = context.signed_in()
    membership = viewer.membership(account_id)
    if membership is None:
        raise not_found("account", "accountId")
    denied: dict[str, Any] | None = None
    try:
        claim = Claim(account_id, viewer.user.id, rows > _LONG_ROWS)
        async with context.database.transaction(claim) as transaction:
            account, member = await lock_membership(transaction.driver, membership)
            await require_working(transaction.driver, context.token or "")
            actor = Actor(ActorKind.MEMBER, member.name, member.id, viewer.credential)
            denied = {**new_event(account_id, actor, context.client, action), **target(on or account)}
            denied["summary"] = f"{member.name} tried to {attempt}"
            tx = Change(transaction, account, action, actor, context.client, member)
            tx.has_read(account)
            tx.has_read(member)
            _require(asked.get().allow, member, viewer.scopes, on)
            await _look_up_key(tx, member.id, key, viewer.credential_id)
            yield tx
            await tx.finish()
            known = tx.known()
    except Forbidden as refusal:
        if denied is not None:
            await _record_denied(context, denied, refusal)
        raise
    context.announcer.grown(account_id)
    context.forget()
    context.known = known.get
    context.made |= tx._made


@asynccontextmanager
async def system_change(
    database: Database,
    announcer: AuditAnnouncer,
    account_id: UUID,
    action: AuditAction,
    actor: Actor | None,
    client: Client = Client(),  # noqa: B008 - frozen
    rows: int = 1,
) -> AsyncIterator[Change]:
    """A change by the operator, by the platform, or by who becomes a member through it (`actor=None`:
    the change sets `tx.actor`). Raises `Refused` with NOT_FOUND where there is no such account."""
    async with database.transaction(Claim(account_id, is_long=rows > _LONG_ROWS)) as transaction:
        account = await transaction.session.get(Account, account_id, with_for_update={"key_share": True})
        if account is None:
            raise not_found("account", "accountId")
        tx = Change(transaction, account, action, actor, client)
        yield tx
        await tx.finish()
    announcer.grown(account_id)


@asynccontextmanager
async def founding(
    database: Database,
    announcer: AuditAnnouncer,
    account: Account,
    founder: User,
    client: Client = Client(),  # noqa: B008 - frozen
    key: str | None = None,
    credential_id: UUID | None = None,
) -> AsyncIterator[Change]:
    """The change that makes an account; it sets `tx.actor`."""
    async with database.transaction(Claim(account.id, founder.id)) as transaction:
        tx = Change(transaction, account, AuditAction.ACCOUNT_CREATED, None, client)
        await _look_up_key(tx, founder.id, key, credential_id)
        yield tx
        await tx.finish()
    announcer.grown(account.id)


@asynccontextmanager
async def personal_change(database: Database) -> AsyncIterator[AsyncSession]:
    """For what is a person's and no account's: users, sessions, sign-in links. There is no log of these,
    and a statement that would touch a tenant's table is refused."""
    async with _writing(database) as session:
        session.sync_session.info["personal"] = True
        yield session


@asynccontextmanager
async def catalog_change(database: Database) -> AsyncIterator[AsyncSession]:
    """For the platform's catalog, which is no account's either."""
    async with personal_change(database) as session:
        yield session


async def note_delivery(database: Database, statement: Statement, **values: Any) -> list[Any]:
    """How far audit streams have got: nobody does that, and an event of each delivery would have to be
    delivered too. The records of an UPDATE of theirs; a statement that is another is refused."""
    if not statement.sql.startswith(f"UPDATE {AuditStream.__tablename__} "):
        raise RuntimeError("only audit streams are written without an event: only change() may write others")
    async with database.transaction(Claim(values["account_id"])) as transaction:
        return await transaction.driver.fetch(statement.sql, *statement.arguments(**values))


async def claim_deliveries(database: Database, *values: Any) -> list[Any]:
    """Leases of audit streams that have something to deliver, of whichever accounts: the records of
    `claim_audit_streams`, which writes nothing else."""
    async with database.transaction() as transaction:
        return await transaction.driver.fetch(_CLAIM, *values)


@asynccontextmanager
async def _writing(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.transaction() as transaction:
        yield transaction.session


@event.listens_for(SyncSession, "before_flush")
def _flush_keeps_out_of_accounts(session: SyncSession, *_: Any) -> None:
    if session.info.get("personal"):
        _keep_out(cast("Any", row).__table__ for row in (*session.new, *session.dirty, *session.deleted))


@event.listens_for(SyncSession, "do_orm_execute")
def _statement_keeps_out_of_accounts(state: ORMExecuteState) -> None:
    if state.session.info.get("personal") and isinstance(state.statement, UpdateBase):
        _keep_out([cast("Table", state.statement.table)])


def _keep_out(tables: Iterable[Table]) -> None:
    for table in tables:
        if table.name == DownloadLink.__tablename__:
            continue  # It has an event when it is used, and is forgotten without one.
        if table.name == Account.__tablename__ or "account_id" in table.columns:
            raise RuntimeError(f"{table.name} is an account's: only change() may write it")


_CLAIM = f"SELECT {', '.join(attributes(AuditStream))} FROM claim_audit_streams($1, $2, $3, $4)"  # noqa: S608


def _require(allow: Allow, member: Member, scopes: Scopes, on: SQLModel | None) -> None:
    """As of the member's row, which is locked."""
    if not isinstance(allow, Has):
        return
    membership = Membership(member.account_id, member.id, member.role, scopes)
    refusal = allow.refusal_of_change(membership, on)
    if refusal is not None:
        raise refusal


async def _look_up_key(tx: Change, actor_id: UUID, key: str | None, credential_id: UUID | None) -> None:
    if key is None:
        return
    tx._attempt = Attempt(actor_id, key, tx.action, asked.get().input, credential_id)
    earlier = await tx._attempt.earlier(tx.transaction.driver)
    if earlier is not None:
        tx.replayed, tx.repeats_its_own = earlier


async def _record_denied(context: Context, denied: dict[str, Any], refusal: Forbidden) -> None:
    denied["summary"] += f", {refusal.which}"
    denied["outcome"] = AuditOutcome.DENIED
    denied["details"] = {"permission": refusal.permission.value, "input": shortened(asked.get().input)}
    await (context.denials or denials_of(context.database, context.announcer)).record(denied)


def denials_of(database: Database, announcer: AuditAnnouncer) -> Denials:
    """Where the requests of a process count refused changes."""

    async def append_one(event: Mapping[str, Any]) -> None:
        async with database.transaction(Claim(event["account_id"])) as transaction:
            await append(transaction.driver, [written(event)])
        announcer.grown(event["account_id"])

    return Denials(append_one)
