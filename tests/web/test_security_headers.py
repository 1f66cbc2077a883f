"""Security headers of every response, for each route and status."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from websockets import InvalidStatus, Subprotocol, connect

from app import create_app
from tests.invitations.test_invitations import BOB, invited
from tests.sessions.test_link_hostility import elsewhere
from tests.support.links import emailed_link
from tests.support.serving import free_port
from tests.support.world import World

JSON = {"content-type": "application/json"}
ORIGIN = "https://team.example"
ALLOWED = "https://app.example"
REQUESTS: list[tuple[int, str, str, dict[str, Any]]] = [
    (200, "GET", "/", {}),
    (200, "HEAD", "/", {}),
    (200, "GET", "/health", {}),
    (200, "GET", "/livez", {}),
    (200, "GET", "/readyz", {}),
    (200, "GET", "/.well-known/jwks.json", {}),
    (200, "POST", "/licenses/verify", {"json": {"key": "x", "site": "www.example.com"}}),
    (400, "POST", "/licenses/verify", {"content": b"{"}),
    (200, "GET", "/static/icon.svg", {}),
    (200, "GET", "/static/claim.js", {}),
    (404, "GET", "/static/graphiql/nothing", {}),
    (206, "GET", "/static/icon.svg", {"headers": {"range": "bytes=0-9"}}),
    (404, "GET", "/static/nothing", {}),
    (404, "GET", "/static/../settings.py", {}),
    (405, "POST", "/static/icon.svg", {}),
    (200, "GET", "/graphql", {"headers": {"accept": "text/html"}}),
    (200, "GET", "/graphql?query={__typename}", {}),
    (200, "POST", "/graphql", {"json": {"query": "{__typename}"}}),
    (200, "POST", "/graphql", {"json": {"query": "{nothing}"}}),
    (200, "POST", "/graphql", {"json": {"query": "{__typename}"}, "headers": {"origin": ALLOWED}}),
    (400, "POST", "/graphql", {"content": b"{", "headers": JSON}),
    (401, "POST", "/graphql", {"json": {"query": "{__typename}"}, "headers": {"authorization": "Bearer x"}}),
    (403, "POST", "/graphql", {"json": {}, "headers": {"cookie": "a=b", "origin": "https://evil.example"}}),
    (405, "PUT", "/graphql", {}),
    (406, "POST", "/graphql", {"json": {}, "headers": {"accept": "image/png"}}),
    (413, "POST", "/graphql", {"content": b" " * 300_000, "headers": JSON}),
    (415, "POST", "/graphql", {"content": b"{}"}),
    (
        200,
        "OPTIONS",
        "/graphql",
        {"headers": {"origin": ALLOWED, "access-control-request-method": "POST"}},
    ),
    (
        400,
        "OPTIONS",
        "/graphql",
        {"headers": {"origin": "https://evil.example", "access-control-request-method": "POST"}},
    ),
    (404, "GET", "/nothing", {}),
    (200, "GET", "/accounts", {}),
    (200, "GET", "/accounts/acme/team", {}),
    (200, "GET", "/you", {}),
    (200, "GET", "/you/sessions", {}),
    (404, "GET", "/static/console/nothing.js", {}),
    (404, "GET", "/graphql/", {}),
    (405, "DELETE", "/sign-in", {}),
    (400, "POST", "/sign-in", {"data": {"email": "x"}}),
    (403, "POST", "/sign-in", {"data": {"email": "x"}, "headers": {"origin": "https://evil.example"}}),
    (413, "POST", "/sign-in", {"content": b"x" * 20_000}),
    (404, "GET", "/join/x", {}),
    (404, "GET", "/sign-in/x", {}),
    (404, "GET", "/claim/x", {}),
    (404, "GET", "/download/x", {}),
    (404, "GET", "/download/x", {"headers": {"accept": "text/html"}}),
    (303, "POST", "/join/x/switch", {}),
    (200, "POST", "/sign-out", {}),
    (200, "POST", "/leaked-keys", {"content": b"[]"}),
    (405, "GET", "/leaked-keys", {}),
    (200, "GET", "/mailbox", {}),
    (404, "GET", "/mailbox/x", {}),
]


@pytest_asyncio.fixture
async def there(world: World) -> AsyncIterator[World]:
    async with elsewhere(world, port=free_port(), public_url=ORIGIN, allowed_origins=ALLOWED) as there:
        yield there


def check(answer: httpx.Response) -> None:
    headers = answer.headers
    assert headers.get_list("x-content-type-options") == ["nosniff"], answer.request
    assert headers.get_list("strict-transport-security") == ["max-age=31536000"], answer.request
    (policy,) = headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy


async def test_every_response_has_them(there: World) -> None:
    for status, method, path, options in REQUESTS:
        headers = {"origin": ORIGIN, **options.get("headers", {})} if method == "POST" else {}
        answer = await there.http.request(
            method, path, **{**options, "headers": {**options.get("headers", {}), **headers}}
        )
        assert answer.status_code == status, (method, path, answer.text[:200])
        check(answer)


async def test_links_that_work_and_redirects_have_them(world: World, there: World) -> None:
    token = await emailed_link(there, BOB)
    _, joining = await invited(world)

    for path in (f"/join/{joining}", f"/sign-in/{token}"):
        check(await there.http.get(path))
        check(await there.http.post(path, headers={"origin": ORIGIN}))


async def test_what_fails_has_them(there: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("web.sign_in_pages.page", fail)

    answer = await there.http.get("/sign-in")

    assert answer.status_code == 500
    check(answer)


async def test_plain_http_has_no_strict_transport_security(world: World) -> None:
    for path in ("/", "/health", "/static/icon.svg", "/graphql?query={__typename}"):
        answer = await world.http.get(path)
        assert "strict-transport-security" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_refused_websocket_has_them(there: World, caplog: pytest.LogCaptureFixture) -> None:
    url = f"ws://127.0.0.1:{there.settings.port}/graphql"

    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            origin="https://evil.example",  # type: ignore[arg-type]
            additional_headers={"cookie": "ta_session=x"},
        ):
            pass

    response = refused.value.response
    assert response.status_code == 403
    check(httpx.Response(403, headers=list(response.headers.raw_items()), request=httpx.Request("GET", url)))
    assert not [each for each in caplog.records if each.name == "uvicorn.error"]


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (400, b"nonsense\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nx: " + b"a" * 500_000 + b"\r\n\r\n"),
    ],
)
async def test_what_the_server_refuses_itself_has_them(
    there: World, status: int, request_bytes: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", there.settings.port)
    writer.write(request_bytes)

    head, _, _ = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()

    first, *lines = head.decode().split("\r\n")
    assert first.split(" ")[1] == str(status)
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    check(httpx.Response(status, headers=headers, request=httpx.Request("GET", "http://there")))


def test_the_requests_above_reach_every_route(world: World) -> None:
    app = create_app(world.settings)
    paths = {path.partition("?")[0] for _, _, path, _ in REQUESTS}

    def is_reached(route: BaseRoute) -> bool:
        if isinstance(route, Mount):
            return any(path.startswith(route.path) for path in paths)
        if isinstance(route, WebSocketRoute):
            return True
        assert isinstance(route, Route)
        # Below a link's page its other buttons answer by the same code.
        return any(route.path_regex.match(path) for path in paths) or route.path.count("/") > 2

    assert [route for route in app.routes if not is_reached(route)] == []


async def test_a_websocket_that_is_one_too_many_has_them(world: World) -> None:
    limits = {"max_websockets_without_credential_per_address": 1}
    async with elsewhere(world, port=free_port(), public_url=ORIGIN, **limits) as there:
        url = f"ws://127.0.0.1:{there.settings.port}/graphql"
        options: dict[str, Any] = {"subprotocols": [Subprotocol("graphql-transport-ws")], "proxy": None}
        async with connect(url, **options):
            with pytest.raises(InvalidStatus) as refused:
                await connect(url, **options)

    assert refused.value.response.status_code == 429
    headers = refused.value.response.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["content-security-policy"].startswith("default-src 'none'")
