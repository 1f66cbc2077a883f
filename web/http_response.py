"""Writes an HTTP response in one step where the app sends its body in one message."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

_REPEATED_NAMES = frozenset(
    (
        b"cache-control",
        b"content-security-policy",
        b"content-type",
        b"strict-transport-security",
        b"x-content-type-options",
    )
)
_MAX_REPEATED_LINES = 256
_FRAMING_NAMES = (b"connection", b"transfer-encoding")
_WITHOUT_BODY = (204, 304)

_repeated_lines: dict[tuple[bytes, bytes], bytes] = {}
"""Cache of valid header lines: most responses repeat them."""


class ResponseCycle(RequestResponseCycle):
    """Sends head and body together, as one packet instead of two. Uvicorn writes the other responses: those
    in parts, without Content-Length, not valid, or the last one of a connection."""

    _start: Any = None
    """The message with status and headers, kept until the message with the body."""
    waiting_bytes = 0
    """Size of what waits until the client has read what was sent before."""

    async def send(self, message: Any) -> None:
        start = self._start
        if start is None:
            if self.response_started or message["type"] != "http.response.start":
                await self._send_parts(message)
            else:
                self._start, self.waiting_for_100_continue = message, False
            return
        self._start = None
        response = self._in_one_part(start, message)
        if response is None:
            await self._send_parts(start, message)
            return
        if self.flow.write_paused and not self.disconnected:
            with self._waiting(len(response)):
                await self.flow.drain()
        if not self.disconnected:
            self._write_all(response)

    async def _send_parts(self, *messages: Any) -> None:
        with self._waiting(sum(len(each.get("body", b"")) for each in messages)):
            for message in messages:
                await super().send(message)

    @contextmanager
    def _waiting(self, size: int) -> Iterator[None]:
        self.waiting_bytes = size
        try:
            yield
        finally:
            self.waiting_bytes = 0

    async def send_500_response(self) -> None:
        self._start = None
        await super().send_500_response()

    def _write_all(self, response: bytes) -> None:
        self.response_started = self.response_complete = True
        self.transport.write(response)
        self.message_event.set()
        self.on_response()

    def _in_one_part(self, start: Message, message: Message) -> bytes | None:
        """The response's bytes; None where uvicorn must write it."""
        status = start["status"]
        if (
            message["type"] != "http.response.body"
            or message.get("more_body")
            or not self.keep_alive
            or status < 200
            or status in _WITHOUT_BODY
            or self.scope["method"] == "HEAD"
        ):
            return None
        body, length = message.get("body", b""), None
        parts = [STATUS_LINE[status]]
        for header in (*self.default_headers, *start["headers"]):
            line = _repeated_lines.get(header) or _line(header)
            if line is None:
                return None
            if header[0] == b"content-length":
                length = int(header[1])
            parts.append(line)
        if length != len(body):
            return None
        parts += (b"\r\n", body)
        return b"".join(parts)


def _line(header: tuple[bytes, bytes]) -> bytes | None:
    """The header's line; None for a header that controls the message length, or is not valid."""
    name, value = header[0].lower(), header[1]
    if name in _FRAMING_NAMES or HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return None
    line = b"%b: %b\r\n" % (name, value)
    if name in _REPEATED_NAMES and len(_repeated_lines) < _MAX_REPEATED_LINES:
        _repeated_lines[header] = line
    return line
