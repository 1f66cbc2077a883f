"""Responses that the app sends in one or several parts."""

import pytest
from starlette.types import Receive, Scope, Send

from tests.support.raw_connections import RawConnection
from tests.web.test_http_connections import App, serving

BODY = b"0123456789"
REQUEST = b"%b /a HTTP/1.1\r\nhost: a\r\n\r\n"
LAST_REQUEST = b"%b /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
INJECTED = b"text/plain\r\nset-cookie: a=b"


def responding(*parts: bytes, length: int = len(BODY), content_type: bytes = b"text/plain") -> App:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, part in enumerate(parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})

    return app


@pytest.mark.parametrize("parts", [(BODY,), (BODY, b""), (b"", BODY), (BODY[:3], BODY[3:])])
@pytest.mark.parametrize(("method", "body"), [(b"GET", BODY), (b"HEAD", b"")])
async def test_a_response_is_the_same_whole_and_in_parts(
    parts: tuple[bytes, ...], method: bytes, body: bytes
) -> None:
    async with serving(responding(*parts)) as port:
        connection = await RawConnection.open(port)
        await connection.send(REQUEST % method + LAST_REQUEST % method)
        answers = await connection.rest()

    first, second = answers.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.endswith(b"content-type: text/plain\r\ncontent-length: 10\r\n\r\n" + body)
    assert b"\r\nconnection: close\r\n" in second
    assert second.endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("content_type", [INJECTED, b"text/\0plain"])
async def test_a_header_that_is_not_valid_never_goes_out(content_type: bytes) -> None:
    async with serving(responding(BODY, content_type=content_type)) as port:
        for _ in range(2):
            connection = await RawConnection.open(port)
            await connection.send(REQUEST % b"GET")
            answer = await connection.rest()

            assert content_type not in answer
            assert BODY not in answer


@pytest.mark.parametrize("length", [len(BODY) - 1, len(BODY) + 1])
async def test_a_body_of_another_length_ends_the_connection(length: int) -> None:
    async with serving(responding(BODY, length=length)) as port:
        connection = await RawConnection.open(port)
        await connection.send(REQUEST % b"GET" + REQUEST % b"GET")
        answers = await connection.rest()

    assert answers.count(b"HTTP/1.1 ") == 1


async def test_an_app_that_fails_before_the_body_is_answered_for() -> None:
    async with serving(responding()) as port:
        connection = await RawConnection.open(port)
        await connection.send(REQUEST % b"GET")
        answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.endswith(b"\r\n\r\nInternal Server Error")
