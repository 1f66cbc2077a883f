"""Endpoint where secret scanners report leaked API keys. Reports need no signature, since anyone who has a
key may have it revoked. The response is the same whether or not the keys exist."""

import asyncio
from typing import Any

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from permissions.tokens import is_api_key
from resolvers.api_keys.leaked_keys import Finding, revoke_leaked
from web.app_state import State
from web.authentication import client_of
from web.request_scope import request_id

_MOST_BYTES = 1024 * 1024
_MOST_KEYS = 1_000
_MOST_OBJECTS = 20_000
"""Objects and arrays of a body, so that the event loop is not blocked while they are parsed."""
_ROWS_AT_ONCE = 1_000
_READING_SECONDS = 10
log = structlog.get_logger()


def routes() -> list[BaseRoute]:
    return [Route("/leaked-keys", report, methods=["POST"])]


async def report(request: Request) -> Response:
    """Takes a JSON array of objects with `token` and optionally `url` and `source`; ignores all else. The
    keys are revoked before the response: a crash after it would lose the report. The longer time for an
    existing key reveals no more than a request with the key does.

    Each key counts against the rate limit of the client's address before any is looked up.
    """
    state: State = request.app.state.team_access
    client = client_of(request)
    state.rate_limiter.count_address(client.ip, {})
    findings = await _keys(request)
    if findings:
        state.rate_limiter.count_address(client.ip, {}, len(findings))
        await revoke_leaked(state.settings, state.database, state.announcer, client, findings)
    return Response(b"[]", media_type="application/json", headers={"Cache-Control": "no-store"})


async def _keys(request: Request) -> list[Finding]:
    """The distinct well-formed API keys of the report, at most 1,000."""
    findings: dict[str, Finding] = {}
    for number, row in enumerate(_rows(await _body(request))):
        if number % _ROWS_AT_ONCE == 0:
            await asyncio.sleep(0)  # Lets other requests run: a body may have thousands of rows.
        token = row.get("token") if isinstance(row, dict) else None
        if not isinstance(token, str) or token in findings or not is_api_key(token):
            continue
        if len(findings) >= _MOST_KEYS:
            log.warning("leaked_keys_report_truncated", max_keys=_MOST_KEYS, request_id=request_id(request))
            break
        findings[token] = Finding(token, _text(row.get("url")), _text(row.get("source")))
    return list(findings.values())


async def _body(request: Request) -> bytes:
    """The body; empty where it is too large, has too many rows or takes too long to arrive."""
    body = bytearray()
    try:
        async with asyncio.timeout(_READING_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    break
    except (TimeoutError, ClientDisconnect):
        return b""
    if len(body) > _MOST_BYTES or body.count(b"{") + body.count(b"[") > _MOST_OBJECTS:
        log.warning("leaked_keys_report_too_large", request_id=request_id(request))
        return b""
    return bytes(body)


def _rows(body: bytes) -> list[Any]:
    try:
        rows = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    return rows if isinstance(rows, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
