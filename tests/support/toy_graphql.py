"""Schema without product types, served on a socket, for tests of the endpoint."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.scalars import JSON
from strawberry.types import Info

from resolvers.audit.api_calls import Call
from tests.support.serving import free_port, running
from web.connection_limits import ConnectionLimits, ConnectionTable
from web.graphql_executor import GraphQLExecutor
from web.graphql_http import GraphQLHttpEndpoint
from web.graphql_websocket import GraphQLWebSocketEndpoint
from web.http_server import HttpServer, ServerConfig
from web.proxy_headers import Proxies
from web.request_scope import RequestScope
from web.websocket_limits import WebSocketTable

ALLOWED_ORIGIN = "https://app.example.com"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CREDENTIAL_ID = UUID(int=1)
"""Id of every credential that is accepted."""


@dataclass
class Record:
    """Calls of resolvers, in order."""

    events: list[str] = field(default_factory=list)
    scopes: list[RequestScope] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    """Calls of the client `Bearer limited`, for the audit log."""


RECORD = Record()


@strawberry.type
class Item:
    id: strawberry.ID
    name: str = "item"

    @strawberry.field
    def children(self, first: int | None = None, last: int | None = None) -> "ItemConnection":
        return ItemConnection(nodes=[Item(id=strawberry.ID(str(n))) for n in range(first or last or 50)])

    @strawberry.field
    def parent(self) -> "Item":
        return self


@strawberry.type
class ItemConnection:
    nodes: list[Item]


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    def number(self, value: int) -> int:
        return value

    @strawberry.field
    def item(self) -> Item:
        return Item(id=strawberry.ID("1"))

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None) -> ItemConnection:
        return ItemConnection(nodes=[Item(id=strawberry.ID(str(n))) for n in range(first or last or 50)])

    @strawberry.field
    def nodes(self, ids: list[strawberry.ID]) -> list[Item]:
        return [Item(id=each) for each in ids]

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("SELECT secret FROM vault")

    @strawberry.field
    def refused(self) -> str | None:
        raise GraphQLError("Not for you.", extensions={"code": "FORBIDDEN", "permission": "LOOK"})

    @strawberry.field
    def plainly_refused(self) -> str | None:
        raise GraphQLError("Plainly not.")

    @strawberry.field
    def missing(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field
    def too_big(self) -> int | None:
        return 2**40

    @strawberry.field
    def odd_json(self) -> JSON:
        return JSON({"huge": 10**30, "nan": float("nan"), "half": "\ud800", "list": [True, None, NOON]})

    @strawberry.field
    async def slow(self) -> str:
        RECORD.events.append("started")
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            RECORD.events.append("cancelled")
            raise
        return "done"

    @strawberry.field
    def cookie(self, info: Info[RequestScope, None]) -> str:
        info.context.response.set_cookie("crumb", "1", httponly=True)
        info.context.extensions["left"] = 7
        return "baked"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self, name: str = "it") -> str:
        RECORD.events.append(f"touched {name}")
        return name

    @strawberry.mutation
    def fail(self) -> str | None:
        raise RuntimeError("INSERT INTO vault")


async def _numbers() -> AsyncGenerator[int, None]:
    yield 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[int, None]:
        RECORD.events.append("ticking")
        try:
            while True:
                yield 1
                await asyncio.sleep(0.02)
        finally:
            RECORD.events.append("stopped")

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError("LISTEN vault")

    @strawberry.subscription
    async def blobs(self) -> AsyncGenerator[str, None]:
        try:
            while True:
                yield "x" * 100_000
        finally:
            RECORD.events.append("stopped")

    @strawberry.subscription
    async def refused_at_once(self) -> AsyncGenerator[int, None]:
        if RECORD is not None:
            raise GraphQLError("Not for you.", extensions={"code": "FORBIDDEN"})
        return _numbers()

    @strawberry.subscription
    async def begins_slowly(self) -> AsyncGenerator[int, None]:
        await asyncio.sleep(30)
        return _numbers()

    @strawberry.subscription
    async def forbidden(self) -> AsyncGenerator[int, None]:
        raise GraphQLError("Not for you.", extensions={"code": "FORBIDDEN"})
        yield 1


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)


async def _record(call: Call) -> None:
    RECORD.calls.append(call)


async def _fail_to_record(_call: Call) -> None:
    raise RuntimeError("no space left on 10.0.0.7")


async def make_context(scope: RequestScope) -> RequestScope:
    RECORD.scopes.append(scope)
    if scope.authorization == "Bearer wrong":
        raise GraphQLError("No such key.", extensions={"code": "UNAUTHENTICATED"})
    if scope.authorization == "Bearer crash":
        raise RuntimeError("could not connect to 10.0.0.7")
    if scope.authorization == "Bearer limited":
        scope.record = _record
        raise GraphQLError("Too many requests.", extensions={"code": "RATE_LIMITED"})
    if scope.authorization == "Bearer unrecorded":
        scope.record = _fail_to_record
    if scope.authorization == "Bearer slow":
        await asyncio.sleep(30)
    if scope.authorization is not None:
        _, _, number = scope.authorization.partition("Bearer number ")
        scope.credential_id = UUID(int=int(number)) if number else CREDENTIAL_ID
    scope.at_end.append(lambda: RECORD.events.append("ended"))
    return scope


async def render_ide(request: Request) -> Response:
    return HTMLResponse("<title>IDE</title>")


@asynccontextmanager
async def serving(
    limits: ConnectionLimits | None = None,
    proxies: Proxies | None = None,
    timeout_seconds: float = 10,
    max_body_bytes: int = 256 * 1024,
    **websocket_options: Any,
) -> AsyncIterator[str]:
    """The endpoint's address, host and port, without a scheme."""
    limits, proxies, origins = limits or ConnectionLimits(), proxies or Proxies(()), [ALLOWED_ORIGIN]
    executor = GraphQLExecutor(SCHEMA, make_context, timeout_seconds=timeout_seconds)
    http = GraphQLHttpEndpoint(executor, render_ide, allowed_origins=origins, max_body_bytes=max_body_bytes)
    websocket = GraphQLWebSocketEndpoint(
        executor,
        allowed_origins=origins,
        web_sockets=WebSocketTable(limits, proxies),
        **websocket_options,
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["request_id"] = "request-1"
        await (websocket if scope["type"] == "websocket" else http)(scope, receive, send)

    port = free_port()
    table = ConnectionTable(limits, proxies)
    async with running(HttpServer(ServerConfig(app, table, lifespan=False)), port):
        yield f"127.0.0.1:{port}"
