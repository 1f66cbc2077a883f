"""Writes an HTTP response in one step where the app sends its body in one message."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

from telemetry.families import HTTP_RESPONSES
from telemetry.series import Counter

_FRAMING_NAMES = frozenset((b"connection", b"transfer-encoding"))
_WITHOUT_BODY = (204, 304)


@lru_cache(maxsize=100)
def _responses(status: int) -> Counter:
    return HTTP_RESPONSES.labels(str(status))


def count_response(status: int) -> None:
    _responses(status).value += 1


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
                count_response(message["status"])
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
        body = message.get("body", b"")
        head = _head([*self.default_headers, *start["headers"]], len(body))
        return None if head is None else b"".join((STATUS_LINE[status], head, b"\r\n\r\n", body))


def _head(headers: list[tuple[bytes, bytes]], length: int) -> bytes | None:
    """The header lines; None where one of them controls the connection or is not valid, or where
    Content-Length is not the body's `length`."""
    values = dict(headers)
    if (
        values.get(b"content-length") != b"%d" % length
        or not _FRAMING_NAMES.isdisjoint(values)
        or not all(map(_is_valid, headers))
    ):
        return None
    return b"\r\n".join(map(b": ".join, headers))


@lru_cache(maxsize=256)
def _is_valid(header: tuple[bytes, bytes]) -> bool:
    """Whether the header may be written as it is. The cache is for those that most responses repeat."""
    name, value = header
    return name.islower() and not HEADER_RE.search(name) and not HEADER_VALUE_RE.search(value)
