"""HTTP server of a process: uvicorn with the connection limits."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator

from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn import Config, Server

from web.connection_limits import ConnectionTable
from web.http_protocol import HttpProtocol
from web.proxied_requests import ProxiedRequests
from web.websocket_protocol import WebSocketProtocol

BACKLOG = 4_096
"""Connections that may wait to be accepted."""
_ENDING_SECONDS = 8
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
            timeout_graceful_shutdown=_ENDING_SECONDS,
        )

    def load(self) -> None:
        super().load()
        if self.table.proxies:
            self.loaded_app = ProxiedRequests(self.loaded_app, self.table)


class HttpServer(Server):
    config: ServerConfig

    def __init__(self, config: ServerConfig, finish: Callable[[], Awaitable[None]] | None = None) -> None:
        """`finish` is run at shutdown, before connections are closed."""
        super().__init__(config)
        self._finish = finish
        # Only exceptions of the app are logged, not invalid requests.
        logging.getLogger("uvicorn").setLevel(logging.ERROR)

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; checks the connections' deadlines."""
        self.config.table.check_deadlines(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self._finish is not None:
            await self._finish()
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
    return HttpServer(ServerConfig(app, table), app.state.finish)


async def serve_until_signal(server: HttpServer, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for each in _SIGNALS:
        loop.add_signal_handler(each, setattr, server, "should_exit", True)
    await server.serve(sockets=[listener])
