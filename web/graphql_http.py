"""GraphQL at one path: over HTTP as the GraphQL-over-HTTP specification has it, and over WebSockets.

Knows nothing of the product: a context is made by a callable, operations come from the schema.

Status: what is wrong with the HTTP request is 4xx by its kind. What is wrong with the GraphQL in it
(`Refused`) is 400 in application/graphql-response+json and, as the specification has it, 200 in
application/json. Where something was executed there is `data`, and 200.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from graphql import ExecutionResult, GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import Schema
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from engine.deadlines import Deadline
from engine.execution import execute
from engine.limits import Limits
from engine.operation_cache import Document, Documents, Prepared, Refused, nul_error
from engine.outages import RETRY_AFTER_SECONDS, logged_as_outage
from web.api_call_log import Recording, codes_of
from web.connection_limits import ConnectionLimits, ConnectionRefused
from web.error_masking import (
    UNAVAILABLE,
    as_graphql_error,
    code_of,
    presented,
    status_of,
    timed_out,
    unavailable,
)
from web.graphql_request import (
    GRAPHQL_RESPONSE,
    HTML,
    JSON,
    Parameters,
    RequestRefused,
    bad_request,
    check_origin,
    preferred_media_type,
    read_parameters,
)
from web.graphql_websocket import TransportHandler, WebSocketAdapter
from web.json_encoder import encode
from web.proxy_headers import Proxies
from web.request_scope import Exchange, MakeContext
from web.websocket_limits import WebSocketTable

Answer = dict[str, Any]

_CLOSING_SECONDS = 1
_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_CONTENT_TYPES = {each: f"{each}; charset=utf-8".encode() for each in (JSON, GRAPHQL_RESPONSE)}


class GraphQLView(GraphQL[Exchange, None]):
    schema: Schema
    websocket_adapter_class = WebSocketAdapter
    graphql_transport_ws_handler_class = TransportHandler

    def __init__(
        self,
        schema: Schema,
        make_context: MakeContext,
        render_ide: Callable[[Request], Awaitable[Response]],
        *,
        limits: Limits | None = None,
        allowed_origins: Sequence[str] = (),
        timeout_seconds: float = 10,
        max_body_bytes: int = 256 * 1024,
        max_batch: int = 10,
        max_subscriptions: int = 20,
        connection_init_timeout_seconds: float = 10,
        web_sockets: WebSocketTable | None = None,
    ) -> None:
        """`allowed_origins` beside the own one."""
        super().__init__(
            schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=connection_init_timeout_seconds),
            max_subscriptions_per_connection=max_subscriptions,
            allowed_origins=allowed_origins,
        )
        self.documents = Documents(schema._schema, limits or Limits())
        self.make_context = make_context
        self.render_ide = render_ide
        self.timeout_seconds = timeout_seconds
        self.max_body_bytes = max_body_bytes
        self.max_batch = max_batch
        self.web_sockets = web_sockets or WebSocketTable(ConnectionLimits(), Proxies(()))
        # Those that are open; the event is set once one has ended.
        self.sockets: dict[TransportHandler, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._serve_web_socket(WebSocket(scope, receive, send))
            return
        try:
            response = await self._respond(Request(scope, receive, send))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _serve_web_socket(self, web_socket: WebSocket) -> None:
        try:
            slot = self.web_sockets.admit(web_socket)
        except ConnectionRefused as refusal:
            headers, body = refusal.response(as_json=True)
            response = Response(body, refusal.status)
            response.raw_headers = headers
            await web_socket.send_denial_response(response)
            return
        web_socket.scope["slot"] = slot
        try:
            await self.run(web_socket)
        finally:
            self.web_sockets.release(slot)

    async def close_sockets(self) -> None:
        """At the server's end: clients are told to come back, and nothing is left half done."""
        ended = list(self.sockets.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.gather(*(socket.end(1012, "The server restarts") for socket in self.sockets))
                await asyncio.gather(*(each.wait() for each in ended))

    async def prepare(self, parameters: Parameters) -> Prepared:
        """Raises Refused."""
        if parameters.holds_nul:
            raise Refused([nul_error()])
        document = self.documents.known(parameters.query) or await self._read(parameters.query)
        return self.documents.prepared(document, parameters.operation_name, parameters.variables)

    async def _read(self, text: str) -> Document:
        try:
            with Deadline(self.timeout_seconds):
                return await self.documents.read(text)
        except TimeoutError:
            raise Refused([timed_out(self.timeout_seconds)]) from None

    def admit(self, prepared: Prepared, exchange: Exchange) -> None:
        """Raises Refused where who asks may not run this operation."""
        try:
            exchange.admit(prepared)
        except GraphQLError as error:
            raise Refused([error]) from None

    async def execute(self, prepared: Prepared, exchange: Exchange, context: object) -> Answer:
        """The answer to a query or a mutation. Raises Refused, and RequestRefused where an outage leaves
        nothing to answer."""
        self.admit(prepared, exchange)
        try:
            with Deadline(self.timeout_seconds):
                result = await execute(self.schema, prepared, context)
        except TimeoutError:
            raise Refused([timed_out(self.timeout_seconds)]) from None
        answer = self.answer(result, prepared, exchange)
        if UNAVAILABLE in codes_of(answer) and all(value is None for value in (result.data or {}).values()):
            raise unavailable(exchange.request_id)
        return answer

    def answer(self, result: ExecutionResult, prepared: Prepared, exchange: Exchange) -> Answer:
        answer: Answer = {"data": result.data}
        if result.errors:
            answer["errors"] = presented(result.errors, exchange.request_id)
        answer["extensions"] = {"cost": prepared.cost, **exchange.extensions}
        return answer

    async def context(self, exchange: Exchange) -> object:
        """Raises TimeoutError, RequestRefused at an outage, and what make_context raises."""
        try:
            with Deadline(self.timeout_seconds):
                return await self.make_context(exchange)
        except Exception as error:
            if logged_as_outage(error, request_id=exchange.request_id):
                raise unavailable(exchange.request_id) from None
            raise

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Exchange:
        """For Strawberry, whose handler of a WebSocket holds it as its context."""
        return Exchange(request, request.headers, request.headers.get("authorization"))

    async def _respond(self, request: Request) -> ASGIApp:
        headers = _first_of_each(request.scope["headers"])
        media_type = preferred_media_type(headers.get("accept", ""))
        if media_type == HTML:
            if request.method == "GET" and "query" not in request.query_params:
                return await self.render_ide(request)
            media_type = JSON
        exchange = Exchange(request, headers, headers.get("authorization"))
        try:
            status, body = await self._answer(exchange, request, headers, media_type)
            return self._response(exchange, status, body, media_type or JSON)
        except RequestRefused as refused:
            error = GraphQLError(refused.message, extensions=refused.extensions)
            body = encode(_refusal([error], exchange))
            return self._response(exchange, refused.status, body, media_type or JSON, refused.headers)
        except ClientDisconnect:
            raise
        except Exception as error:
            body = encode(_refusal([as_graphql_error(error)], exchange))
            return self._response(exchange, 500, body, media_type or JSON)
        finally:
            exchange.end()

    async def _answer(
        self, exchange: Exchange, request: Request, headers: Mapping[str, str], media_type: str | None
    ) -> tuple[int, bytes]:
        """A refused operation has a status of its own in the stricter media type."""
        try:
            if media_type is None:
                raise RequestRefused(406, "NOT_ACCEPTABLE", f"Answers are {JSON} or {GRAPHQL_RESPONSE}.")
            check_origin(headers, self.allowed_origins)
            asked = await read_parameters(request, headers, self.max_body_bytes, self.max_batch)
            batch = asked if isinstance(asked, list) else [asked]
            prepared = [await self._prepare_or_refuse(batch[0], request.method)]
            for each in batch[1:]:
                await asyncio.sleep(0)  # Others have their turn between two documents.
                prepared.append(await self._prepare_or_refuse(each, request.method))
        except RequestRefused as refused:
            await self._record_unread(exchange, refused)
            raise
        outcomes = await self._outcomes(batch, prepared, exchange)
        if isinstance(asked, list):
            return 200, b"[" + b",".join(body for _, body in outcomes) + b"]"
        status, body = outcomes[0]
        return status if media_type == GRAPHQL_RESPONSE else 200, body

    async def _record_unread(self, exchange: Exchange, refused: RequestRefused) -> None:
        """Whose credential comes with what cannot be read is asked too: for the record, and because it counts
        as a request. Raises RequestRefused where there were too many."""
        recording = Recording(exchange, None)
        if exchange.authorization is not None:
            try:
                await self._context(exchange)
            except RequestRefused as unwelcome:
                if unwelcome.status == 429:
                    await recording.end(unwelcome.status, unwelcome.codes)
                    raise
        await recording.end(refused.status, refused.codes)

    async def _outcomes(
        self, batch: list[Parameters], prepared: list[Prepared | Refused], exchange: Exchange
    ) -> list[tuple[int, bytes]]:
        """One after the other: a batch shall not hold ten connections, and its changes keep their order.

        Each begins with who asks as of then, and counts as a request: what came before may have changed what
        they may.
        """
        outcomes: list[tuple[int, bytes]] = []
        for asked, each in zip(batch, prepared, strict=True):
            recording = Recording(exchange, asked, each if isinstance(each, Prepared) else None)
            try:
                # Bytes, before it is recorded: thousands of objects are not kept for as long as that takes.
                status, body, codes = await self._encoded(each, exchange)
                await recording.end(status, codes)
            except RequestRefused as refused:
                await recording.end(refused.status, refused.codes)
                if not outcomes:
                    raise
                error = GraphQLError(refused.message, extensions=refused.extensions)
                status, body = refused.status, encode(_refusal([error], exchange))
            except Exception as error:
                await recording.end(500, [code_of(as_graphql_error(error))])
                if not outcomes:
                    raise
                status, body = 500, encode(_refusal([as_graphql_error(error)], exchange))
            outcomes.append((status, body))
        return outcomes

    async def _encoded(
        self, prepared: Prepared | Refused, exchange: Exchange
    ) -> tuple[int, bytes, list[str]]:
        """The outcome, and the codes of its errors."""
        status, answer = await self._outcome(prepared, exchange)
        return status, encode(answer), codes_of(answer)

    async def _prepare_or_refuse(self, parameters: Parameters, method: str) -> Prepared | Refused:
        try:
            prepared = await self.prepare(parameters)
        except Refused as refused:
            return refused
        kind = prepared.operation.type
        if kind is OperationType.SUBSCRIPTION:
            raise bad_request("Subscriptions are served over WebSockets, by graphql-transport-ws.")
        if method == "GET" and kind is not OperationType.QUERY:
            raise RequestRefused(
                405, "METHOD_NOT_ALLOWED", "Only queries are served to GET.", {"allow": "POST"}
            )
        return prepared

    async def _context(self, exchange: Exchange) -> object:
        try:
            return await self.context(exchange)
        except TimeoutError:
            error = timed_out(self.timeout_seconds)
            headers = {"retry-after": str(RETRY_AFTER_SECONDS)}
            raise RequestRefused(503, "TIMEOUT", error.message, headers) from None
        except GraphQLError as error:
            extensions = {"code": "BAD_USER_INPUT", **(error.extensions or {})}
            code = str(extensions.pop("code"))
            headers = getattr(error, "headers", {})
            if code == "UNAUTHENTICATED":
                headers = {"www-authenticate": "Bearer"}
            raise RequestRefused(status_of([code]), code, error.message, headers, **extensions) from None

    async def _outcome(self, prepared: Prepared | Refused, exchange: Exchange) -> tuple[int, Answer]:
        """The status of the stricter media type, and the answer. A credential that does not work refuses the
        request, whatever it asks for."""
        try:
            context = await self._context(exchange)
            if isinstance(prepared, Refused):
                raise prepared
            return 200, await self.execute(prepared, exchange, context)
        except Refused as refused:
            answer = _refusal(refused.errors, exchange)
            return 504 if answer["errors"][0]["extensions"]["code"] == "TIMEOUT" else 400, answer

    def _response(
        self,
        exchange: Exchange,
        status: int,
        body: bytes,
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> ASGIApp:
        raw_headers = [
            *_HEADERS,
            (b"content-type", _CONTENT_TYPES[media_type]),
            (b"content-length", b"%d" % len(body)),
        ]
        if exchange.request_id != "-":
            raw_headers.append((b"x-request-id", exchange.request_id.encode()))
        for name, value in (headers or {}).items():
            raw_headers.append((name.encode(), value.encode()))
        if exchange.has_response:
            own = {b"content-length", b"content-type"}
            raw_headers += [each for each in exchange.response.raw_headers if each[0] not in own]
        return Written(status, raw_headers, body)


class Written:
    """A response as the server takes it."""

    def __init__(self, status: int, raw_headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._status, self._raw_headers, self._body = status, raw_headers, body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._raw_headers})
        await send({"type": "http.response.body", "body": self._body})


def _refusal(errors: Iterable[GraphQLError], exchange: Exchange) -> Answer:
    """Of what was not executed."""
    answer: Answer = {"errors": presented(errors, exchange.request_id)}
    if exchange.extensions:
        answer["extensions"] = dict(exchange.extensions)
    return answer


def _first_of_each(raw_headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw_headers:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return headers
