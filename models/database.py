"""Connections to PostgreSQL: read-only ones, and those of changes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any, cast
from uuid import UUID
from weakref import WeakSet

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection

from engine.canonical_json import canonical_json
from engine.fair_share import Claim, FairShare
from engine.outages import NoConnectionFree, outage_of
from engine.read_connections import ReadingConnections
from models.copy_export import Exports
from models.postgresql import Connection, avoid, connect
from models.spools import Spools
from postgresql_dsn import parse
from telemetry.families import CHANGE_SECONDS, POOL_CONNECTIONS, POOL_SIZE, POOL_WAITING

_SETTINGS = {
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
}
# The statements of changes find rows by their keys, so one generic plan is right for all accounts. Without
# the setting, row-level security distorts PostgreSQL's estimates and it would plan each statement again.
# enable_seqscan: a generic plan made while a table was empty, such as the email queue, would scan it forever.
WRITING_SETTINGS = {**_SETTINGS, "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
# A change locks the log's head only at its end, for a short time.
_APPENDING_SETTINGS = {**_SETTINGS, "lock_timeout": "1s"}
_APPENDING_SECONDS = 10
_ROLLBACK_SECONDS = 2
_SILENCE_SECONDS = 4
_BEGIN_AGAIN_SECONDS = 0.5
# Pages follow an index in their order, whatever the account, so one generic plan is right for all. PostgreSQL
# would plan most statements each time, which takes longer than running them, or, since most accounts are
# small, choose a plan that sorts or joins all rows of a large one.
_READING_SETTINGS = {
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_generic_plan",
    "enable_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # Starting processes takes longer than a page.
    "max_parallel_workers_per_gather": "0",
}
_COMMITTED, _ROLLED_BACK = CHANGE_SECONDS.labels("committed"), CHANGE_SECONDS.labels("rolled_back")
ACCOUNT_SETTING = "team_access.account_id"
"""Setting with the id of the account whose rows a transaction may write. The tables' policies read it."""
_EXPORTING_SETTINGS = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",
    "statement_timeout": "1h",
}


class Database:
    """Connection pools of the app's role. Reads use asyncpg directly, and each statement is a read-only
    transaction; `writing` is the pool for changes."""

    def __init__(self, url: str, pool_size: int = 16, spools: Spools | None = None) -> None:
        self.url, self.pool_size = url, pool_size
        self._dsn = parse(url)
        self._open: WeakSet[Connection] = WeakSet()
        self.reading = ReadingConnections(self._connect_reading, pool_size)
        self.writing = _engine(partial(self._connect, server_settings=WRITING_SETTINGS), pool_size)
        self._changes = FairShare(pool_size)
        self.exports = Exports(self._connect_exporting, spools or Spools())
        self.fetch = self.reading.fetch
        """Returns the rows of one statement, which stays prepared."""

    def measure(self) -> None:
        """Makes this database's pools those that the process's gauges are about."""
        for pool, waiting, lent, size in (
            ("reading", lambda: self.reading.waiting, lambda: self.reading.lent, self.pool_size),
            ("changes", lambda: self._changes.waiting, lambda: self._changes.held, self.pool_size),
        ):
            POOL_WAITING.measure(waiting, pool)
            POOL_CONNECTIONS.measure(lent, pool)
            POOL_SIZE.measure(partial(int, size), pool)

    async def _connect(self, **options: Any) -> Connection:
        connection = await connect(self._dsn, **options)
        self._open.add(connection)
        return connection

    async def _connect_reading(self) -> asyncpg.Connection:
        settings = {**_SETTINGS, **_READING_SETTINGS}
        return await self._connect(server_settings=settings, max_cached_statement_lifetime=0)

    def note_answer(self) -> None:
        self.reading.answered_at = monotonic()

    @property
    def is_silent(self) -> bool:
        """Whether nothing was answered for seconds, not even the listener, which asks all the time."""
        return monotonic() - self.reading.answered_at > _SILENCE_SECONDS

    def give_up(self, lost: Connection) -> None:
        """Ends all connections to the server of one that is lost, so that what waits for an answer fails now.
        Without it a server that has stopped, or a network without an end, would be waited for."""
        avoid(lost.address)
        for connection in list(self._open):
            if connection.address == lost.address:
                connection.terminate()

    @asynccontextmanager
    async def transaction(self, claim: Claim = Claim()) -> AsyncIterator[asyncpg.Connection]:  # noqa: B008 - frozen
        """Transaction of a change: committed at the end of the block, or rolled back if the block raises.
        Row-level security allows it to write rows of the claim's account only, or none if the claim has no
        account. Raises NoConnectionFree if no connection becomes free within 10 seconds."""
        try:
            await self._changes.take(claim)
        except TimeoutError:
            raise NoConnectionFree("No connection for a change became free within 10 seconds.") from None
        series, start = _ROLLED_BACK, monotonic()
        try:
            async with self._pooled_transaction(claim.account_id) as connection:
                yield connection
            series = _COMMITTED
        finally:
            series.observe(monotonic() - start)
            self._changes.give_back(claim)

    @asynccontextmanager
    async def _pooled_transaction(self, account_id: UUID | None) -> AsyncIterator[asyncpg.Connection]:
        pooled, driver = await self._begin(account_id)
        try:
            try:
                yield driver
            except BaseException:
                await _roll_back(driver)
                raise
            await driver.execute("COMMIT")
        finally:
            if not driver.is_closed() and driver.is_in_transaction():
                driver.terminate()  # Cancelled during the rollback: the connection must not be used again.
            pooled.close()

    async def _begin(self, account_id: UUID | None) -> tuple[PoolProxiedConnection, asyncpg.Connection]:
        """Begins a transaction with the account, as asyncpg's own except that one statement does both, which
        saves a round trip. Where the connection is lost, nothing was done, and the next one is tried."""
        setting = (
            "" if account_id is None else f"; SET LOCAL {ACCOUNT_SETTING} = '{UUID(int=account_id.int)}'"
        )
        begin_again_until = monotonic() + _BEGIN_AGAIN_SECONDS
        while True:
            pooled = await self.writing.raw_connection()
            driver: asyncpg.Connection = cast("Any", pooled.driver_connection)
            try:
                await driver.execute(f"BEGIN{setting}")
            except BaseException as error:
                driver.terminate()
                pooled.close()
                if outage_of(error) is None or monotonic() > begin_again_until:
                    raise
            else:
                return pooled, driver

    async def _connect_exporting(self) -> asyncpg.Connection:
        return await self._connect(server_settings={**_SETTINGS, **_EXPORTING_SETTINGS})

    async def connect_appending(self) -> asyncpg.Connection:
        """Opens a connection for events that belong to no change. The app's role has no UPDATE or DELETE on
        events."""
        return await self._connect(server_settings=_APPENDING_SETTINGS, command_timeout=_APPENDING_SECONDS)

    async def connect(self, application_name: str = "team-access") -> Connection:
        """Opens a connection outside the pools, for LISTEN or for the jobs."""
        return await self._connect(application_name=application_name, command_timeout=10)

    async def close(self) -> None:
        await self.reading.close()
        await self.writing.dispose()


async def _roll_back(driver: asyncpg.Connection) -> None:
    """Ends the connection where that is not possible within seconds."""
    try:
        async with asyncio.timeout(_ROLLBACK_SECONDS):
            if not driver.is_closed():
                await driver.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        driver.terminate()


def _engine(connect: Callable[[], Awaitable[asyncpg.Connection]], pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        # Errors contain parameters and are logged: license keys, email addresses, hashes of tokens.
        hide_parameters=True,
        json_serializer=canonical_json,
        # JSON arrives as text, as on the connections for reading.
        json_deserializer=str,
    )
    # One statement for many rows: asyncpg's executemany never returns, and keeps the transaction's locks, if
    # it is cancelled while sending.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    event.listen(engine.sync_engine, "checkout", _replace_if_closed)
    return engine


def _replace_if_closed(connection: DBAPIConnection, *_: object) -> None:
    """Makes the pool replace a connection that the server has closed. The driver knows this without a round
    trip."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
