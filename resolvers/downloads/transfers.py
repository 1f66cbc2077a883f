"""Transfers: the sending of a file through a download link. Each transfer has one event, however it ends.
The transfer of a person's own data has a line in the process log instead.

Partial requests (ranges) of one link share one event, except the first one of each of the first ten clients.
So do complete downloads of one link after the tenth.

A transfer has a row from before its first byte. Its process stores the number of bytes sent about once a
second. The event is written and the row deleted in one transaction. If a row was not updated for 30 seconds,
because its process was killed, the job worker writes the event with the number stored last.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from asyncpg import Record
from sqlalchemy import and_, func, select
from sqlmodel import col

from engine.canonical_json import canonical_json
from engine.outages import log_failure
from engine.snapshots import columns, snapshots
from engine.statements import Statement
from engine.tables import AnySelect
from models.columns import new_id, now
from models.database import Database
from models.downloads import DownloadLink, Transfer, TransferFacts, transfer_facts
from models.members import Member
from models.notifications import AuditAnnouncer
from permissions.client_sites import Site, site_of
from permissions.viewer import Client
from resolvers.downloads.links import AnyLink, Content, Subject
from resolvers.downloads.transfer_events import EndedTransfer, is_lost, record_end
from resolvers.downloads.transfer_rows import BEGIN, COLLECT, NOTE
from resolvers.due_rows import ACROSS_ACCOUNTS, account_by_account
from resolvers.unaudited import transfer_note

NOTED_SECONDS = 1
LOST_SECONDS = 30
_CLOSING_SECONDS = 3
_AUDITED_AFTER_SECONDS = (0, 1, 2, 4, 8)
"""Waits before each attempt to write the event of a transfer."""
_BATCH = 500


_MOST_LINKS = 10_000
_MOST_ALONE = 10
_PartsKey = tuple[bytes, Site | None]


@dataclass
class _Alone:
    """Counts the transfers of one link that have an event of their own."""

    until: datetime
    whole: int = 0
    sites: set[Site] = field(default_factory=set)
    """Clients that requested a part."""


@dataclass
class ActiveTransfer:
    """Transfer in this process."""

    id: UUID
    link: DownloadLink
    actor_name: str | None
    """None for a link to a person's own data."""
    client: Client
    facts: TransferFacts
    bytes_sent: int = 0
    reached_end: bool = False
    parts: int = 0
    """Number of parts of the file that share this transfer's event."""
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when sending must stop: the row was deleted, or the process ends."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def ending(self) -> EndedTransfer:
        return EndedTransfer(
            self.id,
            self.link,
            self.actor_name,
            self.client,
            self.facts,
            self.bytes_sent,
            self.reached_end,
        )


class Transfers:
    def __init__(self, database: Database, announcer: AuditAnnouncer) -> None:
        self._database, self._announcer = database, announcer
        self._open: dict[UUID, ActiveTransfer] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._alone: dict[bytes, _Alone] = {}
        """Counts by the token hash of a link, until the link expires."""
        self._parts: dict[_PartsKey, ActiveTransfer] = {}
        self._noting: asyncio.Task[None] | None = None
        self._is_closed = False

    async def begin(
        self, link: AnyLink, content: Content, client: Client, range: str | None
    ) -> ActiveTransfer:
        """`range` is the response's Content-Range for a partial response."""
        facts = _facts(content.subject, content.size, range)
        sending = ActiveTransfer(new_id(), link.row, link.actor_name, client, facts)
        async with transfer_note(self._database) as writer:
            await writer.fetch(
                BEGIN,
                id=sending.id,
                token_hash=link.row.token_hash,
                ip=client.ip,
                user_agent=client.user_agent,
                request_id=client.request_id,
                bytes_sent=0,
                facts=canonical_json(facts),
                started_at=now(),
            )
        self._open[sending.id] = sending
        if self._is_closed:
            sending.cut.set()
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._note_each_second())
        return sending

    async def end(self, sending: ActiveTransfer) -> None:
        """Writes the event, even if the awaiting task is cancelled."""
        await asyncio.shield(self._in_background(self._end(sending)))

    def _in_background(self, ending: Coroutine[object, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(ending)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def close(self) -> None:
        """Aborts the transfers and writes their events. The job worker writes the events that take longer
        than a few seconds."""
        self._is_closed = True
        open = list(self._open.values())
        _cut(open)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.gather(*(sending.ended.wait() for sending in open))
                await asyncio.gather(*map(self._end_parts, list(self._parts)))
        if self._noting is not None:
            self._noting.cancel()

    async def _end(self, sending: ActiveTransfer) -> None:
        if self._is_alone(sending):
            await self._audit(sending)
            return
        try:
            await self._collect(sending)
        except Exception as error:
            log_failure("part_not_collected", error, request_id=sending.client.request_id)
            parts = self._parts.pop(self._parts_key(sending), sending)
            self._open.pop(parts.id, None)  # The job worker finds its row and writes its event.
            await self._audit(sending)
        finally:
            sending.ended.set()

    def _is_alone(self, sending: ActiveTransfer) -> bool:
        """Whether the transfer has an event of its own, as one of the first of its link."""
        token_hash, site = sending.link.token_hash, site_of(sending.client.ip)
        if len(self._alone) >= _MOST_LINKS and token_hash not in self._alone:
            self._alone = {each: alone for each, alone in self._alone.items() if alone.until > now()}
        alone = self._alone.setdefault(token_hash, _Alone(sending.link.expires_at))
        if "range" not in sending.facts["details"]:
            alone.whole += 1
            return alone.whole <= _MOST_ALONE
        if site in alone.sites or len(alone.sites) >= _MOST_ALONE:
            return False
        alone.sites.add(site)
        return True

    def _parts_key(self, sending: ActiveTransfer) -> _PartsKey:
        """Key of the transfers with which this one shares an event: those of its client if it is one of the
        first ten."""
        token_hash, site = sending.link.token_hash, site_of(sending.client.ip)
        alone = self._alone.get(token_hash)
        return token_hash, site if alone is not None and site in alone.sites else None

    async def _collect(self, sending: ActiveTransfer) -> None:
        """Adds the bytes to the row of the first part. The transfer's own row is deleted in the same
        statement, so that its bytes are recorded once, however the process ends."""
        parts = self._parts.setdefault(self._parts_key(sending), sending)
        parts.parts += 1
        details = {name: value for name, value in parts.facts["details"].items() if name != "range"}
        parts.facts = {**parts.facts, "details": {**details, "parts": parts.parts}}
        least, added = (sending.bytes_sent, 0) if sending is parts else (0, sending.bytes_sent)
        async with transfer_note(self._database) as writer:
            collected = await writer.fetch(
                COLLECT,
                id=sending.id,
                parts_id=parts.id,
                least=least,
                added=added,
                facts=canonical_json(parts.facts),
            )
            _require_there(collected)
        parts.bytes_sent += added
        if sending is not parts:
            self._open.pop(sending.id, None)

    def _end_parts(self, key: _PartsKey) -> asyncio.Task[None]:
        """Writes the event in the background, because it may have to wait for the account's lock."""
        parts = self._parts.pop(key)
        parts.reached_end = False
        return self._in_background(self._audit(parts))

    async def _audit(self, sending: ActiveTransfer) -> None:
        try:
            for seconds in _AUDITED_AFTER_SECONDS:
                await asyncio.sleep(seconds)
                try:
                    await record_end(self._database, sending.ending(), announcer=self._announcer)
                    return
                except Exception as error:
                    # Any error: the row remains, and the job worker writes the event if the retries fail.
                    log_failure("download_not_audited", error, request_id=sending.client.request_id)
        finally:
            self._open.pop(sending.id, None)
            sending.ended.set()

    async def _note_each_second(self) -> None:
        clock = asyncio.get_running_loop().time
        noted_at = clock()
        while self._open:
            await asyncio.sleep(NOTED_SECONDS)
            for key in [key for key, parts in self._parts.items() if parts.link.expires_at <= now()]:
                self._end_parts(key)
            open = list(self._open.values())
            try:
                await self._note(open)
                noted_at = clock()
            except Exception as error:
                log_failure("transfers_not_noted", error)
                if clock() - noted_at > LOST_SECONDS / 2:
                    # The job worker will soon consider them lost. Bytes sent after that would be in no log.
                    _cut(open)

    async def _note(self, sendings: list[ActiveTransfer]) -> None:
        """Stores the progress of all transfers with one statement. A missing row was considered lost and
        audited, so its transfer is aborted."""
        ids, bytes_sent = [each.id for each in sendings], [each.bytes_sent for each in sendings]
        async with transfer_note(self._database) as writer:
            noted = {row[0] for row in await writer.fetch(NOTE, id=ids, bytes_sent=bytes_sent)}
        _cut(sending for sending in sendings if sending.id not in noted)


def _require_there(parts: Sequence[object]) -> None:
    if not parts:
        raise RuntimeError("the job worker considered the other parts lost and audited them")


def _cut(sendings: Iterable[ActiveTransfer]) -> None:
    for sending in sendings:
        sending.cut.set()


def _facts(subject: Subject, size: int | None, range: str | None) -> TransferFacts:
    return {
        "targetType": subject.table.__name__,
        "targetId": str(subject.id),
        "targetName": subject.name,
        "thing": subject.thing,
        "size": size,
        "details": {**subject.details, **({"range": range} if range else {})},
    }


async def audit_lost(database: Database, lost_seconds: float = LOST_SECONDS) -> int:
    """Writes the events of transfers whose rows were not updated for `lost_seconds`. Returns their number."""
    lost_for = timedelta(seconds=lost_seconds)

    async def audit(_: UUID, ended: EndedTransfer) -> int:
        await record_end(database, ended, lost_for=lost_for)
        return 1

    lost = await database.fetch(_LOST.sql, *_LOST.arguments(lost_for=lost_for))
    await account_by_account(map(_of_account, lost), audit, {})
    return len(lost)


def _of_account(record: Record) -> tuple[UUID, EndedTransfer]:
    """The lost transfer with its account; of a person's own data, with the person."""
    actor_name, *values = record
    link, transfer = snapshots(values, DownloadLink, Transfer)
    client, facts = Client(transfer.ip, transfer.user_agent, transfer.request_id), transfer_facts(transfer)
    ended = EndedTransfer(transfer.id, link, actor_name, client, facts, 0, reached_end=False)
    return cast("UUID", link.account_id or link.user_id), ended


def _lost() -> AnySelect:
    member = and_(
        col(Member.account_id) == col(DownloadLink.account_id), col(Member.id) == col(DownloadLink.member_id)
    )
    return (
        select(
            func.coalesce(col(Member.name), col(DownloadLink.subject)["site"].astext),
            *columns(DownloadLink, Transfer),
        )
        .select_from(Transfer)
        .join(DownloadLink, col(DownloadLink.token_hash) == col(Transfer.token_hash))
        .join(Member, member, isouter=True)
        .where(is_lost())
        .order_by(col(Transfer.seen_at))
        .limit(_BATCH)
    )


_LOST = Statement(_lost, across_accounts=ACROSS_ACCOUNTS)
