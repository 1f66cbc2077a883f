"""Session tokens of emailed links. A link opens one session, and its browser may repeat the request.

The token of a session that a browser opens is derived from two secrets: the link's token and the browser's
link cookie. A repeated request of that browser derives the same token and so finds the session that it
opened. No other browser can.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from asyncpg import ForeignKeyViolationError
from sqlalchemy import ColumnElement, select
from sqlmodel import col

from engine.row_writer import Writer
from engine.snapshots import new_row
from engine.statements import Statement, parameter
from models.accounts import Account
from models.columns import now
from models.members import Member, User
from models.sessions import Session
from permissions.context import Context
from permissions.tokens import hash_token, new_token
from resolvers.user_errors import UserErrorCode, user_error


async def open_session(writer: Writer, context: Context, user: User, link_token: str) -> tuple[Session, str]:
    """Inserts a session for the request's client, whose event the caller appends. Returns it and its token,
    of which only the hash is stored. Raises `UserErrors` if the person was erased meanwhile, which a trigger
    finds."""
    browser_secret = context.issue_browser_secret()
    token = _derived(browser_secret, link_token) if browser_secret else new_token()[0]
    began_at, settings = now(), context.settings
    ends_at = began_at + timedelta(seconds=settings.session_max_lifetime_seconds)
    session = new_row(
        Session,
        user_id=user.id,
        token_hash=hash_token(token),
        created_at=began_at,
        last_used_at=began_at,
        expires_at=min(began_at + timedelta(seconds=settings.session_lifetime_seconds), ends_at),
        ends_at=ends_at,
        ip=context.client.ip,
        user_agent=context.client.user_agent,
    )
    try:
        await writer.insert(session)
    except ForeignKeyViolationError:
        raise user_error(
            UserErrorCode.TOKEN_INVALID, "The person was erased: request a new sign-in link.", "token"
        ) from None
    return session, token


async def opened_session(writer: Writer, context: Context, link_token: str, user_id: UUID) -> str | None:
    """Token of the live session that this browser opened by this link, for the lifetime of sign-in links.
    None if an account of the person no longer accepts the session."""
    if context.browser_secret is None:
        return None
    token = _derived(context.browser_secret, link_token)
    opened_after = now() - timedelta(seconds=context.settings.sign_in_lifetime_seconds)
    values = {"token_hash": hash_token(token), "user_id": user_id, "opened_after": opened_after}
    return token if await writer.fetch(_OPENED, **values) else None


def _is_refused() -> ColumnElement[bool]:
    """Condition: an account of the session's person does not accept the session."""
    return (
        select(col(Member.id))
        .join(Account, col(Account.id) == col(Member.account_id))
        .where(col(Member.user_id) == col(Session.user_id), Member.is_present(), ~Session.is_accepted())
        .correlate(Session)
        .exists()
    )


_OPENED = Statement(
    lambda: select(col(Session.id)).where(
        col(Session.token_hash) == parameter("token_hash"),
        col(Session.user_id) == parameter("user_id"),
        Session.is_live(),
        col(Session.created_at) > parameter("opened_after"),
        ~_is_refused(),
    ),
    across_accounts="a session is that of a person, and each of its accounts has to accept it",
)


def _derived(browser_secret: str, link_token: str) -> str:
    digest = hmac.digest(browser_secret.encode(), link_token.encode("utf-8", "surrogatepass"), sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")
