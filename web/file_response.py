"""Streaming response for downloads: reads no faster than the client receives, and audits each transfer."""

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
from resolvers.downloads.links import AnyLink, Content, RefusalReason
from resolvers.downloads.transfers import ActiveTransfer, Transfers
from web.byte_ranges import ByteRange
from web.download_pages import refused, unavailable
from web.request_scope import request_id

STALLED_SECONDS = 60
_PIECE_BYTES = 256 * 1024
log = structlog.get_logger()

Result = TypeVar("Result")


class _TransferEnded(Exception):
    """The client has disconnected, or is no longer permitted to download."""


class FileResponse(Response):
    def __init__(
        self,
        transfers: Transfers,
        link: AnyLink,
        content: Content,
        client: Client,
        headers: dict[str, str],
        byte_range: ByteRange | None,
    ) -> None:
        """`byte_range` is None for the whole content."""
        self._transfers, self._link, self._client = transfers, link, client
        self._content, self._byte_range = content, byte_range
        self._start, self._end = (byte_range.start, byte_range.end) if byte_range else (0, content.size)
        self.status_code = 206 if byte_range else 200
        self.background = None
        self.init_headers(headers)
        self.headers["content-type"] = content.media_type
        if self._end is not None:
            self.headers["content-length"] = str(self._end - self._start)
        if byte_range:
            self.headers["content-range"] = byte_range.content_range

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        content_range = self._byte_range.content_range if self._byte_range else None
        sending = await self._transfers.begin(self._link, self._content, self._client, content_range)
        transfer_end = asyncio.create_task(_transfer_ended(receive, sending))
        try:
            await self._send_all(sending, transfer_end, scope, receive, send)
        finally:
            transfer_end.cancel()
            await self._transfers.end(sending)

    async def _send_all(
        self,
        sending: ActiveTransfer,
        transfer_end: "asyncio.Task[None]",
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Returns without completing the response where the transfer ends early: the server then closes the
        connection, so that the client notices that the file is incomplete."""
        has_started = False
        try:
            stream = self._content.stream(self._start, self._end)
            async with aclosing(_read_ahead(stream, transfer_end)) as pieces:
                async for piece in pieces:
                    if not has_started:
                        await self._begin(send)
                        has_started = True
                    await _send_piece(piece, sending, transfer_end, send)
            self._check_length(sending)
            if not has_started:
                await self._begin(send)
            sending.reached_end = True
            await _unless(transfer_end, send({"type": "http.response.body", "body": b"", "more_body": False}))
        except (_TransferEnded, TimeoutError):
            if sending.cut.is_set() and not has_started:
                error = StorageUnavailable("A transfer was cut before its first byte.")
                await unavailable(Request(scope), error)(scope, receive, send)
        except StorageUnavailable as error:
            if isinstance(error, ReportTooLarge) and not has_started:
                await refused(Request(scope), RefusalReason.TOO_LARGE)(scope, receive, send)
            elif not has_started:
                await unavailable(Request(scope), error)(scope, receive, send)
            else:
                log.error("download_interrupted", request_id=request_id(Request(scope)), error=str(error))

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    def _check_length(self, sending: ActiveTransfer) -> None:
        if self._end is not None and sending.bytes_sent != self._end - self._start:
            raise StorageUnavailable(
                f"{self._content.file_name} has another size in the file storage than in the database."
            )


async def _send_piece(
    piece: bytes, sending: ActiveTransfer, transfer_end: "asyncio.Task[None]", send: Send
) -> None:
    for start in range(0, len(piece), _PIECE_BYTES):
        body = piece[start : start + _PIECE_BYTES]
        await _unless(transfer_end, send({"type": "http.response.body", "body": body, "more_body": True}))
        sending.bytes_sent += len(body)


async def _read_ahead(
    pieces: AsyncGenerator[bytes], transfer_end: "asyncio.Task[None]"
) -> AsyncGenerator[bytes]:
    """Reads one piece while the piece before it is sent. Closes `pieces` at the end."""
    ahead = _next(pieces)
    try:
        while (piece := await _read(transfer_end, ahead)) is not None:
            ahead = _next(pieces)
            yield piece
    finally:
        ahead.cancel()
        await asyncio.wait({ahead})
        await pieces.aclose()


async def _read(transfer_end: "asyncio.Task[None]", ahead: "asyncio.Task[bytes | None]") -> bytes | None:
    try:
        return await _unless(transfer_end, ahead)
    except TimeoutError:
        raise StorageUnavailable(f"The file storage sent no bytes for {STALLED_SECONDS} seconds.") from None


def _next(pieces: AsyncIterator[bytes]) -> "asyncio.Task[bytes | None]":
    """Starts reading the next piece; the result is None at the end."""

    async def read() -> bytes | None:
        return await anext(pieces, None)

    reading = asyncio.create_task(read())
    # Marks an exception as retrieved where nothing awaits the task any more.
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())
    return reading


async def _transfer_ended(receive: Receive, sending: ActiveTransfer) -> None:
    """Returns once the client has disconnected, or is no longer permitted to download."""
    disconnect = asyncio.create_task(disconnected(receive))
    cut = asyncio.create_task(sending.cut.wait())
    try:
        await asyncio.wait({disconnect, cut}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        disconnect.cancel()
        cut.cancel()


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless(transfer_end: "asyncio.Task[None]", step: Awaitable[Result]) -> Result:
    """The result of the step. Raises _TransferEnded where the transfer ends first, and TimeoutError where
    neither ends in time."""
    result: asyncio.Future[Any] = asyncio.ensure_future(step)
    if not transfer_end.done():
        await asyncio.wait(
            {result, transfer_end}, timeout=STALLED_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        # Checked first: the server reports a disconnect as soon as it has taken the last bytes.
        if result.done():
            return cast("Result", result.result())
    result.cancel()
    raise _TransferEnded if transfer_end.done() else TimeoutError
