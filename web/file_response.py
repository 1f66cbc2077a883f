"""Bytes on their way out: never more in memory than a slow client takes, and each transfer audited."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar, cast

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.spools import ReportTooLarge
from models.storage import StorageUnavailable
from permissions.viewer import Client
from resolvers.downloads.links import Content, Link, WhyNot
from resolvers.downloads.transfers import Sending, Transfers
from web.byte_ranges import Part
from web.download_pages import refused, unavailable
from web.request_scope import request_id

STALLED_SECONDS = 60
_PIECE_BYTES = 256 * 1024
log = structlog.get_logger()

Result = TypeVar("Result")


class _Gone(Exception):
    """The client hung up, or may have no more."""


class Outgoing(Response):
    def __init__(
        self,
        transfers: Transfers,
        link: Link,
        content: Content,
        client: Client,
        headers: dict[str, str],
        part: Part | None,
    ) -> None:
        """`part` is None for all of it."""
        self._transfers, self._link, self._client = transfers, link, client
        self._content, self._part = content, part
        self._start, self._end = (part.start, part.end) if part else (0, content.size)
        self.status_code = 206 if part else 200
        self.background = None
        self.init_headers(headers)
        self.headers["content-type"] = content.media_type
        if self._end is not None:
            self.headers["content-length"] = str(self._end - self._start)
        if part:
            self.headers["content-range"] = part.content_range

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        content_range = self._part.content_range if self._part else None
        sending = await self._transfers.begin(self._link, self._content, self._client, content_range)
        gone = asyncio.create_task(_gone(receive, sending))
        try:
            await self._send_all(sending, gone, scope, receive, send)
        finally:
            gone.cancel()
            await self._transfers.end(sending)

    async def _send_all(
        self, sending: Sending, gone: "asyncio.Task[None]", scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Returns without the end of the answer where it is cut short: the server then ends the connection,
        and the client sees that it has not got everything."""
        has_begun = False
        try:
            stream = self._content.stream(self._start, self._end)
            async with aclosing(_read_ahead(stream, gone)) as pieces:
                async for piece in pieces:
                    if not has_begun:
                        await self._begin(send)
                        has_begun = True
                    await _send_piece(piece, sending, gone, send)
            self._check_length(sending)
            if not has_begun:
                await self._begin(send)
            sending.reached_end = True
            await _unless(gone, send({"type": "http.response.body", "body": b"", "more_body": False}))
        except (_Gone, TimeoutError):
            return
        except StorageUnavailable as error:
            if isinstance(error, ReportTooLarge) and not has_begun:
                await refused(Request(scope), WhyNot.TOO_LARGE)(scope, receive, send)
            elif not has_begun:
                await unavailable(Request(scope), error)(scope, receive, send)
            else:
                log.error("download_cut_short", request_id=request_id(Request(scope)), error=str(error))

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    def _check_length(self, sending: Sending) -> None:
        if self._end is not None and sending.bytes_sent != self._end - self._start:
            raise StorageUnavailable(f"The file storage has another size of {self._content.file_name}.")


async def _send_piece(piece: bytes, sending: Sending, gone: "asyncio.Task[None]", send: Send) -> None:
    for start in range(0, len(piece), _PIECE_BYTES):
        body = piece[start : start + _PIECE_BYTES]
        await _unless(gone, send({"type": "http.response.body", "body": body, "more_body": True}))
        sending.bytes_sent += len(body)


async def _read_ahead(pieces: AsyncIterator[bytes], gone: "asyncio.Task[None]") -> AsyncGenerator[bytes]:
    """One piece is read while the one before it goes out. What the pieces come from is closed at the end."""
    ahead = _next(pieces)
    try:
        while (piece := await _read(gone, ahead)) is not None:
            ahead = _next(pieces)
            yield piece
    finally:
        ahead.cancel()
        await asyncio.wait({ahead})
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _read(gone: "asyncio.Task[None]", ahead: "asyncio.Task[bytes | None]") -> bytes | None:
    try:
        return await _unless(gone, ahead)
    except TimeoutError:
        raise StorageUnavailable(f"No bytes to send came in {STALLED_SECONDS} seconds.") from None


def _next(pieces: AsyncIterator[bytes]) -> "asyncio.Task[bytes | None]":
    """The piece after those that were read; None at the end."""

    async def read() -> bytes | None:
        return await anext(pieces, None)

    reading = asyncio.create_task(read())
    # Where nobody waits for it any more, its failure is no news.
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())
    return reading


async def _gone(receive: Receive, sending: Sending) -> None:
    """Returns once the client has hung up, or may have no more."""
    hung_up = asyncio.create_task(disconnected(receive))
    cut = asyncio.create_task(sending.cut.wait())
    try:
        await asyncio.wait({hung_up, cut}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hung_up.cancel()
        cut.cancel()


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless(gone: "asyncio.Task[None]", step: Awaitable[Result]) -> Result:
    """What the step gives. Raises _Gone where that comes first, and TimeoutError where neither does."""
    doing: asyncio.Future[Any] = asyncio.ensure_future(step)
    if not gone.done():
        await asyncio.wait({doing, gone}, timeout=STALLED_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        # Both at once is how the last bytes end: the server says so as soon as it has them.
        if doing.done():
            return cast("Result", doing.result())
    doing.cancel()
    raise _Gone if gone.done() else TimeoutError
