"""The tests' PostgreSQL over TCP, with or without TLS, and a server that never answers."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Authority:
    """Certificate authority: its certificate in `root`, and a server's for `localhost`."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.root = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.root)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self.context)


@asynccontextmanager
async def over_tcp(
    url: str, tls: ssl.SSLContext | None = None, *, tls_only: bool = False
) -> AsyncIterator[int]:
    """Port that forwards each connection to the Unix socket of `url`. With `tls`, TLS starts as in
    PostgreSQL, by the client's first message. `tls_only` refuses clients without TLS."""
    folder = parse_qs(urlsplit(url).query)["host"][0]
    tasks: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        first = await reader.readexactly(8)
        if first == _SSL_REQUEST:
            writer.write(b"S" if tls else b"N")
            await writer.drain()
            if tls:
                await writer.start_tls(tls)
            first = b""
        elif tls_only:
            writer.write(_refusal("28000", "no pg_hba.conf entry, no encryption"))
            await writer.drain()
            writer.close()
            return
        upstream, to_postgresql = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        to_postgresql.write(first)
        await asyncio.gather(_pass_on(reader, to_postgresql), _pass_on(upstream, writer))

    async def relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await relay(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(relayed, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """Port that accepts connections and never responds."""
    server = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(3_600), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


def _refusal(code: str, message: str) -> bytes:
    fields = b"".join(
        kind + value.encode() + b"\0" for kind, value in ((b"S", "FATAL"), (b"C", code), (b"M", message))
    )
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"
