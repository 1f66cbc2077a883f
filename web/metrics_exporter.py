"""Process that adds up what the processes of a server report, and answers Prometheus at /metrics on a port of
its own, so that clients of the API cannot reach it."""

import asyncio
import hmac
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from time import monotonic

import structlog
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.outages import log_failure
from models.database import Database
from resolvers.backlogs import Backlogs, backlogs
from settings import Settings
from telemetry.families import DATABASE_UP
from telemetry.reports import ReportChannel
from telemetry.totals import Totals
from web.background_process import Background, BackgroundProcess, ProcessStatus
from web.connection_limits import ConnectionLimits, ConnectionTable
from web.http_server import HttpServer, ServerConfig, serve_until_signal
from web.logs import configure_logs
from web.proxy_headers import Proxies
from web.server import bound_socket, end_with_parent, may_fork

_MOST_BYTES = 1024 * 1024
_STOP_TIMEOUT_SECONDS = 5
_READING_SECONDS = 3
_REMEMBERED_SECONDS = 3
_CONNECTIONS = 2
"""A statement that takes too long is being cancelled on one of them."""
_DATABASE_DOWN: Backlogs = {(DATABASE_UP.name, ()): 0}
_NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
log = structlog.get_logger()


@contextmanager
def exporter(
    settings: Settings, database_url: str
) -> Iterator[tuple[ReportChannel | None, list[Background]]]:
    """The channel of reports and the work of the exporter's process: none where METRICS_PORT is not set.
    Raises ServeError where the port is not available."""
    if settings.metrics_port is None:
        yield None, []
        return
    channel = ReportChannel()
    with bound_socket(settings.metrics_host, settings.metrics_port, "METRICS_") as listener:
        status = ProcessStatus()
        work = partial(export, settings, database_url, channel, listener, status)
        yield channel, [Background("metrics_exporter", work, status)]


@contextmanager
def exporting(settings: Settings, database_url: str) -> Iterator[ReportChannel | None]:
    """Runs the exporter's process during the block: for a command that is a single process."""
    with exporter(settings, database_url) as (channel, background), ExitStack() as stack:
        multiprocessing.set_start_method("fork" if may_fork() else "spawn", force=True)
        for each in background:
            process = BackgroundProcess(*each, is_ending=lambda: False, cannot_start=_log_failure)
            process.start()
            stack.callback(process.stop, _STOP_TIMEOUT_SECONDS)
        yield channel


def _log_failure(sentence: str) -> None:
    log.error("no_metrics", reason=sentence)


def export(
    settings: Settings,
    database_url: str,
    channel: ReportChannel,
    listener: socket.socket,
    status: ProcessStatus,
) -> None:
    """Runs in the exporter's process until SIGTERM."""
    end_with_parent()
    configure_logs(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_export(settings, database_url, channel, listener, status))


async def _export(
    settings: Settings,
    database_url: str,
    channel: ReportChannel,
    listener: socket.socket,
    status: ProcessStatus,
) -> None:
    totals, reader = Totals(), BacklogReader(database_url)
    asyncio.get_running_loop().add_reader(channel.receiver, partial(_receive, channel.receiver, totals))
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    table = ConnectionTable(ConnectionLimits.of(settings), Proxies(()))
    server = HttpServer(ServerConfig(app(totals, reader, token), table, lifespan=False))
    status.started()
    await serve_until_signal(server, listener)


def _receive(receiver: socket.socket, totals: Totals) -> None:
    try:
        datagram = receiver.recv(_MOST_BYTES)
    except BlockingIOError:
        return
    totals.add(datagram)


class BacklogReader:
    """Reads the values of the database for a scrape, on connections of its own."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, _CONNECTIONS)
        self._values: Backlogs = _DATABASE_DOWN
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def values(self) -> Backlogs:
        """Values that are a few seconds old at most; during an outage, that the database is not up."""
        async with self._reading:
            if monotonic() - self._read_at > _REMEMBERED_SECONDS:
                self._values = await self._read()
                self._read_at = monotonic()
        return self._values

    async def close(self) -> None:
        await self._database.close()

    async def _read(self) -> Backlogs:
        try:
            async with asyncio.timeout(_READING_SECONDS):
                return {(DATABASE_UP.name, ()): 1, **await backlogs(self._database)}
        except Exception as error:
            log_failure("backlogs_not_read", error)
            return _DATABASE_DOWN


def app(totals: Totals, reader: BacklogReader, token: str | None) -> Starlette:
    """The ASGI application. With `token`, requests need it as their bearer token."""

    async def metrics(request: Request) -> Response:
        if token is not None and not _has_token(request, token):
            return _refused()
        totals.measured = await reader.values()
        body, media_type = totals.text(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": media_type, **_NO_STORE})

    app = Starlette(routes=[Route("/metrics", metrics)])
    app.router.redirect_slashes = False
    return app


def _has_token(request: Request, token: str) -> bool:
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())


def _refused() -> Response:
    headers = {"www-authenticate": "Bearer", **_NO_STORE}
    return PlainTextResponse("Send METRICS_TOKEN as a bearer token.\n", 401, headers)
