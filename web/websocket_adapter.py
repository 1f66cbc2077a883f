"""Sends and receives the JSON messages of one WebSocket, for Strawberry's protocol handler."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)

from web.json_encoder import encode

_MAX_REASON_BYTES = 123
"""A close frame has 125 bytes, of which the code takes 2."""
_SENDING_SECONDS = 30
"""A client that does not read its messages for this long is disconnected."""
_CLOSING_SECONDS = 5


class WebSocketAdapter(ASGIWebSocketAdapter):
    def __init__(self, view: Any, request: WebSocket, response: WebSocket) -> None:
        super().__init__(view, request, response)
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        while (message := await self._receive()) is not None:
            if message.get("text") is None:
                raise NonTextMessageReceived
            try:
                document = orjson.loads(message["text"])
            except (orjson.JSONDecodeError, UnicodeEncodeError):
                raise NonJsonMessageReceived from None
            yield document

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self._closed:
            raise WebSocketDisconnected
        try:
            async with asyncio.timeout(_SENDING_SECONDS):
                await self.ws.send_text(encode(message).decode())
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            if isinstance(error, TimeoutError):
                await self.close(1008, "The client does not read its messages")
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """May be called several times: a connection can end for several reasons at once."""
        if self._closed:
            return
        self._closed = True
        # In a task of its own: the caller may be cancelled when the connection ends.
        self._closing = asyncio.ensure_future(self._send_close(code, reason))
        await asyncio.shield(self._closing)

    async def _send_close(self, code: int, reason: str) -> None:
        """Cuts the client off where it does not read the close frame."""
        with suppress(WebSocketDisconnect, RuntimeError, OSError):  # It has ended already.
            try:
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await self.ws.close(code, reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore"))
            except TimeoutError:
                self.ws.scope["abort"]()

    async def _receive(self) -> Message | None:
        """The next message; None after the connection was closed by either side."""
        if self._closed:
            return None
        message = await self.ws.receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            return None
        return None if self._closed else message
