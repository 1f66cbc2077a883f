"""Notes when credentials were last used: sessions slide by it, and members were active.

At most once a minute for each, and as well as it goes: whoever reads waits for no lock, hardly for a
connection, and not at all where the last try of this process has failed a moment ago.
"""

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import Select, Update, cast, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as POSTGRESQL_UUID
from sqlmodel import col

from engine.outages import NoConnectionFree, logged_as_outage
from models.columns import now
from models.database import Database
from models.sessions import Session
from permissions.viewer import Viewer

_NOTED_EVERY_SECONDS = 60
_WAITING_SECONDS = 0.5
_PAUSE_SECONDS = 5
log = structlog.get_logger()

_paused_until: WeakKeyDictionary[Database, float] = WeakKeyDictionary()


def is_due(viewer: Viewer) -> bool:
    """Whether the last use was noted a minute ago, or never."""
    last_used_at = viewer.last_used_at
    return last_used_at is None or last_used_at < now() - timedelta(seconds=_NOTED_EVERY_SECONDS)


async def note(database: Database, viewer: Viewer, lifetime_seconds: int, ip: str | None) -> None:
    """Written by whoever comes first. Where it cannot be, the log says so."""
    if _paused_until.get(database, 0) > monotonic():
        return
    try:
        async with asyncio.timeout(_WAITING_SECONDS):
            await _write(database, viewer, lifetime_seconds, ip)
    except Exception as error:
        _paused_until[database] = monotonic() + _PAUSE_SECONDS
        if isinstance(error, TimeoutError):
            error = NoConnectionFree("The last use of a credential could not be noted in time.")
        if not logged_as_outage(error):
            log.exception("last_use_not_noted")


async def _write(database: Database, viewer: Viewer, lifetime_seconds: int, ip: str | None) -> None:
    """But for rows that somebody holds just now: they are noted by the next request."""
    at = now().replace(second=0, microsecond=0)
    used = _api_key_used(viewer, ip) if viewer.is_api_key else _slid(viewer.session, lifetime_seconds)
    async with database.writing.begin() as connection:
        await connection.execute(used)
        if viewer.memberships:
            await connection.execute(_members_active(viewer, at))


def _slid(session: Session, lifetime_seconds: int) -> Update:
    free = (
        select(Session.id)  # type: ignore[call-overload]
        .where(col(Session.id) == session.id, col(Session.last_used_at) == session.last_used_at)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (
        update(Session)
        .where(col(Session.id).in_(free))
        .values(last_used_at=now(), expires_at=now() + timedelta(seconds=lifetime_seconds))
    )


def _api_key_used(viewer: Viewer, ip: str | None) -> Select[tuple[Any]]:
    """By a function of the database: row-level security lets the app's role write rows in changes alone."""
    key = viewer.api_key
    return select(func.note_api_key_used(viewer.key_member.account_id, key.id, key.last_used_at, ip))


def _members_active(viewer: Viewer, at: datetime) -> Select[tuple[Any]]:
    accounts = cast(list(viewer.memberships), ARRAY(POSTGRESQL_UUID))
    return select(func.note_members_active(viewer.user.id, accounts, at))
