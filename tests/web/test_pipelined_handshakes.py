"""Handshakes of WebSockets behind requests that are still being answered."""

import asyncio

from starlette.types import Receive, Scope, Send

from tests.support.raw_connections import WAIT_SECONDS, RawConnection
from tests.web.test_http_connections import HANDSHAKE, START, serving

FIRST = b"GET /first HTTP/1.1\r\nhost: a\r\n\r\n"
PIECE = b"x" * 65_536
PIECES = 200


async def test_an_answer_before_a_handshake_waits_for_its_reader() -> None:
    sent: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % (len(PIECE) * PIECES))]
        await send({**START, "headers": headers if scope["path"] == "/first" else []})
        for _ in range(PIECES if scope["path"] == "/first" else 0):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            sent.append(scope["path"])
        await send({"type": "http.response.body"})

    async with serving(app) as port:
        connection = await RawConnection.open(port)
        connection.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await connection.send(FIRST + HANDSHAKE % (b"GET", b""))
        await asyncio.sleep(0.2)
        sent_unread = len(sent)
        connection.reader._transport.resume_reading()  # type: ignore[attr-defined]
        answers = await connection.rest()

    assert sent_unread < PIECES
    assert answers.count(PIECE) == PIECES
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert b"HTTP/1.1 101 " not in answers


async def test_who_leaves_after_a_handshake_is_known_to_have_left() -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async with serving(app) as port:
        connection = await RawConnection.open(port)
        await connection.send(FIRST + HANDSHAKE % (b"GET", b""))
        await asyncio.wait_for(begun.wait(), WAIT_SECONDS)
        connection.close()

        await asyncio.wait_for(left.wait(), WAIT_SECONDS)
