"""GraphQL over HTTP on a real socket: media types, status codes and malformed requests."""

import asyncio
import gzip
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support.http_clients import NO_AUTHORITIES
from tests.support.raw_connections import WAIT_SECONDS
from tests.support.toy_graphql import ALLOWED_ORIGIN, RECORD, serving
from web.connection_limits import ConnectionLimits

AUDITS = Path(__file__).parent / "graphql_http"
JSON = "application/json"
RESPONSE = "application/graphql-response+json"
COOKIE = {"cookie": "session=1"}


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with serving() as address:
        yield address


@pytest.fixture(scope="module")
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=f"http://{address}", timeout=20) as client:
        yield client


@pytest.fixture
async def impatient() -> AsyncIterator[httpx.AsyncClient]:
    """Client of a server that stops operations, and the look-up of a credential, after 0.3 s."""
    async with (
        serving(timeout_seconds=0.3) as address,
        httpx.AsyncClient(
            verify=NO_AUTHORITIES, base_url=f"http://{address}", timeout=WAIT_SECONDS
        ) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def _forget() -> None:
    RECORD.events.clear()
    RECORD.scopes.clear()


async def ask(client: httpx.AsyncClient, query: str, accept: str = RESPONSE, **body: Any) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, **body}, headers={"accept": accept})


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


def only_error(response: httpx.Response) -> dict[str, Any]:
    """The one error of an answer in which nothing was executed."""
    answer = response.json()
    assert set(answer) == {"errors"}
    (error,) = answer["errors"]
    assert error["message"]
    assert len(error["message"]) < 1000
    return error["extensions"]  # type: ignore[no-any-return]


async def test_specification_audits_all_pass(address: str) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not installed: the GraphQL-over-HTTP audits did not run")
    if not (AUDITS / "node_modules").is_dir():
        install = [npm, "ci", "--no-audit", "--no-fund"]
        installed = await asyncio.to_thread(subprocess.run, install, cwd=AUDITS, capture_output=True)
        if installed.returncode:
            pytest.skip(
                f"npm ci failed, so the GraphQL-over-HTTP audits did not run: {installed.stderr[-300:]!r}"
            )

    command = [node, str(AUDITS / "audit.mjs"), f"http://{address}/graphql"]
    audited = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True, timeout=60)

    results = json.loads(audited.stdout)
    assert len(results) >= 61
    assert [result for result in results if result["status"] != "ok"] == []


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        (JSON, JSON),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}, {JSON}", RESPONSE),
        (f"{JSON}, {RESPONSE}", RESPONSE),
        (f"{RESPONSE};q=0.5, {JSON}", JSON),
        (f"{JSON}, multipart/mixed, text/event-stream", JSON),
        ("text/html,*/*;q=0.8", JSON),
        (f"garbage;q=x, {JSON}", JSON),
    ],
)
async def test_answers_in_the_type_that_is_accepted(
    client: httpx.AsyncClient, accept: str, content_type: str
) -> None:
    response = await ask(client, "{hello}", accept)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{content_type}; charset=utf-8"
    assert response.json() == {"data": {"hello": "Hello, world!"}, "extensions": {"cost": 0}}


@pytest.mark.parametrize("accept", ["image/png", "multipart/mixed", f"{JSON};q=0"])
async def test_says_what_it_can_answer_in(client: httpx.AsyncClient, accept: str) -> None:
    response = await ask(client, "{hello}", accept)

    assert response.status_code == 406
    assert only_error(response)["code"] == "NOT_ACCEPTABLE"


async def test_every_answer_has_its_headers(client: httpx.AsyncClient) -> None:
    for response in (await ask(client, "{cookie}"), await ask(client, "{"), await client.put("/graphql")):
        assert response.headers["x-request-id"] == "request-1"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"


async def test_context_adds_cookies_and_extensions(client: httpx.AsyncClient) -> None:
    response = await ask(client, "{cookie}")
    client.cookies.clear()

    assert "crumb=1" in response.headers["set-cookie"]
    assert response.json()["extensions"] == {"cost": 0, "left": 7}
    assert RECORD.events == ["ended"]


async def test_get_serves_queries_only(client: httpx.AsyncClient) -> None:
    variables = {"query": "query($n: String!) {hello(name: $n)}", "variables": '{"n": "Ada"}'}

    answered = await client.get("/graphql", params=variables)
    mutation = await client.get("/graphql", params={"query": "mutation {touch}"})
    broken = await client.get("/graphql", params={"query": "{hello}", "variables": "{"})

    assert answered.json()["data"] == {"hello": "Hello, Ada!"}
    assert mutation.status_code == 405
    assert only_error(mutation)["code"] == "METHOD_NOT_ALLOWED"
    assert broken.status_code == 400
    assert RECORD.events == ["ended"]


async def test_a_browser_gets_the_ide(client: httpx.AsyncClient) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

    page = await client.get("/graphql", headers=browser)
    query = await client.get("/graphql", headers=browser, params={"query": "{hello}"})
    script = await client.get("/graphql", headers={"accept": "*/*"})

    assert "IDE" in page.text
    assert query.json()["data"] == {"hello": "Hello, world!"}
    assert script.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert only_error(response)["code"] == "METHOD_NOT_ALLOWED"


MALFORMED = {
    "nothing": b"",
    "null": b"null",
    "number": b"7",
    "string": b'"{hello}"',
    "not UTF-8": b'{"query": "\xff"}',
    "unfinished": b'{"query": "{hello}"',
    "5,000 digits": b'{"query": "{hello}", "variables": {"a": ' + b"1" * 5000 + b"}}",
    "100,000 deep": b"[" * 100_000,
    "100,000 deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "lone surrogate": b'{"query": "{hello(name: $n)}", "variables": {"n": "\\ud800"}}',
    "NaN": b'{"query": "{hello}", "variables": {"n": NaN}}',
    "control character": b'{"query": "{hello}\0"}',
    "no query": b"{}",
    "empty batch": b"[]",
    "batch of a number": b'[{"query": "{hello}"}, 7]',
    "batch of null": b"[null]",
    "batch in a batch": b'[[{"query": "{hello}"}]]',
    "batch of eleven": b"[" + b",".join([b'{"query": "{hello}"}'] * 11) + b"]",
    "variables as a list": b'{"query": "{hello}", "variables": []}',
}


@pytest.mark.parametrize("accept", [JSON, RESPONSE])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_bodies_are_bad_requests(client: httpx.AsyncClient, body: bytes, accept: str) -> None:
    response = await client.post("/graphql", content=body, headers={"content-type": JSON, "accept": accept})

    assert response.status_code == 400
    assert only_error(response)["code"] == "BAD_REQUEST"
    assert RECORD.scopes == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": JSON, "content-encoding": "gzip"},
    ],
)
async def test_other_content_is_unsupported(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    body = (
        gzip.compress(b'{"query": "{hello}"}') if "content-encoding" in headers else b'{"query": "{hello}"}'
    )
    response = await client.post("/graphql", content=body, headers=headers)

    assert response.status_code == 415
    assert only_error(response)["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("size", [256 * 1024 + 1, 10_000_000])
async def test_bodies_end_at_the_limit(client: httpx.AsyncClient, size: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 50_000):
            yield b" " * min(50_000, size - start)

    for body in (b" " * size, chunks()):
        response = await client.post("/graphql", content=body, headers={"content-type": JSON})

        assert response.status_code == 413
        assert only_error(response) == {
            "code": "REQUEST_TOO_LARGE",
            "limit": "body_bytes",
            "allowed": 256 * 1024,
        }


async def test_a_body_of_just_the_limit_is_read(client: httpx.AsyncClient) -> None:
    body = b'{"query": "{hello}"}'.ljust(256 * 1024)
    response = await client.post("/graphql", content=body, headers={"content-type": JSON})

    assert response.json()["data"] == {"hello": "Hello, world!"}


async def test_a_body_that_never_ends_is_given_up() -> None:
    async with serving(ConnectionLimits(body_seconds=0.3)) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: {JSON}\r\n"
        writer.write(f"{head}content-length: 100\r\n\r\n{{".encode())

        answer = await asyncio.wait_for(reader.read(4000), WAIT_SECONDS)
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"REQUEST_TIMEOUT" in answer


async def test_batches_answer_in_turn(client: httpx.AsyncClient) -> None:
    batch = [
        {"query": 'mutation {touch(name: "a")}'},
        {"query": "{zzz}"},
        {"query": 'mutation {touch(name: "b")}'},
    ]
    response = await client.post("/graphql", json=batch)

    first, second, third = response.json()
    assert response.status_code == 200
    assert (first["data"], third["data"]) == ({"touch": "a"}, {"touch": "b"})
    assert second["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert RECORD.events == ["touched a", "touched b", "ended", "ended", "ended"]
    scopes = RECORD.scopes  # A context each, of one request.
    assert [each is scopes[0] for each in scopes] == [True] * 3


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("", {}, "GRAPHQL_PARSE_FAILED"),
        ("{zzz}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{" + "a" * 200_000 + "}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ('{number(value: "a")}', {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{hello @defer}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("fragment A on Query {hello}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query A {hello} query B {hello}", {}, "OPERATION_RESOLUTION_FAILED"),
        ("query A {hello}", {"operationName": "B"}, "OPERATION_RESOLUTION_FAILED"),
        ("query($v: Int!) {number(value: $v)}", {"variables": {"v": "x"}}, "BAD_USER_INPUT"),
        ("query($v: Int!) {number(value: $v)}", {"variables": {"v": 2**62}}, "BAD_USER_INPUT"),
        ("query($v: Int!) {number(value: $v)}", {"variables": {"v": "x" * 200_000}}, "BAD_USER_INPUT"),
        ("query($v: Int!) {number(value: $v)}", {}, "BAD_USER_INPUT"),
        ("query($n: String!) {hello(name: $n)}", {"variables": {"n": ["a\0b"]}}, "BAD_USER_INPUT"),
        ("query($n: String!) {hello(name: $n)}", {"variables": {"n": {"a\0": 1}}}, "BAD_USER_INPUT"),
        ('{hello(name: "\\u0000")}', {}, "BAD_USER_INPUT"),
        ('{hello(name: """\0""")}', {}, "BAD_USER_INPUT"),
        ('{hello(name: "\\ud800")}', {}, "GRAPHQL_PARSE_FAILED"),
        ("subscription {ticks}", {}, "BAD_REQUEST"),
    ],
)
async def test_refused_operations(
    client: httpx.AsyncClient, query: str, body: dict[str, Any], code: str
) -> None:
    strict, lenient = await ask(client, query, **body), await ask(client, query, JSON, **body)

    assert strict.status_code == 400
    assert lenient.status_code == (400 if code == "BAD_REQUEST" else 200)
    assert only_error(strict)["code"] == only_error(lenient)["code"] == code


async def test_operation_name_chooses(client: httpx.AsyncClient) -> None:
    two = 'query A {hello(name: "A")} query B {hello(name: "B")}'

    assert (await ask(client, two, operationName="B")).json()["data"] == {"hello": "Hello, B!"}


async def test_deep_variables_are_refused(client: httpx.AsyncClient) -> None:
    body = orjson.dumps({"query": "query($i: [ID!]!) {nodes(ids: $i) {id}}", "variables": {"i": None}})
    body = body.replace(b"null", b"[" * 900 + b"]" * 900)

    response = await client.post("/graphql", content=body, headers={"content-type": JSON, "accept": RESPONSE})

    assert response.status_code == 400
    assert codes(response)[0] == "BAD_USER_INPUT"


async def test_errors_not_meant_for_the_client_are_masked(client: httpx.AsyncClient) -> None:
    response = await ask(client, "{hello broken tooBig refused plainlyRefused}")

    answer = response.json()
    assert answer["data"] == {
        "hello": "Hello, world!",
        "broken": None,
        "tooBig": None,
        "refused": None,
        "plainlyRefused": None,
    }
    by_path = {error["path"][0]: error for error in answer["errors"]}
    for name in ("broken", "tooBig"):
        assert "request-1" in by_path[name]["message"]
        assert by_path[name]["extensions"]["code"] == "INTERNAL_ERROR"
    assert by_path["refused"]["extensions"] == {"code": "FORBIDDEN", "permission": "LOOK"}
    assert by_path["plainlyRefused"]["message"] == "Plainly not."
    assert "vault" not in response.text
    assert "1099511627776" not in response.text


async def test_null_data_is_data(client: httpx.AsyncClient) -> None:
    response = await ask(client, "{missing}")

    assert response.status_code == 200
    assert response.json()["data"] is None
    assert codes(response) == ["INTERNAL_ERROR"]


async def test_writes_what_orjson_refuses(client: httpx.AsyncClient) -> None:
    response = await ask(client, "{oddJson}")

    assert response.json()["data"]["oddJson"] == {
        "huge": 10**30,
        "nan": None,
        "half": "?",
        "list": [True, None, "2026-01-31T12:00:00Z"],
    }


async def test_slow_operations_are_stopped(impatient: httpx.AsyncClient) -> None:
    response, lenient = await ask(impatient, "{slow}"), await ask(impatient, "{slow}", JSON)

    assert (response.status_code, lenient.status_code) == (504, 200)
    assert only_error(response)["code"] == "TIMEOUT"
    assert RECORD.events == ["started", "cancelled", "ended"] * 2


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        ("Bearer wrong", 401, "UNAUTHENTICATED"),
        ("Bearer crash", 500, "INTERNAL_ERROR"),
        ("Bearer slow", 503, "TIMEOUT"),
    ],
)
async def test_context_that_cannot_be_made(
    impatient: httpx.AsyncClient, authorization: str, status: int, code: str
) -> None:
    for accept in (JSON, RESPONSE):
        headers = {"authorization": authorization, "accept": accept}
        response = await impatient.post("/graphql", json={"query": "mutation {touch}"}, headers=headers)

        assert response.status_code == status
        assert only_error(response)["code"] == code
        assert ("www-authenticate" in response.headers) == (status == 401)
        assert ("retry-after" in response.headers) == (status == 503)
        assert "10.0.0.7" not in response.text
    assert RECORD.events == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "https://evil.example"}, 200),
        (COOKIE, 200),
        (COOKIE | {"origin": "SAME"}, 200),
        (COOKIE | {"origin": ALLOWED_ORIGIN}, 200),
        (COOKIE | {"sec-fetch-site": "same-origin"}, 200),
        (COOKIE | {"origin": ALLOWED_ORIGIN, "sec-fetch-site": "cross-site"}, 200),
        (COOKIE | {"origin": "https://evil.example"}, 403),
        (COOKIE | {"origin": "https://evil.example", "authorization": "Bearer right"}, 403),
        (COOKIE | {"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, 403),
        (COOKIE | {"origin": ALLOWED_ORIGIN + ".evil.example"}, 403),
        (COOKIE | {"origin": "null"}, 403),
        (COOKIE | {"origin": "http://["}, 403),
        (COOKIE | {"sec-fetch-site": "cross-site"}, 403),
        (COOKIE | {"sec-fetch-site": "same-site"}, 403),
        (COOKIE | {"sec-fetch-site": "none"}, 200),
    ],
)
async def test_cookies_count_for_allowed_origins_only(
    client: httpx.AsyncClient, address: str, headers: dict[str, str], status: int
) -> None:
    sent = {name: value.replace("SAME", f"http://{address}") for name, value in headers.items()}

    posted = await client.post("/graphql", json={"query": "mutation {touch}"}, headers=sent)
    got = await client.get("/graphql", params={"query": "{hello}"}, headers=sent)

    assert (posted.status_code, got.status_code) == (status, status)
    assert ("touched it" in RECORD.events) == (status == 200)
    if status == 403:
        assert only_error(posted)["code"] == "ORIGIN_NOT_ALLOWED"
