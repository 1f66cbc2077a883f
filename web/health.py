"""For load balancers: /health says whether this process answers and reaches its database."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from web.state import State

_TIMEOUT_SECONDS = 2.0


def routes() -> list[BaseRoute]:
    return [Route("/health", health)]


async def health(request: Request) -> Response:
    state: State = request.app.state.team_access
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await state.database.fetch("SELECT 1")
    except Exception:
        return PlainTextResponse("The database cannot be reached.\n", 503, {"retry-after": "5"})
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})
