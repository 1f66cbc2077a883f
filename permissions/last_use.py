"""Times of last use of credentials, which prolong sessions, and of last activity of members.

Each is written at most once a minute, and only if that is quick: a request waits for no row lock, at most
half a second for a connection, and does not try within five seconds of a failure in its process.
"""

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from weakref import WeakKeyDictionary

from sqlalchemy import Update, cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import col

from engine.outages import NoConnectionFree, log_failure
from engine.tables import AnySelect
from models.columns import now
from models.database import Database
from models.sessions import Session
from permissions.viewer import Viewer

_NOTED_EVERY = timedelta(minutes=1)
_WAITING_SECONDS = 0.5
_PAUSE_SECONDS = 5

_paused_until: WeakKeyDictionary[Database, float] = WeakKeyDictionary()


def is_due(viewer: Viewer, every: timedelta = _NOTED_EVERY) -> bool:
    """Whether the last use was written longer ago than `every`, or never."""
    last_used_at = viewer.last_used_at
    return last_used_at is None or last_used_at < now() - every


async def note(database: Database, viewer: Viewer, lifetime_seconds: int, ip: str | None) -> None:
    """Writes the last use. A failure is logged and not raised."""
    if _paused_until.get(database, 0) > monotonic():
        return
    try:
        async with asyncio.timeout(_WAITING_SECONDS):
            await _write(database, viewer, lifetime_seconds, ip)
    except Exception as error:
        _paused_until[database] = monotonic() + _PAUSE_SECONDS
        if isinstance(error, TimeoutError):
            error = NoConnectionFree(
                "The last use of a credential could not be written within half a second."
            )
        log_failure("last_use_not_noted", error)


async def _write(database: Database, viewer: Viewer, lifetime_seconds: int, ip: str | None) -> None:
    """Skips rows that are locked; the next request writes them."""
    at = now().replace(second=0, microsecond=0)
    used = _api_key_used(viewer, ip) if viewer.is_api_key else _slid(viewer.session, lifetime_seconds)
    async with database.writing.begin() as connection:
        await connection.execute(used)
        if viewer.memberships:
            await connection.execute(_members_active(viewer, at))


def _slid(session: Session, lifetime_seconds: int) -> Update:
    at, lifetime = now(), timedelta(seconds=lifetime_seconds)
    free = (
        select(Session.id)  # type: ignore[call-overload]
        .where(col(Session.id) == session.id, col(Session.last_used_at) == session.last_used_at)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (
        update(Session)
        .where(col(Session.id).in_(free))
        .values(last_used_at=at, expires_at=func.least(at + lifetime, col(Session.ends_at)))
    )


def _api_key_used(viewer: Viewer, ip: str | None) -> AnySelect:
    """Calls a function of the database, because row-level security allows the app's role to write rows only
    in changes."""
    key = viewer.api_key
    return select(func.note_api_key_used(viewer.key_member.account_id, key.id, key.last_used_at, ip))


def _members_active(viewer: Viewer, at: datetime) -> AnySelect:
    accounts = cast(list(viewer.memberships), ARRAY(POSTGRESQL_UUID))
    return select(func.note_members_active(viewer.user.id, accounts, at))
