"""HTTP server that receives the deliveries of audit streams and responds as a test defines."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
HANG = b"hang"
HANG_UP = b""


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.decode().splitlines()]

    @property
    def sequences(self) -> list[int]:
        return [event["sequence"] for event in self.events]


@dataclass
class Receiver:
    """Sends each of `answers` once, then `usual` each time. An answer is bytes, or a list of pieces sent
    every 20 ms."""

    port: int
    answers: deque[bytes | list[bytes]]
    usual: bytes | list[bytes] = OK
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)
    """Requests that were answered with a 2xx status."""
    at_once: int = 0
    most_at_once: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    held: asyncio.Event | None = None
    """If there is one, requests are answered once it is set."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}/audit?token=hushed"

    @property
    def sequences(self) -> list[int]:
        """Sequences of all received events, in order of arrival."""
        return [sequence for request in self.taken for sequence in request.sequences]

    async def until(self, taken: int = 0, requests: int = 0, timeout_seconds: float = 30) -> None:
        """Waits until this many events and requests have arrived."""
        async with self.changed, asyncio.timeout(timeout_seconds):
            await self.changed.wait_for(
                lambda: len(self.sequences) >= taken and len(self.requests) >= requests
            )

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._answer(await _read(reader), writer)
        finally:
            self.at_once -= 1
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        answer = self.answers.popleft() if self.answers else self.usual
        await self._notify()
        if self.held is not None:
            await self.held.wait()
        if answer == HANG:
            await asyncio.sleep(3_600)
        for piece in answer if isinstance(answer, list) else [answer]:
            if isinstance(answer, list):
                await asyncio.sleep(0.02)
            writer.write(piece)
            await writer.drain()
        if b"".join(answer if isinstance(answer, list) else [answer]).startswith(b"HTTP/1.1 2"):
            self.taken.append(request)
        await self._notify()

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
    return Request(line, headers, await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def receiving(
    *answers: bytes | list[bytes],
    usual: bytes | list[bytes] = OK,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> AsyncIterator[Receiver]:
    receiver = Receiver(port, deque(answers), usual, "https" if tls else "http")
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def status(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} Any", *headers, "content-length: 0", "", ""]).encode()
