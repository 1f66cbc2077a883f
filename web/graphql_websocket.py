"""WebSocket endpoint of the GraphQL API: the graphql-transport-ws protocol, on top of Strawberry's handler.

A context is made when the connection is initialised, which checks the credential, and again for each
operation, so that every operation runs with the permissions of its own time.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager, suppress
from datetime import timedelta
from time import perf_counter
from typing import Any, cast

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from engine.limits import too_complex
from engine.operation_cache import OperationRefused, PreparedOperation
from web.connection_limits import ConnectionLimits, ConnectionRefused
from web.error_masking import as_graphql_error, code_of, presented, status_of, timed_out
from web.graphql_executor import Answer, GraphQLExecutor, codes_of
from web.graphql_request import RequestedOperation, RequestRefused, requested_operation
from web.json_encoder import encode
from web.proxy_headers import Proxies
from web.request_scope import LimitMessage, RequestScope
from web.subscription_sizes import SubscriptionSizes
from web.websocket_adapter import WebSocketAdapter
from web.websocket_limits import WebSocketSlot, WebSocketTable

_MAX_ID_CHARACTERS = 255
_CLOSING_SECONDS = 1
_RATE_LIMITED_SECONDS = 0.5
"""Delay of each message of a client that exceeds its rate limit."""
_CLIENT_CLOSED_REQUEST = 499
"""Status in the audit log, after nginx: HTTP has none for it."""


def _no_limit(_scope: RequestScope, *, counts: bool) -> None:
    """Default of `limit_message`."""


class TransportHandler(BaseGraphQLTransportWSHandler[RequestScope, None]):
    """The protocol of one WebSocket."""

    view: "GraphQLWebSocketEndpoint"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._requests: dict[str, RequestedOperation] = {}
        """Operations that have not begun, by id."""

    @property
    def slot(self) -> WebSocketSlot:
        slot: WebSocketSlot = self.context.connection.scope["slot"]
        return slot

    async def handle(self) -> None:
        self.context.close = self.slot.end = self.end
        closed = self.view.open_handlers[self] = asyncio.Event()
        try:
            await super().handle()
        finally:
            del self.view.open_handlers[self]
            self.context.end()
            closed.set()

    async def end(self, code: int, reason: str) -> None:
        # Closed first: the caller may be one of the operations that are cancelled.
        await self.websocket.close(code, reason)
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)

    async def handle_message(self, message: Message) -> None:
        problem = _problem(message)
        if problem:
            await self.handle_invalid_message(problem)
            return
        refusal = self._rate_limit_refusal(message)
        if refusal is not None:
            await asyncio.sleep(_RATE_LIMITED_SECONDS)
            if message["type"] == "subscribe" and self.connection_acknowledged:
                await self._refuse_operation(message["id"], refusal)
                return
        await super().handle_message(message)

    def _rate_limit_refusal(self, message: Message) -> GraphQLError | None:
        """Refuses an operation; any other message is only delayed."""
        if message["type"] == "connection_init":
            return None  # Counted when its context is made.
        try:
            self.view.limit_message(self.context, counts=message["type"] != "subscribe" or self._is_full)
        except GraphQLError as refusal:
            return refusal
        return None

    @property
    def _is_full(self) -> bool:
        return len(self.operations) >= (self.max_subscriptions_per_connection or 0)

    async def _refuse_operation(self, operation_id: str, error: GraphQLError) -> None:
        payload: Any = presented([error], self.context.request_id)
        await self.send_message({"id": operation_id, "type": "error", "payload": payload})

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        if self.connection_init_received:
            await self.websocket.close(4429, "Too many initialisation requests")
            return
        self.connection_init_received = True
        cast("asyncio.Task[None]", self.connection_init_timeout_task).cancel()
        payload = message.get("payload") or {}
        authorization = payload.get("Authorization", payload.get("authorization"))
        if isinstance(authorization, str):
            self.context.authorization = authorization
        started_at = perf_counter()
        try:
            await self.view.executor.context(self.context)
        except RequestRefused as refused:
            await self._refuse_connection(refused, started_at)
        except Exception as error:
            (shown,) = presented([as_graphql_error(error)], self.context.request_id)
            await self.websocket.close(4500, shown["message"])
        else:
            await self._acknowledge(started_at)

    async def _refuse_connection(self, refused: RequestRefused, started_at: float) -> None:
        if refused.status == 503:
            await self.websocket.close(1013, "The service is unavailable: try again in a few seconds")
            return
        with suppress(RequestRefused):
            await self.view.executor.record_unread(self.context, started_at, refused.status, refused.codes)
        await self.websocket.close(1013 if refused.status == 429 else 4403, refused.message)

    async def _acknowledge(self, started_at: float) -> None:
        credential_id = self.context.credential_id
        if credential_id is not None:
            try:
                self.view.web_sockets.assign_credential(self.slot, credential_id)
            except ConnectionRefused as refusal:
                with suppress(RequestRefused):
                    codes = [refusal.code]
                    await self.view.executor.record_unread(self.context, started_at, refusal.status, codes)
                await self.websocket.close(1013, refusal.message)
                return
            self.context.connection.scope["admit_full_messages"]()
        await self.send_message({"type": "connection_ack"})
        self.connection_acknowledged = True

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        allowed = self.max_subscriptions_per_connection or 0
        running = len(self.operations)
        if not self.connection_acknowledged or message["id"] in self.operations or not self._is_full:
            payload: Any = message["payload"]
            request = self._requests[message["id"]] = requested_operation(payload)
            payload = {**payload, "query": request.query}
            await super().handle_subscribe({**message, "payload": payload})
            return
        error = too_complex(
            "subscriptions", "The number of operations on the connection", running + 1, allowed
        )
        await self._refuse_operation(message["id"], error)

    async def cleanup_operation(self, operation_id: str) -> None:
        self._requests.pop(operation_id, None)
        await super().cleanup_operation(operation_id)

    async def run_operation(self, operation: Operation[RequestScope, None]) -> None:
        """A failed operation is answered with an `error` message of its own; the WebSocket stays open."""
        request = self._requests.pop(operation.id)
        request.started_at = perf_counter()
        try:
            errors = await self._execute(operation, request)
            codes = [code_of(error) for error in errors]
            await self.view.executor.record(request, self.context, status_of(codes), codes)
        except RequestRefused as refused:
            errors = [GraphQLError(refused.message, extensions=refused.extensions)]
        with suppress(WebSocketDisconnected):
            if not errors:
                await operation.send_operation_message({"id": operation.id, "type": "complete"})
                return
            payload: Any = presented(errors, self.context.request_id)
            await operation.send_operation_message({"id": operation.id, "type": "error", "payload": payload})

    async def _execute(
        self, operation: Operation[RequestScope, None], request: RequestedOperation
    ) -> Sequence[GraphQLError]:
        """Sends the answers. Returns the errors that the operation ended with, not yet recorded."""
        executor = self.view.executor
        try:
            await executor.prepare(request, self.context)
            prepared = request.prepared
            if prepared is not None and prepared.operation.type is OperationType.SUBSCRIPTION:
                with self._size_counted(prepared):
                    # One text for all subscriptions that share the document.
                    operation.query = request.query = prepared.document.text
                    await self._send_events(operation, request)
                return ()
            encoded = _encoded(await executor.execute(request, self.context))
            await self._send_answer(operation, request, *encoded)
            return ()
        except (WebSocketDisconnected, asyncio.CancelledError):
            # Records nothing after an answer was sent. A cancelled mutation may not have been executed.
            if request.type is OperationType.SUBSCRIPTION:
                await executor.record(request, self.context, 200)
            else:
                await executor.record(request, self.context, _CLIENT_CLOSED_REQUEST, ["CANCELLED"])
            raise
        except OperationRefused as refused:
            return refused.errors
        except RequestRefused as refused:
            return [GraphQLError(refused.message, extensions=refused.extensions)]
        except TimeoutError:
            return [timed_out(self.view.executor.timeout_seconds)]
        except Exception as error:
            return [as_graphql_error(error)]

    @contextmanager
    def _size_counted(self, prepared: PreparedOperation) -> Iterator[None]:
        """Counts the subscription's size during the block. Raises OperationRefused, or RateLimited: a refused
        subscription counts as a message here, since no context is made for it."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self.view.subscription_sizes.counted(self.slot.site, prepared))
            except OperationRefused:
                self.view.limit_message(self.context, counts=True)
                raise
            yield

    async def _send_events(
        self, operation: Operation[RequestScope, None], request: RequestedOperation
    ) -> None:
        async with aclosing(self.view.executor.subscribe(request, self.context)) as answers:
            async for answer in answers:
                encoded = _encoded(answer)
                del answer
                await self._send_answer(operation, request, *encoded)

    async def _send_answer(
        self,
        operation: Operation[RequestScope, None],
        request: RequestedOperation,
        answer: orjson.Fragment,
        codes: list[str],
    ) -> None:
        """Records the operation before its first answer is sent."""
        await self.view.executor.record(request, self.context, 200, codes)
        payload: Any = answer
        await operation.send_operation_message({"id": operation.id, "type": "next", "payload": payload})


class GraphQLWebSocketEndpoint(GraphQL[RequestScope, None]):
    """ASGI application for WebSockets. `allowed_origins` are the other sites whose pages may connect."""

    websocket_adapter_class = WebSocketAdapter
    graphql_transport_ws_handler_class = TransportHandler

    def __init__(
        self,
        executor: GraphQLExecutor,
        *,
        allowed_origins: Sequence[str] = (),
        max_subscriptions: int = 20,
        connection_init_timeout_seconds: float = 10,
        web_sockets: WebSocketTable | None = None,
        subscription_sizes: SubscriptionSizes | None = None,
        limit_message: LimitMessage = _no_limit,
    ) -> None:
        super().__init__(
            executor.schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=connection_init_timeout_seconds),
            max_subscriptions_per_connection=max_subscriptions,
            allowed_origins=allowed_origins,
        )
        self.executor, self.limit_message = executor, limit_message
        self.web_sockets = web_sockets or WebSocketTable(ConnectionLimits(), Proxies(()))
        self.subscription_sizes = subscription_sizes or SubscriptionSizes()
        self.open_handlers: dict[TransportHandler, asyncio.Event] = {}
        """Handlers of the open WebSockets, each with an event that is set once it has ended."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        web_socket = WebSocket(scope, receive, send)
        try:
            slot = self.web_sockets.admit(web_socket)
        except ConnectionRefused as refusal:
            headers, body = refusal.response(as_json=True)
            response = Response(body, refusal.status)
            response.raw_headers = headers
            await web_socket.send_denial_response(response)
            return
        scope["slot"] = slot
        try:
            await self.run(web_socket)
        finally:
            self.web_sockets.release(slot)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> RequestScope:
        """Called by Strawberry, which passes it to the handler as its context."""
        authorization = request.headers.get("authorization")
        return RequestScope(request, request.headers, authorization, stays_open=True)

    async def close(self) -> None:
        """Closes all WebSockets when the server stops, and waits until their operations have ended."""
        ended = list(self.open_handlers.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.gather(
                    *(handler.end(1012, "The server restarts") for handler in self.open_handlers)
                )
                await asyncio.gather(*(each.wait() for each in ended))


def _encoded(answer: Answer) -> tuple[orjson.Fragment, list[str]]:
    """The answer and its errors' codes. As bytes, since sending waits for the client, and thousands of
    objects take ten times as much memory."""
    return orjson.Fragment(encode(answer)), codes_of(answer)


def _problem(message: object) -> str | None:
    """Why a frame is not a message of the protocol; None where it is one."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message must be an object with a type"
    kind, payload = message["type"], message.get("payload")
    if kind in ("connection_init", "ping", "pong") and not isinstance(payload, dict | None):
        return "The payload must be an object"
    if kind in ("subscribe", "complete"):
        operation_id = message.get("id")
        if not isinstance(operation_id, str) or not 0 < len(operation_id) <= _MAX_ID_CHARACTERS:
            return f"The id must be a string of 1 to {_MAX_ID_CHARACTERS} characters"
    if kind == "subscribe":
        try:
            requested_operation(payload, may_hold_nul=False)
        except RequestRefused as refused:
            return refused.message
    return None
