"""How a peer in Python is served: on Granian, set as `team-access serve` sets it."""

import os

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer as Server

POOL_SIZE = 10
_CONCURRENT_REQUESTS = 4096


def environment_url() -> str:
    return os.environ["DATABASE_URL"]


def serve(factory: str, *, lifespan: bool = True) -> None:
    """`factory` makes the ASGI app, in the server process."""
    Server(
        factory,
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        interface=Interfaces.ASGI if lifespan else Interfaces.ASGINL,
        workers=1,
        http=HTTPModes.http1,
        backlog=_CONCURRENT_REQUESTS,
        backpressure=_CONCURRENT_REQUESTS,
        factory=True,
        log_level=LogLevels.warning,
    ).serve()
