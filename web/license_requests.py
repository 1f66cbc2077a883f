"""Endpoints that take a license key: the requests of themes that are installed on sites."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import orjson
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import Receive, Scope, Send

from permissions.errors import RateLimited
from resolvers.licenses.check_sites import Host, host_of
from resolvers.licenses.checks import CheckedLicense, find_license
from resolvers.licenses.keys import license_key_of
from web.app_state import State
from web.error_pages import failed
from web.request_scope import request_id

_MOST_BYTES = 4 * 1024
_MOST_KEY, _MOST_SITE, _MOST_VERSION, _MOST_NONCE = 100, 1_000, 64, 128
_EXAMPLE = '{"key": "TL-XXXX-XXXX-XXXX-XXXX", "site": "www.example.com"}'
_NO_HEADERS: Mapping[str, str] = {}
_NO_STORE, _JSON = (b"cache-control", b"no-store"), (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class ThemeRequest:
    key: str | None
    """The key as it is stored; None for a text that cannot be one."""
    site: str
    """The host name in the spelling of the request."""
    host: Host
    version: str
    """Empty where the request has none."""
    nonce: str | None


Answer: TypeAlias = tuple[int, dict[str, object] | None]
"""Status and JSON of a response."""


class _Invalid(Exception):
    """The message says what would be right."""


class _Refused(Exception):
    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        self.answer: Answer = status, {"error": {"code": code, "message": message}}
        self.headers = headers


class LicenseEndpoint:
    """ASGI application of one endpoint. It is called without Starlette's routes and middleware, which take
    longer than everything else that a license check does.

    `answer` gets the license of the request's key, which is the only credential, or None for an unknown key.
    """

    def __init__(
        self,
        answer: Callable[[State, ThemeRequest, CheckedLicense | None], Awaitable[Answer]],
        *,
        needs_version: bool = False,
    ) -> None:
        self._answer, self._needs_version = answer, needs_version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        headers = _NO_HEADERS
        try:
            answer = await self._respond(connection, receive)
        except ClientDisconnect:
            return
        except _Refused as refused:
            answer, headers = refused.answer, refused.headers
        except Exception as error:
            response = failed(Request(scope), error)
            response.headers["x-request-id"] = request_id(connection)
            await response(scope, receive, send)
            return
        await _send(answer, {"x-request-id": request_id(connection), **headers}, send)

    async def _respond(self, connection: HTTPConnection, receive: Receive) -> Answer:
        state: State = connection.scope["app"].state.team_access
        ip = state.proxies.client_of(connection)
        if connection.scope["method"] != "POST":
            raise _Refused(405, "METHOD_NOT_ALLOWED", "Send a POST request.", {"allow": "POST"})
        try:
            try:
                members = _members(await _body(receive), self._needs_version)
            except _Invalid as error:
                state.license_keys.count_address(ip)
                raise _refused(error) from None
            key = license_key_of(members.key)
            found = await state.license_keys.find(key, ip, lambda key: find_license(state.database, key))
        except RateLimited as limited:
            await state.license_keys.delay_refusal()
            raise _Refused(429, "RATE_LIMITED", limited.message, limited.headers) from None
        try:
            # After the limits, because a host name can take a hundred times as long as all that is before.
            # One that is written as the license stores it is its own normalised form.
            is_stored = found is not None and members.site == found.site
            host = members.site if is_stored else _host(members.site)
        except _Invalid as error:
            raise _refused(error) from None
        asked = ThemeRequest(key, members.site, host, members.version, members.nonce or None)
        return await self._answer(state, asked, found)


def _refused(error: _Invalid) -> _Refused:
    return _Refused(400, "INVALID", str(error))


class _Members(NamedTuple):
    """Texts of the body. Those that may be missing are empty then."""

    key: str
    site: str
    version: str
    nonce: str


def _members(body: bytes, needs_version: bool) -> _Members:
    """Raises _Invalid where it is malformed."""
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        members = None
    if not isinstance(members, dict):
        raise _Invalid(f"The body must be a JSON object such as {_EXAMPLE}.")
    return _Members(
        _text(members, "key", _MOST_KEY),
        _text(members, "site", _MOST_SITE),
        _text(members, "version", _MOST_VERSION, is_required=needs_version),
        _text(members, "nonce", _MOST_NONCE, is_required=False),
    )


def _host(site: str) -> Host:
    """Raises _Invalid where the site is none."""
    try:
        return host_of(site)
    except ValueError:
        raise _Invalid(
            "`site` must be the host name of the site, such as www.example.com: no http://, path or user"
            " name."
        ) from None


def _text(members: dict[str, object], name: str, most: int, *, is_required: bool = True) -> str:
    """The member; empty where it may be missing and is."""
    value = members.get(name)
    if value is None and not is_required:
        return ""
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        raise _Invalid(f"`{name}` must be a text of 1 to {most:,} printable characters.")
    return value


async def _body(receive: Receive) -> bytes:
    """The body, which the server has received in time. Raises _Invalid where it is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > _MOST_BYTES:
            raise _Invalid("The body may have 4 KiB at most.")
        more = message.get("more_body", False)
    return body


async def _send(answer: Answer, more_headers: Mapping[str, str], send: Send) -> None:
    status, content = answer
    headers, body = [_NO_STORE], b""
    if content is not None:
        body = orjson.dumps(content)
        headers += [_JSON, (b"content-length", b"%d" % len(body))]
    headers += [(name.encode(), value.encode()) for name, value in more_headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
