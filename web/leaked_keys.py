"""Where secret scanners report the keys that they have found. Whoever holds a key may have it revoked, so
that reports need no signature; and the answer is the same whatever they were of."""

import asyncio
from collections.abc import Iterator

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from resolvers.leaked_keys import Finding, revoke_leaked
from web.asking import client_of
from web.exchange import request_id
from web.state import State

_MOST_BYTES = 4 * 1024 * 1024
_AT_ONCE = 1_000
"""Tokens, between which other requests have their turn."""
_READING_SECONDS = 10
log = structlog.get_logger()


def routes() -> list[BaseRoute]:
    return [Route("/leaked-keys", report, methods=["POST"])]


async def report(request: Request) -> Response:
    """A JSON array of objects with `token` and, as they may be, `url` and `source`; whatever else is in it
    is left alone. The keys are revoked before the answer: a crash after it would lose the report. That this
    takes longer where there is one tells no more than to try the key does.
    """
    state: State = request.app.state.team_access
    state.rate_limiter.count_address(client_of(request).ip, {})
    findings = list(_findings(await _body(request)))
    for start in range(0, len(findings), _AT_ONCE):
        some = findings[start : start + _AT_ONCE]
        await revoke_leaked(state.settings, state.database, state.announcer, client_of(request), some)
        await asyncio.sleep(0)
    return Response(b"[]", media_type="application/json", headers={"Cache-Control": "no-store"})


async def _body(request: Request) -> bytes:
    """Nothing where it is too long, or too long on its way."""
    body = bytearray()
    try:
        async with asyncio.timeout(_READING_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    log.warning("leaked_keys_report_too_long", request_id=request_id(request))
                    return b""
    except (TimeoutError, ClientDisconnect):
        return b""
    return bytes(body)


def _findings(body: bytes) -> Iterator[Finding]:
    try:
        rows = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("token"), str):
            url, source = (row.get(name) for name in ("url", "source"))
            yield Finding(row["token"], _text(url), _text(source))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
