"""Serves a Python server for comparison with the server of `team-access serve`, in one process."""

import asyncio
import os
from importlib import import_module

import uvloop

from settings import Settings
from web.connection_limits import ConnectionLimits, ConnectionTable
from web.http_server import HttpServer, ServerConfig, serve_until_signal
from web.proxy_headers import Proxies
from web.server import listener

POOL_SIZE = 10


def environment_url() -> str:
    return os.environ["DATABASE_URL"]


def serve(factory: str, *, lifespan: bool = True) -> None:
    """`factory` makes the ASGI app: MODULE:FUNCTION."""
    module, _, name = factory.partition(":")
    app = getattr(import_module(module), name)()
    table = ConnectionTable(ConnectionLimits(), Proxies(()))
    server = HttpServer(ServerConfig(app, table, lifespan=lifespan))
    settings = Settings(_env_file=None, port=int(os.environ["PORT"]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_signal(server, listener(settings)))
