"""Host names that this server answers for. A page of another site, whose name is made to resolve to this
server (DNS rebinding), could otherwise read every answer, the mailbox of development among them."""

import re
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

import orjson
from starlette.types import Scope, Send

from settings import Settings
from web.security_headers import SecurityHeaders

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253}?)\.?(:[0-9]{1,5})?")
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104
_MOST_KNOWN = 64
_PROBED = "/health"


class Hosts:
    """PUBLIC_URL's, those of ALLOWED_HOSTS, and this machine's own where the set-up is an embedded one: where
    the database or the mailbox is built in, or PUBLIC_URL has one of them. X-Forwarded-Host has no say.
    Ports do not count."""

    def __init__(self, settings: Settings, security_headers: SecurityHeaders) -> None:
        public_name = urlsplit(settings.public_url).hostname or ""
        # The processes of a server are given the URL of the embedded database, and it is set for them.
        self._is_embedded = None in (settings.database_url, settings.smtp_url) or _is_of_this_machine(
            public_name
        )
        self._names = {public_name, *map(_bare, settings.allowed_hosts)}
        if self._is_embedded and settings.host not in _ANY_ADDRESS:
            self._names.add(settings.host)
        self._known: set[bytes] = set()
        """Headers that were found to be right: most requests repeat one of them."""
        self._security_headers = security_headers
        self._message = (
            f"This server does not answer for this host name: use {settings.public_origin}, or add the name"
            " to the setting ALLOWED_HOSTS."
        )

    def allows(self, scope: Scope) -> bool:
        """One Host header with a name of this server's; load balancers probe by any name, or by none."""
        is_probe: bool = scope["path"] == _PROBED
        host: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    return is_probe
                host = value
        return host in self._known or self._is_right(host) or is_probe

    async def refuse(self, scope: Scope, send: Send) -> None:
        """421 Misdirected Request. `send` adds the headers that every response has."""
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

    def _is_right(self, host: bytes | None) -> bool:
        if host is None:
            return False
        parts = _HOST.fullmatch(host.decode("latin-1").lower())
        is_right = parts is not None and self._is_own(_bare(parts[1]))
        if is_right and len(self._known) < _MOST_KNOWN:
            self._known.add(host)
        return is_right

    def _is_own(self, name: str) -> bool:
        return name in self._names or (self._is_embedded and _is_of_this_machine(name))


def _bare(host: str) -> str:
    """A host without brackets; IP addresses in one notation."""
    bare = host.strip("[]")
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare


def _is_of_this_machine(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
