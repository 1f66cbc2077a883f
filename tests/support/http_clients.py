"""Settings for HTTP clients of servers on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from http.cookiejar import DefaultCookiePolicy

import httptools
import httpx

from tests.support.forms import FORMS

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""TLS context that trusts no authority. Without it, httpx reads the certificates of all authorities for each
client, which takes 20 ms."""


def loopback_client(url: str, timeout: float = 120) -> httpx.AsyncClient:
    """HTTP client without a cookie jar: each request names its own credential."""
    client = httpx.AsyncClient(
        transport=LoopbackTransport(), base_url=url, timeout=timeout, event_hooks=FORMS, trust_env=False
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


class LoopbackTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 to one server. It has what tests need of httpx's own, which took a fifth of their CPU time."""

    def __init__(self, most_connections: int = 200) -> None:
        self._places = asyncio.Semaphore(most_connections)
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._places.acquire()
        body: _Body | None = None
        try:
            body = _Body(self, await self._connection(request.url), request)
            await body.begin()
        except BaseException as error:
            if body is None:
                self._places.release()
            else:
                body.connection.close()
                self.give_back(body.connection)
            if isinstance(error, OSError):
                kind = httpx.ReadError if body else httpx.ConnectError
                raise kind(str(error), request=request) from error
            raise
        connection = body.connection
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": connection.reason}
        return httpx.Response(
            connection.status, headers=connection.fields, stream=body, extensions=extensions
        )

    async def aclose(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def give_back(self, connection: "_Connection") -> None:
        self._places.release()
        if connection.is_reusable():
            self._idle.append(connection)
        else:
            connection.close()

    async def _connection(self, url: httpx.URL) -> "_Connection":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open():
                return connection
            connection.close()
        return _Connection(*await asyncio.open_connection(url.host, url.port, limit=2**14))


class _Body(httpx.AsyncByteStream):
    """Body of a response, which is read from the connection as the client reads it."""

    def __init__(
        self, transport: LoopbackTransport, connection: "_Connection", request: httpx.Request
    ) -> None:
        self.connection = connection
        self._transport: LoopbackTransport | None = transport
        self._request = request
        self._seconds = request.extensions.get("timeout", {}).get("read")

    async def begin(self) -> None:
        """Sends the request, and reads up to the end of the answer's header."""
        self.connection.begin(self._request.method)
        await self.connection.send(self._request)
        while not self.connection.has_begun:
            await self._read()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self.connection.pieces:
                yield self.connection.pieces.pop(0)
            if self.connection.is_complete:
                return
            try:
                await self._read()
            except OSError as error:
                raise httpx.ReadError(str(error), request=self._request) from error

    async def aclose(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.give_back(self.connection)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self.connection.read()
        except TimeoutError:
            raise httpx.ReadTimeout("", request=self._request) from None


class _Connection:
    """Also what httptools calls while it parses an answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def is_open(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    def is_reusable(self) -> bool:
        return self.is_complete and self._is_kept and self.is_open()

    def close(self) -> None:
        self._writer.close()

    def begin(self, method: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._is_head = method == "HEAD"
        self.pieces: list[bytes] = []
        self._received = 0
        self.is_complete = self._is_kept = False
        self.on_message_begin()

    async def send(self, request: httpx.Request) -> None:
        lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
        lines += [b"%s: %s" % each for each in request.headers.raw]
        unsent = b"\r\n".join([*lines, b"", b""])
        is_chunked = "transfer-encoding" in request.headers
        try:
            async for piece in request.stream:  # type: ignore[union-attr]
                self._writer.write(unsent + (b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece))
                unsent = b""
                await self._writer.drain()
            self._writer.write(unsent + (b"0\r\n\r\n" if is_chunked else b""))
            await self._writer.drain()
        except ConnectionError:
            return  # It may have answered before it closed.

    async def read(self) -> None:
        data = await self._reader.read(65_536)
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise httpx.RemoteProtocolError(str(error)) from error

    def _end(self) -> None:
        sizes = {name.lower(): value for name, value in self.fields}
        if not self.has_begun:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        if b"transfer-encoding" in sizes:
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body (incomplete chunked read)"
            )
        if b"content-length" in sizes:
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body"
                f" (received {self._received} bytes, expected {sizes[b'content-length'].decode()})"
            )
        self.is_complete = True

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise httpx.RemoteProtocolError("more than one answer to a request")
        self.status, self.reason, self.has_begun = 0, b"", False
        self.fields: list[tuple[bytes, bytes]] = []

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.has_begun = self.status >= 200
        self._is_kept = self._parser.should_keep_alive() and not self._is_head
        self.is_complete = self._is_head and self.has_begun

    def on_body(self, data: bytes) -> None:
        self._received += len(data)
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.is_complete = self.has_begun
