"""Record of a transfer that has ended: an event in the log of the account. The transfer of a person's own
data belongs to no account and is recorded in the process log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from asyncpg import Record
from sqlalchemy import ColumnElement, Interval, UpdateBase, cast, delete, func, update
from sqlmodel import col

from engine.row_writer import RowWriter
from engine.statements import Statement, parameter
from models.database import Database
from models.downloads import DownloadKind, DownloadLink, Transfer, TransferFacts
from models.licenses import License
from models.notifications import AuditAnnouncer
from permissions.viewer import Client
from resolvers.change import Change, system_change
from resolvers.downloads.links import link_actor
from resolvers.downloads.openers import ACTIONS
from resolvers.unaudited import transfer_note

log = structlog.get_logger()


@dataclass(frozen=True)
class EndedTransfer:
    id: UUID
    link: DownloadLink
    actor_name: str | None
    """None for a link to a person's own data."""
    client: Client
    facts: TransferFacts
    bytes_sent: int
    """Bytes that its process knows of. The transfer's row may have more."""
    reached_end: bool

    def is_complete(self, bytes_sent: int) -> bool:
        return self.reached_end and self.facts["size"] in (None, bytes_sent)


async def record_end(
    database: Database,
    ended: EndedTransfer,
    *,
    announcer: AuditAnnouncer | None = None,
    lost_for: timedelta | None = None,
) -> None:
    """Deletes the transfer's row and records its end, in one transaction. Does nothing if another process has
    done so. `lost_for` is the age of the row from which the job worker considers it lost."""
    account_id, actor_name = ended.link.account_id, ended.actor_name
    if account_id is None or actor_name is None:
        await _log_end(database, ended, lost_for)
        return
    actor, action = link_actor(ended.link, actor_name), ACTIONS[DownloadKind(ended.link.kind)]
    async with system_change(database, account_id, action, actor, ended.client, announcer=announcer) as tx:
        bytes_sent = _bytes_sent(ended, await _take(tx, ended, lost_for))
        if bytes_sent is None:
            tx.without_event("another process has recorded it")
        else:
            await _record(tx, ended, bytes_sent)


async def _log_end(database: Database, ended: EndedTransfer, lost_for: timedelta | None) -> None:
    async with transfer_note(database) as writer:
        bytes_sent = _bytes_sent(ended, await _take(writer, ended, lost_for))
    if bytes_sent is not None:
        log.info(
            "personal_data_downloaded",
            user_id=str(ended.link.user_id),
            bytes=bytes_sent,
            complete=ended.is_complete(bytes_sent),
            request_id=ended.client.request_id,
        )


async def _take(
    writer: Change | RowWriter, ended: EndedTransfer, lost_for: timedelta | None
) -> Sequence[Record]:
    if lost_for is None:
        return await writer.fetch(_TAKE, id=ended.id)
    return await writer.fetch(_TAKE_LOST, id=ended.id, lost_for=lost_for)


def _bytes_sent(ended: EndedTransfer, taken: Sequence[Record]) -> int | None:
    """None if the row was not there any more."""
    if not taken:
        return None
    stored: int = taken[0][0]
    return max(stored, ended.bytes_sent)


async def _record(tx: Change, ended: EndedTransfer, bytes_sent: int) -> None:
    facts, complete = ended.facts, ended.is_complete(bytes_sent)
    target_type, target_id = facts["targetType"], UUID(facts["targetId"])
    size = facts["size"]
    tx.record_target(
        (target_type, target_id, facts["targetName"]),
        _did(facts["thing"], bytes_sent, size, complete=complete),
        {**facts["details"], "bytes": bytes_sent, "size": size, "complete": complete},
    )
    if target_type == License.__name__ and bytes_sent:
        await tx.fetch(_DOWNLOADED, account_id=tx.account.id, license_id=target_id)


def _did(thing: str, bytes_sent: int, size: int | None, *, complete: bool) -> str:
    if complete:
        return f"downloaded {thing}"
    if not bytes_sent:
        return f"began to download {thing} and received no bytes"
    return f"downloaded {bytes_sent:,} bytes" + (f" of {size:,}" if size is not None else "") + f" of {thing}"


def is_lost() -> ColumnElement[bool]:
    """Compares with the database's clock, because processes may be on machines with other clocks."""
    return col(Transfer.seen_at) < func.now() - cast(parameter("lost_for"), Interval)


def _taking(*where: ColumnElement[bool]) -> UpdateBase:
    return (
        delete(Transfer)
        .where(col(Transfer.id) == parameter("id"), *where)
        .returning(col(Transfer.bytes_sent))
    )


_TAKE = Statement(_taking)
_TAKE_LOST = Statement(lambda: _taking(is_lost()))
_DOWNLOADED = Statement(
    lambda: (
        update(License)
        .where(col(License.account_id) == parameter("account_id"), col(License.id) == parameter("license_id"))
        .values(last_downloaded_at=func.now())
    )
)
