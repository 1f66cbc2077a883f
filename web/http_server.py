"""HTTP server of a process: uvicorn with the connection limits."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn import Config, Server

from web.connection_limits import ConnectionTable
from web.http_protocol import HttpProtocol
from web.proxied_requests import ProxiedRequests
from web.websocket_protocol import WebSocketProtocol

BACKLOG = 4_096
"""Connections that may wait to be accepted."""
_SUBSCRIPTIONS_SECONDS = 2
"""Time for subscriptions and downloads to end. Then follows _REQUESTS_SECONDS."""
_REQUESTS_SECONDS = 6
_ACCEPTING_SECONDS = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ServerConfig(Config):
    def __init__(self, app: ASGIApp, table: ConnectionTable, *, lifespan: bool = True) -> None:
        self.table = table
        limits = table.limits
        super().__init__(
            app,
            http=HttpProtocol,
            ws=WebSocketProtocol,
            ws_max_size=limits.first_message_bytes,
            ws_ping_interval=limits.ping_seconds,
            ws_ping_timeout=limits.pong_seconds,
            ws_per_message_deflate=False,
            interface="asgi3",
            lifespan="on" if lifespan else "off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=_REQUESTS_SECONDS,
        )

    def load(self) -> None:
        super().load()
        if self.table.proxies:
            self.loaded_app = ProxiedRequests(self.loaded_app, self.table)


async def _nothing() -> None:
    """Default of the steps of a shutdown."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Steps and delay of the shutdown of a server process."""

    begin: Callable[[], Coroutine[object, object, None]] = _nothing
    """Runs first. The server then still listens, for `delay_seconds`."""
    finish: Callable[[], Coroutine[object, object, None]] = _nothing
    """Runs once the server no longer listens, before connections are closed."""
    delay_seconds: float = 0
    """If there is one, the parent process then stops admitting connections, and the server accepts those
    that already wait for a moment longer."""


class HttpServer(Server):
    config: ServerConfig

    def __init__(self, config: ServerConfig, shutdown: Shutdown = Shutdown()) -> None:
        super().__init__(config)
        self._shutdown = shutdown
        self._listens_until: float | None = None
        self._is_urgent = False
        self._ending_subscriptions: asyncio.Task[None] | None = None
        # Only exceptions of the app are logged, not invalid requests.
        logging.getLogger("uvicorn").setLevel(logging.ERROR)

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; checks the connections' deadlines. Returns whether the server
        stops listening."""
        now = asyncio.get_running_loop().time()
        self.config.table.check_deadlines(now)
        if not await super().on_tick(counter):
            return False
        if self._listens_until is None:
            delay = 0 if self._is_urgent else self._shutdown.delay_seconds
            self._listens_until = now + delay + (_ACCEPTING_SECONDS if delay else 0)
            self.config.table.is_ending = True
            self._ending_subscriptions = asyncio.create_task(self._shutdown.begin())
        return self._is_urgent or now >= self._listens_until

    def end(self, *, has_delay: bool = True) -> None:
        """Begins the shutdown, or ends its delay."""
        self.should_exit = True
        self._is_urgent = self._is_urgent or not has_delay

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        ending = [self._ending_subscriptions, asyncio.create_task(self._shutdown.finish())]
        await asyncio.wait([each for each in ending if each], timeout=_SUBSCRIPTIONS_SECONDS)
        self.config.table.end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does not handle signals: the caller does, and sets `should_exit`."""
        yield


def http_server(app: Starlette) -> HttpServer:
    """The server for an app that `create_app` has returned."""
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = app.state.connection_limits.within(open_files)
    table = ConnectionTable(limits, app.state.proxies, app.state.security_headers)
    return HttpServer(ServerConfig(app, table), app.state.shutdown)


async def serve_until_signal(server: HttpServer, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for each in _SIGNALS:
        loop.add_signal_handler(each, partial(server.end, has_delay=each != signal.SIGINT))
    await server.serve(sockets=[listener])
