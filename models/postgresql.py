"""Opens connections to PostgreSQL from a parsed URL."""

import asyncio
import random
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import asyncpg
from asyncpg import exceptions as postgresql

from postgresql_dsn import Dsn, Host, KeepAlive

# Errors after which the next host is tried, as by libpq.
_HOST_FAILURES = (
    OSError,
    postgresql.CannotConnectNowError,
    postgresql.PostgresConnectionError,
    postgresql.TargetServerAttributeNotMatched,
)


_TCP_OPTIONS = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
_SERVER_OPTIONS = (
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_keepalives_count",
    "tcp_user_timeout",
)
"""Settings of the server for each of `_TCP_OPTIONS`. Both are in the order of `KeepAlive`."""
_DEFAULT_PORT = 5_432
_AVOIDED_SECONDS = 30
_SLOW_SECONDS = 1

_failed_at: dict[tuple[str, int], float] = {}
"""When a host could not be reached, or a connection to it was given up."""


class Connection(asyncpg.Connection):
    """Connection that knows what it leads to."""

    __slots__ = ()

    @property
    def address(self) -> object:
        """Host and port, or the path of a Unix socket."""
        address: object = self._addr  # type: ignore[attr-defined]
        return address

    def keep_alive(self, keep_alive: KeepAlive | None) -> None:
        """Makes the system end the connection when nothing arrives any more."""
        transport: asyncio.Transport = self._transport  # type: ignore[attr-defined]
        connected: socket.socket | None = transport.get_extra_info("socket")
        if keep_alive is None or connected is None or connected.family == socket.AF_UNIX:
            return
        with suppress(OSError):  # Closed since: the next statement says so.
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in zip(_TCP_OPTIONS, keep_alive, strict=True):
                if value is not None and hasattr(socket, name):  # macOS has not all of them.
                    connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def connect(
    dsn: Dsn,
    *,
    server_settings: Mapping[str, str] | None = None,
    application_name: str = "team-access",
    **options: Any,
) -> Connection:
    """Connects to the first host that accepts and matches `target_session_attrs`. Each attempt has a
    timeout. Of several hosts, those that could not be reached lately are tried last.

    The application name of the URL takes precedence over the argument; for other settings `server_settings`
    takes precedence over the URL. Raises the error of the last host.
    """
    settings = {
        **_server_keep_alive(dsn.keep_alive),
        "application_name": application_name,
        **dsn.server_settings,
        **(server_settings or {}),
    }
    common = {**_common(dsn, settings), **options, "server_settings": settings}
    error: BaseException | None = None
    for host in _in_order(dsn):
        try:
            connection = await _attempt(host, **common)
        except _HOST_FAILURES as failure:
            error = failure
        else:
            connection.keep_alive(dsn.keep_alive)
            return connection
    assert error is not None  # noqa: S101 - there is at least one host
    raise error


def _server_keep_alive(keep_alive: KeepAlive | None) -> dict[str, str]:
    """Makes the server end sessions as early. It would keep the locks of a lost one otherwise."""
    values = zip(_SERVER_OPTIONS, keep_alive or (), strict=False)
    return {name: str(value) for name, value in values if value is not None}


def avoid(address: object) -> None:
    """Makes further connections try the host last."""
    if isinstance(address, tuple):
        name, port = address
        _note_failure(Host(name, port))


def _note_failure(host: Host) -> None:
    _failed_at[_key(host)] = monotonic()


def _key(host: Host) -> tuple[str, int]:
    return host.name, host.port or _DEFAULT_PORT


async def _attempt(host: Host | None, **options: Any) -> Connection:
    begin = monotonic()
    try:
        connection: Connection = await asyncpg.connect(
            host=host.name if host else None, port=host.port if host else None, **options
        )
    except BaseException as error:
        # Also a caller that waits no longer, such as a health check.
        if host is not None and (isinstance(error, OSError) or monotonic() - begin > _SLOW_SECONDS):
            _note_failure(host)
        raise
    return connection


def _in_order(dsn: Dsn) -> Iterable[Host | None]:
    """Hosts in the order in which they are tried. None stands for asyncpg's default host."""
    if not dsn.hosts:
        return [None]
    hosts = random.sample(dsn.hosts, len(dsn.hosts)) if dsn.in_random_order else dsn.hosts
    avoided_since = monotonic() - _AVOIDED_SECONDS
    return sorted(hosts, key=lambda host: _failed_at.get(_key(host), float("-inf")) > avoided_since)


def _common(dsn: Dsn, settings: Mapping[str, str]) -> dict[str, object]:
    """Arguments of asyncpg that all hosts share. The files of `ssl` have no arguments of their own; asyncpg
    reads them from a URL."""
    target = dsn.target_session_attrs
    if target == "read-write" and settings.get("default_transaction_read_only") == "on":
        target = "primary"  # asyncpg would refuse a writable server, since the session itself is read-only.
    common: dict[str, object] = {
        "user": dsn.user,
        "password": dsn.password,
        "database": dsn.database,
        "passfile": dsn.passfile,
        "timeout": dsn.connect_timeout_seconds,
        "target_session_attrs": target,
        "connection_class": Connection,
    }
    if dsn.trusts_system:
        return {**common, "ssl": _system_context(dsn.tls)}
    return {**common, "dsn": f"postgresql:///?{urlencode(dsn.tls)}"} if dsn.tls else common


def _system_context(tls: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if "sslcert" in tls:
        context.load_cert_chain(tls["sslcert"], tls.get("sslkey"), lambda: tls.get("sslpassword", ""))
    return context
