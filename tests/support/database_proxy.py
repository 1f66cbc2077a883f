"""Proxy of PostgreSQL that can be interrupted: a socket in its own folder, in front of the real one."""

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

_SOCKET = ".s.PGSQL.5432"


class DatabaseProxy:
    def __init__(self, folder: Path, url: str) -> None:
        """`url` is that of PostgreSQL: postgresql://ROLE@/DATABASE?host=FOLDER."""
        start, _, host = url.partition("?host=")
        self._real, self._path = Path(unquote(host)) / _SOCKET, folder / _SOCKET
        self.url = f"{start}?host={quote(str(folder))}"
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self.refusal: tuple[str, str] | None = None
        """SQLSTATE and message with which new connections are refused."""
        self.when_asked: Callable[[bytes], None] = lambda _bytes: None
        """Called with the bytes that clients send."""

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def stop(self) -> None:
        """Refuses new connections. The socket file remains."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        for writer in self._connections:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with suppress(OSError):
            if self.refusal is not None:
                await reader.read(4_096)
                writer.write(_error(*self.refusal))
                writer.close()
                return
            there_reader, there_writer = await asyncio.open_unix_connection(self._real)
            self._connections.add(there_writer)
            await asyncio.gather(
                self._pass_on(reader, there_writer, asked=True),
                self._pass_on(there_reader, writer, asked=False),
            )

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                if asked:
                    self.when_asked(piece)
                writer.write(piece)
                await writer.drain()
        writer.close()


def _error(sqlstate: str, words: str) -> bytes:
    fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": words}
    body = b"".join(name.encode() + value.encode() + b"\0" for name, value in fields.items()) + b"\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[DatabaseProxy]:
    with tempfile.TemporaryDirectory(prefix="team-access-proxy-") as folder:
        proxy = DatabaseProxy(Path(folder), url)
        await proxy.start()
        try:
            yield proxy
        finally:
            await proxy.stop()
