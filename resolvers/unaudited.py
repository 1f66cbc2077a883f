"""Transactions that need no audit event. Each admits the tables that are listed here and refuses statements
on others.

It covers users, sessions, sign-in links, the catalog, the progress of deliveries, and expired rows. What the
members of an account do is written by `change()`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from asyncpg import Record
from sqlmodel import SQLModel

from engine.fair_share import Claim
from engine.row_writer import RowWriter
from engine.snapshots import attributes
from engine.statements import Statement
from mailer import queue
from mailer.messages import Message
from mailer.queue import Lane
from models.api_keys import ApiKey
from models.audit import AuditCut, AuditEvent, AuditVerification
from models.audit_streams import AuditStream
from models.catalog import Theme, ThemeFile, ThemeRelease
from models.database import Database
from models.downloads import DownloadLink, Transfer
from models.idempotency import IdempotencyKey
from models.invitations import Invitation
from models.licenses import License
from models.limit_buckets import LimitBucket
from models.members import Erasure, Member, User
from models.sessions import Session, SignInLink, UnrecordedSignIn

_PERSONAL = (
    User,
    Session,
    SignInLink,
    UnrecordedSignIn,
    LimitBucket,
    Erasure,
    IdempotencyKey,
    DownloadLink,
    Transfer,
)
_CATALOG = (Theme, ThemeRelease, ThemeFile)
_EXPIRED = (LimitBucket, IdempotencyKey, SignInLink, DownloadLink)
Noted: TypeAlias = ApiKey | AuditStream | AuditVerification | Invitation | License | Member
_PRUNED = (AuditCut, AuditEvent)


@asynccontextmanager
async def personal_change(database: Database) -> AsyncIterator[RowWriter]:
    """Transaction for data of a person that belongs to no account: users, sessions, sign-in links, and
    download links to personal data. Row-level security refuses links of an account."""
    async with _writing(database, _PERSONAL) as writer:
        yield writer


@asynccontextmanager
async def catalog_change(database: Database) -> AsyncIterator[RowWriter]:
    """Transaction for the catalog, which belongs to no account."""
    async with _writing(database, _CATALOG) as writer:
        yield writer


@asynccontextmanager
async def transfer_note(database: Database) -> AsyncIterator[RowWriter]:
    """Transaction for the progress of downloads, which are audited when they end."""
    async with _writing(database, (Transfer,)) as writer:
        yield writer


@asynccontextmanager
async def license_links(database: Database, account_id: UUID) -> AsyncIterator[RowWriter]:
    """Transaction that issues download links for a license key, which are audited when they are used."""
    async with _writing(database, (DownloadLink,), account_id) as writer:
        yield writer


@asynccontextmanager
async def tidying(database: Database) -> AsyncIterator[RowWriter]:
    """Transaction that deletes expired rows to which nothing refers."""
    async with _writing(database, _EXPIRED) as writer:
        yield writer


@asynccontextmanager
async def account_note(database: Database, account_id: UUID, table: type[Noted]) -> AsyncIterator[RowWriter]:
    """Transaction in which a job records deliveries or verifications in one table of an account. Triggers
    refuse the commit if an audited column was changed."""
    async with _writing(database, (table,), account_id) as writer:
        yield writer


@asynccontextmanager
async def deletion_of_pruned(database: Database, account_id: UUID) -> AsyncIterator[RowWriter]:
    """Transaction that deletes events of an account that an event in its log declares pruned. A trigger
    requires this event."""
    async with _writing(database, _PRUNED, account_id) as writer:
        yield writer


async def claim_deliveries(database: Database, *values: object) -> list[Record]:
    """Leases audit streams of any account that have events to deliver, with the SQL function
    `claim_audit_streams`, which writes nothing else. Returns its records."""
    async with database.transaction() as connection:
        return await connection.fetch(_CLAIM, *values)


async def note_license_checks(
    database: Database,
    licenses: Sequence[tuple[UUID, UUID]],
    times: Sequence[datetime],
    sites: Sequence[str],
    versions: Sequence[str | None],
) -> None:
    """Writes what installed themes reported, by account and id of their licenses, with the SQL function
    `note_license_checks`, which writes nothing else."""
    account_ids, ids = [each[0] for each in licenses], [each[1] for each in licenses]
    async with database.transaction() as connection:
        await connection.execute(_NOTE_LICENSE_CHECKS, account_ids, ids, times, sites, versions)


async def forget_api_key_days(database: Database, most: int) -> int:
    """Deletes counts of API calls on days that are no longer shown, at most so many rows, with the SQL
    function `forget_api_key_days`, which writes nothing else. Returns their number."""
    async with database.transaction() as connection:
        forgotten: int = await connection.fetchval(_FORGET_API_KEY_DAYS, most)
    return forgotten


async def note_delivery(
    database: Database, statement: Statement, account_id: UUID, **values: object
) -> list[Record]:
    """Executes one statement in `account_note` and returns its records."""
    async with account_note(database, account_id, AuditStream) as writer:
        return await writer.fetch(statement, account_id=account_id, **values)


async def enqueue(writer: RowWriter, messages: Sequence[Message], lane: Lane) -> None:
    """Enqueues emails, which are sent after the commit, or not at all."""
    await queue.enqueue(writer.connection, messages, lane)


@asynccontextmanager
async def _writing(
    database: Database, tables: Sequence[type[SQLModel]], account_id: UUID | None = None
) -> AsyncIterator[RowWriter]:
    async with database.transaction(Claim(account_id)) as connection:
        yield RowWriter(connection, account_id, tables)


_FORGET_API_KEY_DAYS = "SELECT forget_api_key_days($1)"
_NOTE_LICENSE_CHECKS = "SELECT note_license_checks($1, $2, $3, $4, $5)"
_CLAIM = f"SELECT {', '.join(attributes(AuditStream))} FROM claim_audit_streams($1, $2, $3, $4)"  # noqa: S608
