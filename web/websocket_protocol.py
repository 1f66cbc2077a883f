"""WebSocket protocol of the server: uvicorn's, with limits on the memory and time of a connection."""

import asyncio
from http import HTTPStatus
from sys import getsizeof
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from permissions.client_sites import Site
from web.connection_limits import ConnectionRefused

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, BaseTransport

    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
    from websockets.http11 import Request

    from web.http_server import ServerConfig

_PARSED_BYTES = 2 * 1024
"""Bytes that are parsed in one iteration of the event loop: up to hundreds of small frames, in
milliseconds."""
_MAX_CONTROL_FRAMES = 100
_CONTROL_FRAMES_SECONDS = 10
_CLOSING_SECONDS = 2
_NEVER = float("inf")


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection. Frames are parsed only as the app receives messages, and not while the
    client does not read. So a connection takes memory for one message, one socket read and the send
    buffer."""

    config: "ServerConfig"

    def __init__(
        self,
        config: "ServerConfig",
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: "AbstractEventLoop | None" = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.table, self.limits = config.table, config.table.limits
        self.site: Site | None = None
        self.body_bytes = 0
        self._unparsed = bytearray()
        self._waiting_bytes = 0  # Of messages that wait until the client reads.
        self._is_write_paused = self._has_failed = self._has_credential = False
        self._is_parse_scheduled = False
        self._control_frames, self._control_frames_since = 0, 0.0
        self._since, self._deadline = self.loop.time(), _NEVER
        self.close_timeout = _CLOSING_SECONDS

    def check_deadlines(self, now: float) -> None:
        if now >= self._deadline:
            self.transport.abort()
        elif self._deadline == _NEVER and self.transport.is_closing():
            self._deadline = now + _CLOSING_SECONDS

    @property
    def unsent_bytes(self) -> int:
        return self.transport.get_write_buffer_size() + self._waiting_bytes if self._is_write_paused else 0

    @property
    def waiting_since(self) -> float | None:
        """Set for a WebSocket without a credential or being closed: it may be closed to make room for
        others."""
        return None if self._has_credential and not self.close_sent else self._since

    def evict(self, refusal: ConnectionRefused) -> None:
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.close_sent = True
            self.conn.send_close(1013, refusal.message)
            self.transport.write(b"".join(self.conn.data_to_send()))
        if self._is_write_paused:
            self.transport.abort()
        else:
            self.transport.close()
            self.loop.call_later(_CLOSING_SECONDS, self.transport.abort)

    def connection_made(self, transport: "BaseTransport") -> None:
        super().connection_made(transport)
        self.site = self.table.site_of_peer(self.client[0] if self.client else None)
        self.table.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.table.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._has_failed:
            self._unparsed += data
            self._parse()
        if not self.handshake_initiated:  # The head, parsed first, is complete but not valid.
            self._refuse_handshake(400, "The request is not a valid WebSocket handshake.")

    async def receive(self) -> "ASGIReceiveEvent":
        message = await self.queue.get()
        self._parse()
        if not self.queue.empty():
            await asyncio.sleep(0)  # Lets other tasks run between two messages.
        return message

    async def send(self, message: "ASGISendEvent") -> None:
        waiting = getsizeof(message.get("text"))
        self._waiting_bytes += waiting
        try:
            await super().send(message)
        finally:
            self._waiting_bytes -= waiting
        if self.close_sent:
            self.handshake_complete = True  # Also after a refusal: uvicorn would log an error otherwise.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._is_write_paused = True
        self._deadline = self.loop.time() + self.limits.send_seconds
        self._parse()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_write_paused = False
        self._deadline = _NEVER
        self._parse()

    def handle_connect(self, event: "Request") -> None:
        response = self.conn.accept(event)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse_handshake(response.status_code, response.body.decode().strip())
            return
        super().handle_connect(event)
        scope = cast("dict[str, Any]", self.scope)
        # The app calls it once the client has presented a credential.
        scope["admit_full_messages"] = self._admit_full_messages
        scope["abort"] = self.transport.abort

    def _refuse_handshake(self, status: int, reason: str) -> None:
        headers, body = ConnectionRefused(status, "BAD_REQUEST", reason).response(as_json=False)
        headers = self.table.security_headers.with_headers([*self.default_headers, *headers])
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        self.transport.close()
        self.handshake_initiated = self.close_sent = self._has_failed = True

    def _admit_full_messages(self) -> None:
        self._has_credential = True
        self.conn.max_message_size = self.limits.message_bytes

    def handle_cont(self, event: Frame) -> None:
        if self._has_failed:
            return  # It was received together with the frame that failed.
        if len(self.frames) < self.limits.message_fragments:
            super().handle_cont(event)
            return
        reason = f"A message may have {self.limits.message_fragments:,} fragments"
        self.conn.send_close(1009, reason)
        self.handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        data, self.frames = b"".join(self.frames), []
        if self.close_sent or self._has_failed:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
            return
        try:
            self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
        except UnicodeDecodeError:  # uvicorn would log a traceback.
            self.conn.send_close(1007, "A message's text is not valid UTF-8")
            self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Closes the WebSocket, and discards received bytes for 2 seconds: a client that is cut off while it
        sends does not read the reason."""
        self._has_failed = True
        self._unparsed.clear()
        self.frames.clear()
        close_sent = self.conn.close_sent
        code, reason = (close_sent.code, close_sent.reason) if close_sent else (1002, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self.close_sent = True
        self.close_timer = self.loop.call_later(_CLOSING_SECONDS, self.transport.abort)
        self._set_reading(True)

    def handle_ping(self) -> None:
        if self._count_control_frame():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._count_control_frame():
            super().handle_pong(event)

    def _count_control_frame(self) -> bool:
        """Whether the ping or pong may be handled. They are limited, since the app does not slow them
        down."""
        now = self.loop.time()
        if now - self._control_frames_since > _CONTROL_FRAMES_SECONDS:
            self._control_frames, self._control_frames_since = 0, now
        self._control_frames += 1
        if self._control_frames > _MAX_CONTROL_FRAMES and not self._has_failed:
            reason = f"At most {_MAX_CONTROL_FRAMES} pings and pongs in {_CONTROL_FRAMES_SECONDS} seconds"
            self.conn.send_close(1008, reason)
            self.handle_parser_exception()
        return not self._has_failed

    def _parse(self) -> None:
        while self._unparsed and self._may_parse:
            part = bytes(self._unparsed[:_PARSED_BYTES])
            del self._unparsed[:_PARSED_BYTES]
            super().data_received(part)
            if self.handshake_initiated:
                break
        if self._unparsed and self._may_parse and not self._is_parse_scheduled:
            self._is_parse_scheduled = True
            self.loop.call_soon(self._continue_parsing)
        self._set_reading(self._has_failed or (not self._unparsed and self._may_parse))

    def _continue_parsing(self) -> None:
        self._is_parse_scheduled = False
        self._parse()

    @property
    def _may_parse(self) -> bool:
        # After the app has closed, messages are discarded until the client's close frame.
        is_app_ready = self.close_sent or self.queue.empty()
        is_open = not self._has_failed and not self.transport.is_closing()
        return is_app_ready and is_open and not self._is_write_paused

    def _set_reading(self, is_reading: bool) -> None:
        if self.transport.is_closing() or is_reading is not self.read_paused:
            return
        self.read_paused = not is_reading
        if is_reading:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()
