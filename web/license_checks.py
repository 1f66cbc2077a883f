"""Endpoints for themes that are installed on sites: they check their license with its key."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from models.columns import now
from permissions.errors import RateLimited
from resolvers.licenses.check_sites import Host, host_of
from resolvers.licenses.checks import LicenseCheck, check, find_license
from resolvers.licenses.keys import license_key_of
from web.app_state import State
from web.authentication import client_of
from web.error_responses import error_json

_MOST_BYTES = 4 * 1024
_MOST_KEY, _MOST_VERSION, _MOST_NONCE = 100, 64, 128
_READING_SECONDS = 10
_EXAMPLE = '{"key": "TL-XXXX-XXXX-XXXX-XXXX", "site": "www.example.com"}'


def routes() -> list[BaseRoute]:
    return [
        Route("/licenses/verify", verify, methods=["POST"]),
        Route("/.well-known/jwks.json", public_keys, methods=["GET"]),
    ]


class _BadRequest(Exception):
    """The message says what would be right."""


@dataclass(frozen=True, slots=True)
class _ThemeRequest:
    key: str
    site: str
    host: Host
    version: str | None
    nonce: str | None


async def verify(request: Request) -> Response:
    """Answers a license check; the key is the only credential. Executes one statement."""
    state: State = request.app.state.team_access
    ip = client_of(request).ip
    try:
        asked = _asked(await _body(request))
        found = await state.license_keys.find(
            license_key_of(asked.key), ip, lambda key: find_license(state.database, key)
        )
    except _BadRequest as error:
        return _counted(state, ip) or error_json(400, "INVALID", str(error))
    except RateLimited as refusal:
        return _too_many(refusal)
    at = now()
    checked = check(found, asked.host, state.settings.license_staging_hosts)
    if checked.license is not None:
        state.license_check_notes.note(checked.license, at, str(asked.host), asked.version)
    answer = _answer(checked, asked, at)
    claims = {**answer, "iat": int(at.timestamp()), "exp": int(checked.token_ends_at(at).timestamp())}
    return _json({**answer, "token": state.license_signer.token(claims)})


async def public_keys(request: Request) -> Response:
    """The keys that verify `token`, as a JSON Web Key Set."""
    state: State = request.app.state.team_access
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(state.license_signer.public_keys, media_type="application/json", headers=headers)


def _answer(checked: LicenseCheck, asked: _ThemeRequest, at: datetime) -> dict[str, object]:
    found = checked.license
    return {
        "status": checked.status.value,
        "environment": None if checked.environment is None else checked.environment.value,
        "theme": None if found is None else found.theme,
        "site": None if found is None else found.site,
        "expiresAt": None if found is None else _time(found.expires_at),
        "latestVersion": None if found is None else found.latest_version,
        "checkedAt": _time(at),
        "nonce": asked.nonce,
        "recheckAfterSeconds": checked.recheck_after_seconds(at),
    }


def _asked(body: bytes) -> _ThemeRequest:
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _BadRequest(f"The body must be a JSON object such as {_EXAMPLE}.") from None
    if not isinstance(members, dict):
        raise _BadRequest(f"The body must be a JSON object such as {_EXAMPLE}.")
    key = _text(members, "key", _MOST_KEY, is_required=True)
    site = _text(members, "site", 1_000, is_required=True)
    try:
        host = host_of(site or "")
    except ValueError:
        raise _BadRequest(
            "`site` must be the host name of the site, such as www.example.com: no http://, path or user"
            " name."
        ) from None
    version, nonce = _text(members, "version", _MOST_VERSION), _text(members, "nonce", _MOST_NONCE)
    return _ThemeRequest(key or "", site or "", host, version, nonce)


def _text(members: dict[str, object], name: str, most: int, *, is_required: bool = False) -> str | None:
    value = members.get(name)
    if value is None and not is_required:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        raise _BadRequest(f"`{name}` must be a text of 1 to {most:,} printable characters.")
    return value


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_READING_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise _BadRequest("The body may have 4 KiB at most.")
    except (TimeoutError, ClientDisconnect):
        raise _BadRequest("The body did not arrive within 10 seconds.") from None
    return bytes(body)


def _counted(state: State, ip: str | None) -> Response | None:
    """Counts a request without a valid key against its address. Returns the refusal where it is one too
    many."""
    try:
        state.license_keys.count_address(ip)
    except RateLimited as refusal:
        return _too_many(refusal)
    return None


def _too_many(refusal: RateLimited) -> Response:
    return error_json(429, "RATE_LIMITED", refusal.message, refusal.headers)


def _json(answer: dict[str, object]) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(answer), media_type="application/json", headers=headers)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
