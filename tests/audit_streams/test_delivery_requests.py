"""One delivery of an audit stream: its signature, and the meaning of each response."""

import asyncio
import hashlib
import hmac
import re
import socket
import struct
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import standardwebhooks

from resolvers.audit_streams.delivery_requests import (
    MOST_RETRY_AFTER_SECONDS,
    DeliveryRequest,
    Failed,
    Gone,
    Outcome,
    Taken,
    new_secret,
    post,
    shown_secret,
    signed_headers,
)
from resolvers.audit_streams.public_addresses import CheckedBackend
from tests.support.receiver import HANG, HANG_UP, Receiver, receiving, status
from tests.support.serving import free_port

BODY = '{"sequence":1,"summary":"Zoë joined"}\n{"sequence":2}\n'.encode()
IN_TIME = timedelta(minutes=5)


async def send(url: str, timeout_seconds: float = 0.5, *secrets: bytes) -> Outcome:
    delivery = DeliveryRequest(url, "batch_1_2_abc", BODY, secrets or (b"s" * 32,))
    return await post(delivery, CheckedBackend(private_addresses=True), timeout_seconds)


async def answered(answer: bytes | list[bytes], timeout_seconds: float = 0.5) -> tuple[Outcome, Receiver]:
    async with receiving(usual=answer) as receiver:
        return await send(receiver.url, timeout_seconds), receiver


@pytest.mark.parametrize(
    "answer",
    [
        *(status(code) for code in (200, 201, 202, 204, 299)),
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000),
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 100],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", *[b"x"] * 100],
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
        [b"HTTP/1.1 200 OK\r\n", *[b"a: b\r\n"] * 5, b"\r\n"],
    ],
)  # fmt: skip
async def test_taken_by_its_status_whatever_else_comes_of_it(answer: bytes | list[bytes]) -> None:
    assert (await answered(answer, timeout_seconds=1))[0] == Taken()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(400), "The receiver answered 400 Bad Request."),
        (status(404), "The receiver answered 404 Not Found."),
        (status(500), "The receiver answered 500 Internal Server Error."),
        (status(599), "The receiver answered 599."),
        (status(999), "The receiver answered 999."),
        (HANG, "The receiver did not answer within 0.5 seconds."),
        ([b"HTTP/1.1 200 OK\r\n", *[b"a: b\r\n"] * 100], "The receiver did not answer within 0.5 seconds."),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"] * 100, "The receiver did not answer within 0.5 seconds."),
        ([b"H"] * 100, "The receiver did not answer within 0.5 seconds."),
        (HANG_UP, "The receiver closed the connection, or its answer is not HTTP."),
        (b"HTTP/1.1 200 OK\r\n", "The receiver closed the connection, or its answer is not HTTP."),
        (b"\xff\xfe garbage \x00\r\n\r\n", "The receiver closed the connection, or its answer is not HTTP."),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "The receiver closed the connection, or its answer is not HTTP."),
        (
            b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000,
            "The receiver closed the connection, or its answer is not HTTP.",
        ),
        (b"HTTP/1.1 20 OK\r\n\r\n", "The receiver closed the connection, or its answer is not HTTP."),
        (
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "The receiver closed the connection, or its answer is not HTTP.",
        ),
    ],
)
async def test_not_taken(answer: bytes | list[bytes], words: str) -> None:
    outcome, receiver = await answered(answer)

    assert outcome == Failed(words)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("code", [300, 301, 302, 303, 304, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    async with receiving() as elsewhere:
        outcome, _ = await answered(status(code, f"location: {elsewhere.url}"))

    assert isinstance(outcome, Failed)
    assert re.fullmatch(
        rf"The receiver answered {code} [\w ]+, and redirects are not followed: use the final URL.",
        outcome.words,
    )
    assert not elsewhere.requests


async def test_gone() -> None:
    assert (await answered(status(410)))[0] == Gone("The receiver answered 410 Gone.")


async def test_nobody_there() -> None:
    assert await send(f"http://localhost:{free_port()}/") == Failed(
        "No connection to the receiver could be made."
    )


async def test_a_connection_that_is_reset() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(f"http://localhost:{port}/")

    assert outcome == Failed("The connection broke before the receiver answered.")


async def test_what_does_not_speak_tls() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(f"https://localhost:{port}/")

    assert outcome == Failed("The receiver did not complete the TLS handshake.")


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("86400", MOST_RETRY_AFTER_SECONDS),
        ("9" * 5_000, MOST_RETRY_AFTER_SECONDS),
        (timedelta(hours=9), MOST_RETRY_AFTER_SECONDS),
        (timedelta(minutes=10), 600),
        (timedelta(days=-1), 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MOST_RETRY_AFTER_SECONDS),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("\xb2", 0),
        ("", 0),
        ("Mon, 99 Foo 2026 99:99:99 GMT", 0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 +99999999999999", 0),
    ],
)
async def test_how_long_the_receiver_wants_to_be_left_alone(
    code: int, retry_after: str | timedelta, seconds: float
) -> None:
    if isinstance(retry_after, timedelta):
        retry_after = format_datetime(datetime.now(UTC) + retry_after, usegmt=True)
    answer = f"HTTP/1.1 {code} No\r\nretry-after: {retry_after}\r\ncontent-length: 0\r\n\r\n"

    outcome, _ = await answered(answer.encode("latin-1"))

    assert isinstance(outcome, Failed)
    assert outcome.retry_after_seconds == pytest.approx(seconds, abs=90)


async def test_nobody_else_is_left_alone_for_it() -> None:
    outcome, _ = await answered(status(500, "retry-after: 120"))

    assert outcome == Failed("The receiver answered 500 Internal Server Error.")


def test_a_secret_is_as_standard_webhooks_have_it() -> None:
    secret = new_secret()
    shown = shown_secret(secret)

    assert shown.startswith("whsec_")
    assert b64decode(shown.removeprefix("whsec_"), validate=True) == secret
    assert 24 <= len(secret) <= 64
    assert new_secret() != secret


async def test_each_secret_signs_the_id_the_time_and_the_body() -> None:
    new, old = new_secret(), new_secret()
    async with receiving() as receiver:
        await send(receiver.url, 2, new, old)
    (request,) = receiver.requests
    id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]

    content = f"{id}.{timestamp}.".encode() + BODY
    digests = [hmac.new(secret, content, hashlib.sha256).digest() for secret in (new, old)]
    expected = " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests)
    assert request.headers["webhook-signature"] == expected
    assert request.body == BODY
    assert "." not in id
    assert timestamp.isdecimal()


def test_the_library_for_receivers_agrees() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()
    delivery = DeliveryRequest("https://example.com", "batch_1_2_abc", BODY, [new, old])
    headers = signed_headers(delivery, datetime.now(UTC))

    def verify(secret: bytes, body: bytes, **changed: str) -> None:
        given = {**headers, **{f"webhook-{name}": value for name, value in changed.items()}}
        standardwebhooks.Webhook(shown_secret(secret)).verify(body, given, json_parse=False)

    verify(new, BODY)
    verify(old, BODY)
    late = signed_headers(delivery, datetime.now(UTC) - 2 * IN_TIME)
    for secret, body, changed in (
        (other, BODY, {}),
        (new, BODY + b" ", {}),
        (new, BODY, {"id": "batch_1_2_abd"}),
        (new, BODY, {"timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        (new, BODY, {"timestamp": late["webhook-timestamp"], "signature": late["webhook-signature"]}),
    ):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verify(secret, body, **changed)


def test_nothing_of_it_shows_its_secrets() -> None:
    delivery = DeliveryRequest("https://example.com/?token=quiet", "batch_1_2_abc", BODY, [b"quiet" * 8])

    assert "quiet" not in repr(delivery)
