"""Endpoint where secret scanners report leaked API keys. Reports need no signature, since anyone who has a
key may have it revoked. The response is the same whether or not the keys exist."""

import asyncio
from collections.abc import Iterator

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
    for finding in _findings(await _body(request)):
        if is_api_key(finding.token):
            if len(findings) >= _MOST_KEYS and finding.token not in findings:
                log.warning(
                    "leaked_keys_report_truncated", max_keys=_MOST_KEYS, request_id=request_id(request)
                )
                break
            findings.setdefault(finding.token, finding)
    return list(findings.values())


async def _body(request: Request) -> bytes:
    """The body; empty where it is too large or takes too long to arrive."""
    body = bytearray()
    try:
        async with asyncio.timeout(_READING_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    log.warning("leaked_keys_report_too_large", request_id=request_id(request))
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
