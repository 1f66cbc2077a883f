"""TCP connections without a client library: for requests that are slow, cut short, huge or never sent."""

import asyncio
import struct
from dataclasses import dataclass

WAIT_SECONDS = 30
TEXT, CONTINUATION, PING, PONG, CLOSE = 1, 0, 9, 10, 8


@dataclass
class RawConnection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int, client: str = "127.0.0.1") -> "RawConnection":
        """Opens a connection from `client`, an address in 127.0.0.0/8. Each address is another client."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(client, 0)))

    async def send(self, data: bytes) -> bool:
        """Returns whether the other side accepted it."""
        try:
            self.writer.write(data)
            await asyncio.wait_for(self.writer.drain(), WAIT_SECONDS)
        except OSError:
            return False
        return True

    async def request(self, path: str = "/health") -> bytes:
        await self.send(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n"), WAIT_SECONDS)

    async def rest(self) -> bytes:
        """All bytes until the server closes the connection."""
        received = b""
        try:
            while data := await asyncio.wait_for(self.reader.read(65_536), WAIT_SECONDS):
                received += data
        except ConnectionResetError:
            pass
        return received

    async def upgrade(self) -> bytes:
        """Requests a WebSocket, and returns the status line of the response."""
        lines = [
            "GET /graphql HTTP/1.1",
            "host: localhost",
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
            "sec-websocket-protocol: graphql-transport-ws",
        ]
        await self.send("\r\n".join([*lines, "", ""]).encode())
        answer = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
        return answer.partition(b"\r\n")[0]

    async def receive_frame(self) -> tuple[int, bytes]:
        """Opcode and payload of a frame from the server, which is not masked."""
        first, length = await asyncio.wait_for(self.reader.readexactly(2), WAIT_SECONDS)
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        return first & 15, await asyncio.wait_for(self.reader.readexactly(length), WAIT_SECONDS)

    async def closed_with(self) -> tuple[int, str]:
        """Code and reason of the server's close."""
        while True:
            opcode, payload = await self.receive_frame()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def close(self) -> None:
        self.writer.transport.abort()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, length: int | None = None) -> bytes:
    """Frame of a client, masked with zeros. `length` overrides the length in its header."""
    length = len(payload) if length is None else length
    first = bytes([opcode | (128 if fin else 0)])
    if length < 126:
        size = bytes([128 | length])
    elif length < 65_536:
        size = bytes([128 | 126]) + struct.pack("!H", length)
    else:
        size = bytes([128 | 127]) + struct.pack("!Q", length)
    return first + size + bytes(4) + payload
