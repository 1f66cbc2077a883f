"""Outages: failures of the database or of the connection to it, which end without a change of the program."""

from contextlib import AbstractContextManager
from traceback import walk_tb

import asyncpg
import sqlalchemy.exc
import structlog
from asyncpg import exceptions as postgresql

from engine.outage_log import BusyLog, IsAvailable, OutageLog

RETRY_AFTER_SECONDS = 5
_LONGEST_CHAIN = 10
_UNAWAITED = "unexpected connection_lost() call"
"""asyncpg's message about an attempt to connect that nobody waits for any more."""
_OUTAGES = (
    postgresql.PostgresConnectionError,
    postgresql.InvalidAuthorizationSpecificationError,
    postgresql.InvalidCatalogNameError,
    postgresql.CannotConnectNowError,
    # None of several hosts can be written to, as while one takes over from another.
    postgresql.TargetServerAttributeNotMatched,
    postgresql.AdminShutdownError,
    postgresql.CrashShutdownError,
    postgresql.DatabaseDroppedError,
    postgresql.IdleSessionTimeoutError,
    postgresql.IdleInTransactionSessionTimeoutError,
    postgresql.ReadOnlySQLTransactionError,
    # The disk is full, the memory, or the number of connections.
    postgresql.InsufficientResourcesError,
    postgresql.PostgresIOError,
    sqlalchemy.exc.DisconnectionError,
)
log = structlog.get_logger()


class NoConnectionFree(Exception):
    """All connections of a pool stayed in use for as long as a request waits for one."""


class NoResponse(Exception):
    """The database has not responded in time."""


_BUSY = (
    # Another transaction holds a row lock for long.
    postgresql.LockNotAvailableError,
    postgresql.DeadlockDetectedError,
    # No connection of a pool has come free.
    sqlalchemy.exc.TimeoutError,
    NoConnectionFree,
)
"""Outages that requests make for each other: the database itself responds."""


def outage_of(error: BaseException) -> BaseException | None:
    """Returns the outage that caused an error, also where it is wrapped, or None."""
    chain: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if chain is None:
            break
        if _is_outage(chain):
            return chain
        wrapped = getattr(chain, "original_error", None) or chain.__cause__
        chain = wrapped or (None if chain.__suppress_context__ else chain.__context__)
    return None


def _is_outage(error: BaseException) -> bool:
    if isinstance(error, (*_OUTAGES, *_BUSY, NoResponse)):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    if is_of_ended_session(error) or (str(error) == _UNAWAITED and isinstance(error, ConnectionError)):
        return True
    # Of connecting, and of waiting for an answer: any other file or socket is none of the database's.
    return isinstance(error, OSError | TimeoutError) and any(
        frame.f_globals.get("__name__", "").startswith("asyncpg.")
        for frame, _ in walk_tb(error.__traceback__)
    )


def is_of_ended_session(error: BaseException) -> bool:
    """Whether a statement was not sent because the server has ended the session: the connection has got its
    last message, and will be closed a moment later."""
    return isinstance(error, asyncpg.InternalClientError) and "another operation (2)" in str(error)


_LOG, _BUSY_LOG = OutageLog(), BusyLog()


def logged_as_outage(error: BaseException, **details: object) -> bool:
    """Adds the error to the log of outages and returns True where it is one."""
    outage = outage_of(error)
    if outage is not None:
        is_busy = isinstance(outage, _BUSY) and not _LOG.is_ongoing
        (_BUSY_LOG if is_busy else _LOG).add(outage, **details)
    return outage is not None


def is_outage_ongoing() -> bool:
    """Whether requests of this process have met an outage that has not ended."""
    return _LOG.is_ongoing


def outages_ended_by(is_available: IsAvailable) -> AbstractContextManager[None]:
    """During the block, `is_available` says whether an outage has ended, which is logged then."""
    return _LOG.ended_by(is_available)


def log_failure(event: str, error: BaseException, **details: object) -> None:
    """Logs an error that is not raised, under the event's name, or as an outage."""
    if not logged_as_outage(error, **details):
        log.error(event, error=repr(error), **details)
