"""An open change: it reads and writes rows of one account, and collects its events and emails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import asyncpg
from asyncpg import Record
from sqlmodel import SQLModel
from strawberry.utils.str_converters import to_camel_case

from engine.pauses import with_pauses
from engine.row_writer import RowNotFound, RowWriter
from engine.snapshots import snapshot
from engine.statements import Statement
from mailer import queue
from mailer.messages import Message
from mailer.queue import lane_of_account
from models.accounts import Account
from models.audit import AuditOutcome
from models.audit_actions import AuditAction
from models.columns import Identified
from models.idempotency import IdempotencyKey
from models.members import Member
from models.new_event import NewEvent
from models.notifications import notify_access
from permissions.viewer import Client
from resolvers.audit_append import append, encode_event
from resolvers.events import Actor, Target, new_event
from resolvers.idempotency import Attempt
from resolvers.stored_limits import StoredLimit

Row = TypeVar("Row", bound=SQLModel)
_ROWS_AT_ONCE, _EVENTS_AT_ONCE = 1_000, 200
"""Numbers that take the event loop a few milliseconds."""


@dataclass
class Change:
    """An open transaction. It must end with at least one event, or state why there is none.

    Rows are values: `update` returns the new row. Rows that were read, inserted or updated are shown in the
    payload without another statement.
    """

    connection: asyncpg.Connection
    account: Account
    action: AuditAction
    actor: Actor | None
    client: Client
    member: Member | None = None
    """The acting member."""
    earlier_answer: Any = None
    """Result of the earlier change with the same idempotency key, if there was one."""
    _events: list[NewEvent] = field(default_factory=list)
    _messages: list[Message] = field(default_factory=list)
    is_own_repetition: bool = False
    """Whether the earlier change was made with the same credential."""
    _attempt: Attempt | None = None
    _remembered: IdempotencyKey | None = None
    _without_event: str | None = None
    _created_ids: set[UUID] = field(default_factory=set)
    _rows_by_id: dict[UUID, SQLModel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._writer = RowWriter(self.connection, self.account.id)

    @property
    def acting(self) -> Member:
        """The acting member of a member's change."""
        return cast("Member", self.member)

    async def find(self, table: type[Row], *key: UUID, lock: bool = False) -> Row | None:
        """The account's row, read under the account's lock. `key` is its primary key without `account_id`. A
        row is read once, except with `lock`, which locks the row itself, because it is also written without
        the account's lock."""
        known = self._rows_by_id.get(key[-1]) if key and not lock else None
        if isinstance(known, table):
            return known
        row = await self._writer.find(table, *key, lock=lock)
        if row is not None:
            self.cache_row(row)
        return row

    async def get(self, table: type[Row], *key: UUID, lock: bool = False) -> Row:
        """Like `find`, but raises `RowNotFound` if there is no such row."""
        row = await self.find(table, *key, lock=lock)
        if row is None:
            raise RowNotFound(f"{table.__name__} {key}: there is none in account {self.account.id}")
        return row

    async def insert(self, *rows: SQLModel) -> None:
        """Inserts the rows with one statement for each table. The payload shows them even to an API key
        without READ."""
        await self._writer.insert(*rows)
        for row in rows:
            self.cache_row(row)
            self.mark_created(row)

    async def update(self, row: Row, **values: object) -> Row:
        """Updates the row and returns the new one. Nothing is written if no value differs."""
        new = await self._writer.update(row, **values)
        self.cache_row(new)
        return new

    async def update_all(self, rows: Sequence[Row], **values: object) -> list[Row]:
        """Sets the same values in all rows with one statement, and returns the new rows."""
        updated = await self._writer.update_all(rows, **values)
        async for row in with_pauses(updated, every=_ROWS_AT_ONCE):
            self.cache_row(row)
        return updated

    async def fetch(self, statement: Statement, **values: object) -> list[Record]:
        """Executes a statement in this transaction and returns its records."""
        return await self._writer.fetch(statement, **values)

    async def rows(self, table: type[Row], statement: Statement, **values: object) -> list[Row]:
        """Rows of a table. The statement selects all `columns` of the table."""
        records = await self.fetch(statement, **values)
        found: list[Row] = []
        async for record in with_pauses(records, every=_ROWS_AT_ONCE):
            found.append(snapshot(table, record))
            self.cache_row(found[-1])
        return found

    async def charge(
        self, limit: StoredLimit, subjects: Sequence[str], count: int = 1
    ) -> dict[str, datetime]:
        """Charges the limit of each subject: see `StoredLimit.charge`."""
        return await limit.charge(self.connection, subjects, count)

    def cache_row(self, row: SQLModel) -> None:
        """Makes a row available to the payload without reading it again."""
        if hasattr(row, "id"):
            self._rows_by_id[row.id] = row
        if isinstance(row, Account):
            self.account = row
        elif isinstance(row, Member) and self.member is not None and row.id == self.member.id:
            self.member = row

    def mark_created(self, row: SQLModel) -> None:
        """Lets the payload show the row completely, even to an API key without READ."""
        if hasattr(row, "id"):
            self._created_ids.add(row.id)

    async def access_changed(self, *ids: UUID) -> None:
        """Notifies open connections of these users or sessions, or of all members of the account, which then
        read their permissions again."""
        await notify_access(self.connection, *ids)

    def record(
        self,
        target: Identified,
        target_name: str,
        did: str,
        details: Mapping[str, object] | None = None,
        *,
        action: AuditAction | None = None,
        actor: Actor | None = None,
        **named: object,
    ) -> None:
        """Adds an event. `did` completes the sentence that begins with the actor's name. Its details are
        passed by name, or as `details` if their names differ from call to call."""
        named_target = type(target).__name__, target.id, target_name
        self.record_target(named_target, did, {**(details or {}), **named}, action=action, actor=actor)

    def record_target(
        self,
        target: Target,
        did: str,
        details: Mapping[str, object],
        *,
        action: AuditAction | None = None,
        actor: Actor | None = None,
    ) -> None:
        """Like `record`, for a target whose row may no longer exist."""
        actor = actor or cast("Actor", self.actor)
        event = new_event(
            self.account.id,
            actor,
            self.client,
            action or self.action,
            AuditOutcome.ALLOWED,
            f"{actor.name} {did}",
            target,
            {to_camel_case(name): value for name, value in details.items()},
        )
        self._events.append(event)

    def without_event(self, why: str = "what was asked for is so already") -> None:
        """Allows the change to end without an event, for the given reason."""
        self._without_event = why

    def enqueue(self, *messages: Message) -> None:
        """Enqueues emails, which are sent after the commit, or not at all."""
        self._messages.extend(messages)

    def remember(self, answer: object) -> None:
        """Stores the result for retries with the same idempotency key, if there is one."""
        if self._attempt is not None:
            self._remembered = self._attempt.answered(answer)

    async def find_earlier(self, attempt: Attempt) -> None:
        """Reads the result of the earlier change with the same idempotency key, if there was one."""
        self._attempt = attempt
        earlier = await attempt.earlier(self.connection)
        if earlier is not None:
            self.earlier_answer, self.is_own_repetition = earlier

    async def finish(self) -> None:
        """Writes the stored result, the emails and the events. The events are last, because they lock the log
        until the commit."""
        if not (self._events or self._without_event or self.earlier_answer is not None):
            raise RuntimeError(
                f"{self.action} left its change without an audit event: call tx.record(), or"
                " tx.without_event() where everything was as requested before"
            )
        if self._remembered is not None:
            await self._writer.insert(self._remembered)
        await queue.enqueue(self.connection, self._messages, lane_of_account(self.account.id))
        if self._events:
            events = with_pauses(self._events, every=_EVENTS_AT_ONCE)
            await append(self.connection, [encode_event(event) async for event in events])

    @property
    def rows_by_id(self) -> dict[UUID, SQLModel]:
        """The rows that were read or written, in their current state."""
        return self._rows_by_id

    @property
    def created_ids(self) -> set[UUID]:
        """Ids of the rows that this change, or the one that it repeats, created."""
        return self._created_ids
