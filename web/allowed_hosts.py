"""Check of the Host header against the allowed host names. Without it, a page of another site whose name is
made to resolve to this server (DNS rebinding) could read every response, including the development
mailbox."""

import re
from http import HTTPStatus
from ipaddress import ip_address
from operator import itemgetter
from urllib.parse import urlsplit

import orjson
from starlette.types import Scope, Send

from settings import Settings
from web import health
from web.security_headers import SecurityHeaders
from web_urls import is_of_this_machine

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253}?)\.?(:[0-9]{1,5})?")
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104
_MAX_CACHED = 64
_NAME_OF = itemgetter(0)


class Hosts:
    """The allowed host names: those of PUBLIC_URL and ALLOWED_HOSTS; also those of this machine (localhost
    and loopback addresses) where the embedded database or mailbox is used or PUBLIC_URL is one of them.
    X-Forwarded-Host and ports are ignored."""

    def __init__(self, settings: Settings, security_headers: SecurityHeaders) -> None:
        public_name = urlsplit(settings.public_url).hostname or ""
        # In server processes, database_url is also set where the database is the embedded one.
        self._is_embedded = None in (settings.database_url, settings.smtp_url) or is_of_this_machine(
            public_name
        )
        self._names = {public_name, *map(_bare, settings.allowed_hosts)}
        if self._is_embedded and settings.host not in _ANY_ADDRESS:
            self._names.add(settings.host)
        self._allowed_headers: set[bytes] = set()
        """Cache of Host headers that were allowed: most requests repeat one of them."""
        self._security_headers = security_headers
        self._message = f"Host name not allowed: use {settings.public_url}, or add the name to ALLOWED_HOSTS."

    def allows(self, scope: Scope) -> bool:
        """Whether the request has exactly one Host header, with an allowed name. The health checks allow
        any name or none, since load balancers use their own."""
        headers = scope["headers"]
        names = [*map(_NAME_OF, headers)]
        if names.count(b"host") == 1:
            host = headers[names.index(b"host")][1]
            if host in self._allowed_headers or self._is_allowed(host):
                return True
        return scope["path"] in health.PATHS

    async def refuse(self, scope: Scope, send: Send) -> None:
        """Responds with 421 Misdirected Request. `send` adds the security headers."""
        if scope["type"] == "websocket":
            status = HTTPStatus.MISDIRECTED_REQUEST
            await self._security_headers.refuse_handshake(scope, send, status, self._message)
            return
        is_api = scope["path"] == "/graphql"
        body = self._graphql_error() if is_api else f"{self._message}\n".encode()
        headers = [
            (b"content-type", b"application/json" if is_api else b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-robots-tag", b"noindex"),
        ]
        start = {"type": "http.response.start", "status": HTTPStatus.MISDIRECTED_REQUEST, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _graphql_error(self) -> bytes:
        error = {"message": self._message, "extensions": {"code": "MISDIRECTED_REQUEST"}}
        return orjson.dumps({"errors": [error]})

    def _is_allowed(self, host: bytes) -> bool:
        parts = _HOST.fullmatch(host.decode("latin-1").lower())
        is_allowed = parts is not None and self._is_own(_bare(parts[1]))
        if is_allowed and len(self._allowed_headers) < _MAX_CACHED:
            self._allowed_headers.add(host)
        return is_allowed

    def _is_own(self, name: str) -> bool:
        return name in self._names or (self._is_embedded and is_of_this_machine(name))


def _bare(host: str) -> str:
    """The host without brackets; IP addresses in canonical notation."""
    bare = host.strip("[]")
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare
