"""Load shedding: refuses requests that the rate limiter would refuse before reading them, so that thousands
of invalid keys a second take little time from valid ones."""

from collections.abc import Awaitable

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from permissions.errors import RateLimited
from telemetry.families import RATE_LIMITED
from web.app_state import State
from web.authentication import bearer_of
from web.graphql_executor import count_errors
from web.graphql_request import GRAPHQL_RESPONSE, JSON, preferred_media_type
from web.json_encoder import encode
from web.request_scope import request_id

_SHED = RATE_LIMITED.labels("shedding")


class LoadShedding:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        state: State = scope["app"].state.team_access
        if state.rate_limiter.has_refused_recently and scope["method"] == "POST":
            connection = HTTPConnection(scope)
            limited = state.rate_limiter.known_refusal(
                _token_of(connection, state.settings.session_cookie), state.proxies.client_of(connection)
            )
            if limited is not None:
                _SHED.value += 1
                count_errors(["RATE_LIMITED"])
                return _refuse(connection, limited, send)
        return self._app(scope, receive, send)


def _token_of(connection: HTTPConnection, cookie: str) -> str | None:
    authorization = connection.headers.get("authorization")
    return connection.cookies.get(cookie) if authorization is None else bearer_of(authorization)


async def _refuse(connection: HTTPConnection, limited: RateLimited, send: Send) -> None:
    error = {"message": limited.message, "extensions": limited.extensions}
    body = encode({"errors": [error], "extensions": {"rateLimit": limited.level.shown()}})
    media_type = preferred_media_type(connection.headers.get("accept", ""))
    headers = {
        "content-type": f"{GRAPHQL_RESPONSE if media_type == GRAPHQL_RESPONSE else JSON}; charset=utf-8",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-request-id": request_id(connection),
        **limited.headers,
    }
    raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 429, "headers": raw_headers})
    await send({"type": "http.response.body", "body": body})
