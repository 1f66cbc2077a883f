"""What is of no use any more, and nothing in the audit log names, is forgotten."""

from datetime import timedelta

from sqlalchemy import delete, exists
from sqlmodel import col

from models.columns import now
from models.database import Database
from models.downloads import DownloadLink, Transfer
from models.email_allowances import EmailAllowance
from models.idempotency import IdempotencyKey
from models.sessions import SignInLink
from resolvers.change import personal_change

_DAY = timedelta(days=1)


async def forget_expired(database: Database) -> None:
    """Idempotency keys, sign-in links and the links of downloads, a day after their time; and allowances of
    which nothing is spent."""
    async with personal_change(database) as session:
        await session.execute(delete(EmailAllowance).where(col(EmailAllowance.full_at) < now()))
        await session.execute(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < now() - 2 * _DAY))
        await session.execute(delete(SignInLink).where(col(SignInLink.expires_at) < now() - _DAY))
        await session.execute(
            delete(DownloadLink).where(
                col(DownloadLink.expires_at) < now() - _DAY,
                ~exists().where(col(Transfer.token_hash) == col(DownloadLink.token_hash)),
            ),
            execution_options={"across_accounts": "links that are over are forgotten, whose they may be"},
        )
