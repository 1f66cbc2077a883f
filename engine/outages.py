"""Outages: failures of the database or of the connection to it, which end without a change of the program."""

import time
from traceback import walk_tb

import asyncpg
import sqlalchemy.exc
import structlog
from asyncpg import exceptions as postgresql

RETRY_AFTER_SECONDS = 5
_LOGGED_EVERY_SECONDS = 60
_LONGEST_CHAIN = 10
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
    # Another transaction holds a row lock for long.
    postgresql.LockNotAvailableError,
    postgresql.DeadlockDetectedError,
    # No connection of a pool has come free.
    sqlalchemy.exc.TimeoutError,
    sqlalchemy.exc.DisconnectionError,
)
log = structlog.get_logger()


class NoConnectionFree(Exception):
    """All connections of a pool stayed in use for as long as a request waits for one."""


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
    if isinstance(error, (*_OUTAGES, NoConnectionFree)):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    # Of connecting, and of waiting for an answer: any other file or socket is none of the database's.
    return isinstance(error, OSError | TimeoutError) and any(
        frame.f_globals.get("__name__", "").startswith("asyncpg.")
        for frame, _ in walk_tb(error.__traceback__)
    )


class _Log:
    """Writes at most one line a minute, with the number of failures since the previous line."""

    def __init__(self) -> None:
        self._next_at, self._count = 0.0, 0

    def write(self, outage: BaseException, **details: object) -> None:
        self._count += 1
        if time.monotonic() < self._next_at:
            return
        words = f"{type(outage).__name__}: {str(outage).partition(chr(10))[0]}"
        log.error("database_unavailable", error=words, failures=self._count, **details)
        self._next_at, self._count = time.monotonic() + _LOGGED_EVERY_SECONDS, 0


_LOG = _Log()


def logged_as_outage(error: BaseException, **details: object) -> bool:
    """Logs the error and returns True where it is an outage. Hundreds of requests may meet the same one; all
    of them share one line a minute."""
    outage = outage_of(error)
    if outage is not None:
        _LOG.write(outage, **details)
    return outage is not None


def log_failure(event: str, error: BaseException, **details: object) -> None:
    """Logs an error that is not raised, under the event's name, or as an outage."""
    if not logged_as_outage(error, **details):
        log.error(event, error=repr(error), **details)
