"""Deletion of expired rows that the audit log does not refer to, in batches. Each batch is a transaction of
its own: what a job has deleted stays deleted if it is cancelled, and nobody waits for all of it."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, UpdateBase, delete, exists, select
from sqlmodel import SQLModel, col

from engine.outages import log_failure
from engine.statements import Statement, parameter
from engine.tables import AnyExpression
from models.columns import now
from models.database import Database
from models.downloads import DownloadLink, Transfer
from models.idempotency import IdempotencyKey
from models.limit_buckets import LimitBucket
from models.sessions import SignInLink
from resolvers.unaudited import forget_api_key_days, tidying

_DAY = timedelta(days=1)
_BATCH = 10_000
_MOST_BATCHES = 10_000


async def forget_expired(database: Database) -> None:
    """Deletes idempotency keys, sign-in links and download links a day after they expired, full buckets of
    limits, and counts of API calls that are no longer shown."""
    at = now()
    for delete_due in (
        partial(_delete, database, _LIMIT_BUCKETS, _LIMIT_BUCKET_AFTER_BATCH, at),
        partial(_delete, database, _IDEMPOTENCY_KEYS, _IDEMPOTENCY_KEY_AFTER_BATCH, at - 2 * _DAY),
        partial(_delete, database, _SIGN_IN_LINKS, _SIGN_IN_LINK_AFTER_BATCH, at - _DAY),
        partial(_delete, database, _DOWNLOAD_LINKS, _DOWNLOAD_LINK_AFTER_BATCH, at - _DAY),
        partial(_forget_api_key_days, database),
    ):
        try:
            await delete_due()
        except Exception as error:
            # A row that another transaction has locked is left to the next run.
            log_failure("expired_rows_not_deleted", error)


async def _forget_api_key_days(database: Database) -> None:
    for _ in range(_MOST_BATCHES):
        if await forget_api_key_days(database, _BATCH) < _BATCH:
            break


async def _delete(database: Database, deletion: Statement, after_batch: Statement, before: datetime) -> None:
    for _ in range(_MOST_BATCHES):
        values = {"before": before, "batch": _BATCH}
        found = await database.fetch(after_batch.sql, *after_batch.arguments(**values))
        # One microsecond later: the whole batch may be of the same moment.
        until = found[0][0] + timedelta(microseconds=1) if found else before
        async with tidying(database) as writer:
            await writer.fetch(deletion, before=until)
        if not found:
            return


def _expired(table: type[SQLModel], time: AnyExpression, *where: ColumnElement[bool]) -> UpdateBase:
    return delete(table).where(time < parameter("before"), *where)


def _after_batch(time: AnyExpression, *where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Time of the first row that the next batch does not need to contain. Nothing if one batch suffices."""
    due = select(time).where(time < parameter("before"), *where)
    return due.order_by(time).offset(parameter("batch")).limit(1)


def _is_not_sent() -> ColumnElement[bool]:
    return ~exists().where(col(Transfer.token_hash) == col(DownloadLink.token_hash))


_ACROSS = "links that are over are forgotten, whose they may be"
_LIMIT_BUCKETS = Statement(lambda: _expired(LimitBucket, col(LimitBucket.full_at)))
_LIMIT_BUCKET_AFTER_BATCH = Statement(lambda: _after_batch(col(LimitBucket.full_at)))
_IDEMPOTENCY_KEYS = Statement(lambda: _expired(IdempotencyKey, col(IdempotencyKey.created_at)))
_IDEMPOTENCY_KEY_AFTER_BATCH = Statement(lambda: _after_batch(col(IdempotencyKey.created_at)))
_SIGN_IN_LINKS = Statement(lambda: _expired(SignInLink, col(SignInLink.expires_at)))
_SIGN_IN_LINK_AFTER_BATCH = Statement(lambda: _after_batch(col(SignInLink.expires_at)))
_DOWNLOAD_LINKS = Statement(
    lambda: _expired(DownloadLink, col(DownloadLink.expires_at), _is_not_sent()), across_accounts=_ACROSS
)
_DOWNLOAD_LINK_AFTER_BATCH = Statement(
    lambda: _after_batch(col(DownloadLink.expires_at), _is_not_sent()), across_accounts=_ACROSS
)
