"""Opens connections to PostgreSQL from a parsed URL."""

import random
import ssl
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import asyncpg
from asyncpg import exceptions as postgresql

from postgresql_dsn import Dsn, Host

# Errors after which the next host is tried, as by libpq.
_HOST_FAILURES = (
    OSError,
    postgresql.CannotConnectNowError,
    postgresql.PostgresConnectionError,
    postgresql.TargetServerAttributeNotMatched,
)


async def connect(
    dsn: Dsn,
    *,
    server_settings: Mapping[str, str] | None = None,
    application_name: str = "team-access",
    **options: Any,
) -> asyncpg.Connection:
    """Connects to the first host that accepts and matches `target_session_attrs`. Each attempt has a
    timeout.

    The application name of the URL takes precedence over the argument; for other settings `server_settings`
    takes precedence over the URL. Raises the error of the last host.
    """
    settings = {"application_name": application_name, **dsn.server_settings, **(server_settings or {})}
    common = {**_common(dsn, settings), **options, "server_settings": settings}
    error: BaseException | None = None
    for host in _in_order(dsn):
        try:
            return await asyncpg.connect(
                host=host.name if host else None, port=host.port if host else None, **common
            )
        except _HOST_FAILURES as failure:
            error = failure
    assert error is not None  # noqa: S101 - there is at least one host
    raise error


def _in_order(dsn: Dsn) -> Iterable[Host | None]:
    """Hosts in the order in which they are tried. None stands for asyncpg's default host."""
    if not dsn.hosts:
        return [None]
    return random.sample(dsn.hosts, len(dsn.hosts)) if dsn.in_random_order else dsn.hosts


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
    }
    if dsn.trusts_system:
        return {**common, "ssl": _system_context(dsn.tls)}
    return {**common, "dsn": f"postgresql:///?{urlencode(dsn.tls)}"} if dsn.tls else common


def _system_context(tls: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if "sslcert" in tls:
        context.load_cert_chain(tls["sslcert"], tls.get("sslkey"), lambda: tls.get("sslpassword", ""))
    return context
