"""HTTP/1.1 protocol of the server: uvicorn's, with the connection limits and deadlines."""

import asyncio
import sys
from array import array
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from permissions.client_sites import Site
from web.connection_limits import ConnectionRefused
from web.http_response import ResponseCycle, count_response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send
    from uvicorn._types import ASGI3Application

    from web.http_server import ServerConfig

_HEAD, _BODY, _ANSWER, _IDLE, _CLOSING = range(5)
_CLOSING_SECONDS = 2
_SMALL_BYTES, _MOST_SMALL_PIECES = 64, 4_096
_NEVER = float("inf")


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection, in one of five phases. In `_HEAD`, `_BODY` and `_IDLE` the client must send
    until a deadline; in `_ANSWER` the app must respond. In `_CLOSING` received bytes are discarded for 2
    seconds: a client that is cut off while it sends does not read the response."""

    config: "ServerConfig"

    def __init__(
        self,
        config: "ServerConfig",
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.table, self.limits = config.table, config.table.limits
        self.site: Site | None = None
        self.body_bytes = 0
        self._phase, self._since = _HEAD, 0.0
        self._deadline = self._send_deadline = _NEVER
        # Bytes of the current head, or received since the last part of the body; and bytes of the last read.
        self._received_bytes = self._read_bytes = 0
        self._small_pieces = 0  # Of the body: each takes as long to handle as a large one.
        self._unsent_bytes = 0  # When the send deadline was set or last extended.
        self._unsent_since = _NEVER
        self._current_cycle: RequestResponseCycle | None = None
        """The request that is being answered, or was answered last; `cycle` is the one received last."""

    @property
    def unsent_bytes(self) -> int:
        if self._unsent_since == _NEVER:
            return 0
        cycle = self._current_cycle
        waiting = cycle.waiting_bytes if isinstance(cycle, ResponseCycle) else 0
        return self.transport.get_write_buffer_size() + waiting

    @property
    def waiting_since(self) -> float | None:
        if self._phase == _ANSWER or self.pipeline or (self._phase != _BODY and self._is_answering):
            is_slow = self.loop.time() - self._unsent_since >= self.limits.slow_send_seconds
            return self._unsent_since if is_slow else None
        return self._since

    @property
    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.disconnected

    def check_deadlines(self, now: float) -> None:
        if now >= self._send_deadline:
            self._check_send_progress(now)
        elif now >= self._deadline:
            self._expire(now)
        elif self._deadline == _NEVER and self.transport.is_closing():
            self._deadline = now + self.limits.send_seconds

    def evict(self, refusal: ConnectionRefused) -> None:
        """Closes the connection, which the table has released."""
        if self.transport.get_write_buffer_size():  # The client does not receive it.
            self._phase = _CLOSING
            self.transport.abort()
            return
        if self._phase in (_HEAD, _BODY):
            self._answer(refusal)
        self._phase = _CLOSING
        self.transport.close()
        self.loop.call_later(_CLOSING_SECONDS, self.transport.abort)

    # Called by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.site = self.table.site_of_peer(self.client[0] if self.client else None)
        self._wait(_HEAD, self.limits.header_seconds)
        try:
            self.table.admit(self)
        except ConnectionRefused as refusal:
            self.evict(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        self.table.release(self)
        super().connection_lost(exc)
        self.pipeline.clear()
        cycle = self._current_cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self._phase == _CLOSING:
            return
        self._read_bytes = len(data)
        self._received_bytes += self._read_bytes
        while data:
            data = self._parse(data)
        if self._received_bytes > self.limits.header_bytes and self._phase in (_HEAD, _BODY):
            self._refuse(_header_too_large(self.limits.header_bytes))

    def _parse(self, data: bytes) -> bytes:
        """The bytes that remain to be parsed. For an upgrade to an unsupported protocol, that is the request
        without its Upgrade header: the parser would treat the body as data of that protocol."""
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                return b""
            head = self._head_without_upgrade()
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            return head + data[upgrade.args[0] :]
        except HttpParserError:
            self.send_400_response("")
        return b""

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return b"".join((method, b" ", self.url, b" HTTP/", version, b"\r\n", *lines, b"\r\n"))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_send_deadline(self.loop.time())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_deadline = self._unsent_since = _NEVER

    # Called by the parser, which stops when one of these raises.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._phase != _HEAD:
            self._wait(_HEAD, self.limits.header_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase == _HEAD:  # Not for trailers.
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._is_header_too_large():
            self._refuse(_header_too_large(self.limits.header_bytes))
            raise HttpParserError
        if self._requests_other_protocol:
            if all(name != b"upgrade" for name, _ in self.headers):  # CONNECT
                raise HttpParserError
            return
        is_pipeline_full = len(self.pipeline) >= self.limits.pipelined_requests
        self.scope["method"] = self.parser.get_method().decode("ascii")
        if not self.parser.should_upgrade():
            self._begin_request()
        self._wait(_BODY, self.limits.body_seconds)
        self._small_pieces = 0
        if is_pipeline_full:
            self._refuse_pipelined()
            raise HttpParserError

    def _begin_request(self) -> None:
        """Like uvicorn's method, but with our ResponseCycle."""
        version, url = self.parser.get_http_version(), parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"], self.scope["query_string"] = url.path, url.query or b""
        previous = self.cycle
        self.cycle = cycle = ResponseCycle(
            self.scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue,
            version != "1.0" and self.parser.should_keep_alive() and not self.table.is_ending,
            self.on_response_complete,
        )
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    @property
    def _requests_other_protocol(self) -> bool:
        return self.parser.should_upgrade() and not self._should_upgrade()

    def _should_upgrade(self) -> bool:
        """Not while an earlier request is being answered: its response would be written between the frames.
        The request is then answered without the upgrade, as HTTP allows."""
        return super()._should_upgrade() and not self.pipeline and not self._is_answering

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._current_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def _is_header_too_large(self) -> bool:
        allowed = self.limits.header_bytes
        if self._received_bytes + self._read_bytes <= allowed:
            return False
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > allowed

    def on_body(self, body: bytes) -> None:
        self._small_pieces += len(body) < _SMALL_BYTES
        if self._small_pieces > _MOST_SMALL_PIECES:
            self._refuse(ConnectionRefused(400, "BAD_REQUEST", "The body has too many small chunks."))
            raise HttpParserError
        super().on_body(body)
        size = len(body)
        if not self.cycle.response_complete:
            self.table.count_body(self, size)
            if self._phase == _CLOSING:
                raise HttpParserError
        self._received_bytes = 0
        self._deadline += size / self.limits.body_bytes_per_second

    def on_message_complete(self) -> None:
        if self._requests_other_protocol:
            return
        super().on_message_complete()
        self.table.end_body(self)
        if self.cycle is None or not self.cycle.response_complete:
            self._phase, self._deadline = _ANSWER, _NEVER
        else:  # It was answered before all of it was received.
            self._wait(_IDLE, self.limits.keep_alive_seconds)

    def handle_websocket_upgrade(self) -> None:
        self.table.release(self)
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        if self._phase != _CLOSING:
            self._refuse(ConnectionRefused(400, "BAD_REQUEST", "The request is not valid HTTP/1.1."))

    # Called when the app has responded.

    def on_response_complete(self) -> None:
        """Without uvicorn's timer for each response: the table checks the deadlines."""
        self.server_state.total_requests += 1
        if self.cycle.response_complete:
            self.table.end_body(self)
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._phase == _ANSWER:
            self._wait(_IDLE, self.limits.keep_alive_seconds)

    # Deadlines and refusals.

    def _wait(self, phase: int, seconds: float) -> None:
        self._phase, self._since = phase, self.loop.time()
        self._deadline = self._since + seconds
        self._received_bytes = 0

    def _start_send_deadline(self, now: float) -> None:
        self._unsent_since, self._send_deadline = now, now + self.limits.send_seconds
        self._unsent_bytes = _unsent_bytes(self.transport)

    def _check_send_progress(self, now: float) -> None:
        """Extends the send deadline by the bytes that the client has received, at the lowest permitted
        rate."""
        unsent = _unsent_bytes(self.transport)
        sent, self._unsent_bytes = self._unsent_bytes - unsent, unsent
        extension = max(0, sent) / self.limits.body_bytes_per_second
        self._send_deadline += min(extension, self.limits.send_seconds)
        if not unsent:
            self._send_deadline = self._unsent_since = _NEVER
        elif now >= self._send_deadline:
            self.transport.abort()

    def _expire(self, now: float) -> None:
        limits = self.limits
        is_answered = self._phase == _IDLE or (self._phase == _ANSWER and self.transport.is_closing())
        if is_answered and self.transport.get_write_buffer_size():
            # The client has not received the whole response.
            self._deadline = now + limits.keep_alive_seconds
            if self._send_deadline == _NEVER:
                self._start_send_deadline(now)
        elif self.transport.is_closing():
            self.transport.abort()
        elif self._phase == _HEAD and self._received_bytes:
            self._refuse(_too_slow("header", limits.header_seconds))
        elif self._phase == _BODY and self.flow.read_paused:
            self._deadline = now + limits.body_seconds  # The app has not read the body yet.
        elif self._phase == _BODY:
            self._refuse(_too_slow("body", limits.body_seconds, limits.body_bytes_per_second))
        else:
            self.transport.abort()

    def _refuse(self, refusal: ConnectionRefused) -> None:
        if self._answer(refusal):
            self.transport.write_eof()
        else:
            self.transport.abort()
        self._wait(_CLOSING, _CLOSING_SECONDS)

    def _answer(self, refusal: ConnectionRefused) -> bool:
        """Sends the refusal. Returns whether that was possible: not after a response to the request, nor
        while an earlier request is being answered."""
        cycle, is_answering = self.cycle, self._is_answering
        is_answered = not is_answering and self._phase == _BODY
        is_behind = is_answering and (self._phase == _HEAD or cycle.response_started)
        if self.pipeline or is_answered or is_behind:
            return False
        if is_answering:
            cycle.disconnected = True
            cycle.message_event.set()
        headers, body = self._response_to(refusal)
        lines = [b"%b: %b\r\n" % header for header in (*self.server_state.default_headers, *headers)]
        self.transport.write(b"".join((STATUS_LINE[refusal.status], *lines, b"\r\n", body)))
        count_response(refusal.status)
        return True

    def _refuse_pipelined(self) -> None:
        """Queues the refusal as the connection's last response, after those of the earlier requests."""
        refusal = _too_many_pipelined(self.limits.pipelined_requests)
        headers, body = self._response_to(refusal)

        async def app(_scope: "Scope", _receive: "Receive", send: "Send") -> None:
            await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        cycle, _ = self.pipeline.popleft()
        self.pipeline.appendleft((cycle, cast("ASGI3Application", app)))
        self._phase, self._deadline = _CLOSING, _NEVER

    def _response_to(self, refusal: ConnectionRefused) -> tuple[list[tuple[bytes, bytes]], bytes]:
        is_json = any(name == b"content-type" and b"json" in value for name, value in self.headers or ())
        headers, body = refusal.response(as_json=is_json)
        return self.table.security_headers.with_headers(headers), body


def _too_slow(part: str, seconds: float, bytes_per_second: int = 0) -> ConnectionRefused:
    rate = f", and after that at {bytes_per_second:,} bytes a second" if bytes_per_second else ""
    message = f"The request's {part} arrived too slowly: it must arrive within {seconds:g} seconds{rate}."
    return ConnectionRefused(408, "REQUEST_TIMEOUT", message, f"{part}_seconds", seconds)


def _header_too_large(allowed: int) -> ConnectionRefused:
    message = f"The request's header is larger than the {allowed:,} bytes that are allowed."
    return ConnectionRefused(431, "REQUEST_TOO_LARGE", message, "header_bytes", allowed)


def _too_many_pipelined(allowed: int) -> ConnectionRefused:
    message = f"At most {allowed:,} requests may wait for their answers on one connection."
    return ConnectionRefused(429, "RATE_LIMITED", message, "pipelined_requests", allowed)


def _unsent_bytes(transport: asyncio.Transport) -> int:
    """Bytes that the client has not acknowledged: in the transport's buffer, and on Linux also in the
    socket's, which may contain megabytes and frees the transport's only after a third of them was sent."""
    queued = array("i", [0])
    ioctl(transport.get_extra_info("socket").fileno(), TIOCOUTQ, queued)
    return transport.get_write_buffer_size() + (queued[0] if sys.platform == "linux" else 0)
