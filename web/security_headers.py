"""Security headers of every HTTP response: pages, files, JSON, errors and redirects."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.types import Message, Scope, Send

STATIC_FILES_POLICY = "; ".join(
    [
        "default-src 'none'",
        # A web worker's script is subject to the policy of its own response.
        "script-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_DEFAULT_POLICY = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """Adds the headers that a response does not set itself; Strict-Transport-Security where PUBLIC_URL is
    https."""

    def __init__(self, *, https: bool) -> None:
        self._headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", _DEFAULT_POLICY),
            *([_HSTS] if https else []),
        ]

    def around(self, scope: Scope, send: Send) -> Callable[[Message], Awaitable[None]]:
        """Wraps `send` so that it adds the headers to the response."""
        if scope["type"] == "websocket":
            return self._around_handshake(scope, send)

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = self.with_headers(message["headers"])
            return send(message)

        return send_with_headers

    def with_headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = dict(headers)
        return [*headers, *[header for header in self._headers if header[0] not in names]]

    def _around_handshake(self, scope: Scope, send: Send) -> Send:
        """Answers a refused WebSocket handshake, since the server's own 403 would have no headers."""
        has_responded = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_responded
            is_refusal = message["type"] == "websocket.close" and not has_responded
            has_responded = True
            if is_refusal:
                reason = message.get("reason") or "Forbidden"
                await self.refuse_handshake(scope, send, HTTPStatus.FORBIDDEN, reason)
            elif message["type"] == "websocket.http.response.start":
                await send({**message, "headers": self.with_headers(message["headers"])})
            else:
                await send(message)

        return send_with_headers

    async def refuse_handshake(self, scope: Scope, send: Send, status: int, reason: str) -> None:
        """Uses the extension `websocket.http.response` of ASGI."""
        body = f"{reason}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        start = {"type": "websocket.http.response.start", "status": status}
        await send({**start, "headers": self.with_headers(headers)})
        await send({"type": "websocket.http.response.body", "body": body})
