"""Deletion of expired rows that the audit log does not refer to."""

from datetime import timedelta

from sqlalchemy import delete, exists
from sqlmodel import col

from engine.statements import Statement, parameter
from models.columns import now
from models.database import Database
from models.downloads import DownloadLink, Transfer
from models.email_allowances import EmailAllowance
from models.idempotency import IdempotencyKey
from models.sessions import SignInLink
from resolvers.unaudited import tidying

_DAY = timedelta(days=1)


async def forget_expired(database: Database) -> None:
    """Deletes idempotency keys, sign-in links and download links a day after they expired, and full email
    allowances."""
    at = now()
    async with tidying(database) as writer:
        await writer.fetch(_ALLOWANCES, before=at)
        await writer.fetch(_IDEMPOTENCY_KEYS, before=at - 2 * _DAY)
        await writer.fetch(_SIGN_IN_LINKS, before=at - _DAY)
        await writer.fetch(_DOWNLOAD_LINKS, before=at - _DAY)


_ALLOWANCES = Statement(
    lambda: delete(EmailAllowance).where(col(EmailAllowance.full_at) < parameter("before"))
)
_IDEMPOTENCY_KEYS = Statement(
    lambda: delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < parameter("before"))
)
_SIGN_IN_LINKS = Statement(lambda: delete(SignInLink).where(col(SignInLink.expires_at) < parameter("before")))
_DOWNLOAD_LINKS = Statement(
    lambda: delete(DownloadLink).where(
        col(DownloadLink.expires_at) < parameter("before"),
        ~exists().where(col(Transfer.token_hash) == col(DownloadLink.token_hash)),
    ),
    across_accounts="links that are over are forgotten, whose they may be",
)
