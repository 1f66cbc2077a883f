"""GraphQL over WebSockets: the graphql-transport-ws protocol, Strawberry's handler made robust.

A context is made when the connection begins, which checks the credential, and anew for each operation,
so that none of them runs with what was true when the socket was opened.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import orjson
from graphql import GraphQLError, OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from engine.execution import subscribe
from engine.limits import too_complex
from engine.operation_cache import Prepared, Refused
from web.api_call_log import Recording, codes_of
from web.connection_limits import ConnectionRefused
from web.error_masking import as_graphql_error, code_of, presented, status_of, timed_out
from web.graphql_request import Parameters, RequestRefused, parameters
from web.json_encoder import encode
from web.request_scope import Exchange
from web.websocket_limits import WebSocketSlot

if TYPE_CHECKING:
    from web.graphql_http import GraphQLView

_MAX_ID_CHARACTERS = 255
# Of a close frame: 125 bytes, of which the code takes 2.
_MAX_REASON_BYTES = 123
# A client that takes nothing in holds its events back for so long, then it is left.
_SENDING_SECONDS = 30
_CLOSING_SECONDS = 5
_CLIENT_CLOSED_REQUEST = 499  # As nginx calls it: there is no status for it in HTTP.


class WebSocketAdapter(ASGIWebSocketAdapter):
    def __init__(self, view: Any, request: WebSocket, response: WebSocket) -> None:
        super().__init__(view, request, response)
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        while (message := await self._receive()) is not None:
            if message.get("text") is None:
                raise NonTextMessageReceived
            try:
                document = orjson.loads(message["text"])
            except (orjson.JSONDecodeError, UnicodeEncodeError):
                raise NonJsonMessageReceived from None
            yield document

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self._closed:
            raise WebSocketDisconnected
        try:
            async with asyncio.timeout(_SENDING_SECONDS):
                await self.ws.send_text(encode(message).decode())
        except TimeoutError:
            await self.close(1008, "Messages are not taken in")
            raise WebSocketDisconnected from None
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """More than once is no harm: the connection may end for several reasons at a time."""
        if self._closed:
            return
        self._closed = True
        # A task of its own: who calls this may be among what is cancelled when the connection ends.
        self._closing = asyncio.ensure_future(self._send_close(code, reason))
        await asyncio.shield(self._closing)

    async def _send_close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self.ws.close(code, reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore"))

    async def _receive(self) -> Mapping[str, Any] | None:
        """The next message; None where the connection has ended on either side."""
        if self._closed:
            return None
        message = await self.ws.receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            return None
        return None if self._closed else message


class TransportHandler(BaseGraphQLTransportWSHandler[Exchange, None]):
    view: "GraphQLView"

    @property
    def slot(self) -> WebSocketSlot:
        slot: WebSocketSlot = self.context.connection.scope["slot"]
        return slot

    async def handle(self) -> None:
        self.context.close = self.slot.end = self.end
        ended = self.view.sockets[self] = asyncio.Event()
        try:
            await super().handle()
        finally:
            del self.view.sockets[self]
            self.context.end()
            ended.set()

    async def end(self, code: int, reason: str) -> None:
        # Closed first: this may be called by one of the operations that are cancelled.
        await self.websocket.close(code, reason)
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)

    async def handle_message(self, message: Message) -> None:
        problem = _problem(message)
        if problem:
            await self.handle_invalid_message(problem)
        else:
            await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        if self.connection_timed_out:
            return
        if self.connection_init_received:
            await self.websocket.close(4429, "Too many initialisation requests")
            return
        self.connection_init_received = True
        if self.connection_init_timeout_task:
            self.connection_init_timeout_task.cancel()
        payload = message.get("payload") or {}
        authorization = payload.get("Authorization", payload.get("authorization"))
        if isinstance(authorization, str):
            self.context.authorization = authorization
        try:
            await self.view.context(self.context)
        except GraphQLError as error:
            code = code_of(error)
            with suppress(RequestRefused):
                await Recording(self.context, None).end(status_of([code]), [code])
            is_busy = code == "RATE_LIMITED"
            await self.websocket.close(1013 if is_busy else 4403, error.message)
        except (RequestRefused, TimeoutError):
            await self.websocket.close(1013, "The service is unavailable: try again in a few seconds")
        except Exception as error:
            (shown,) = presented([as_graphql_error(error)], self.context.request_id)
            await self.websocket.close(4500, shown["message"])
        else:
            await self._acknowledge()

    async def _acknowledge(self) -> None:
        credential_id = self.context.credential_id
        if credential_id is not None:
            try:
                self.view.web_sockets.identify(self.slot, credential_id)
            except ConnectionRefused as refusal:
                await self.websocket.close(1013, refusal.message)
                return
            self.context.connection.scope["admit_full_messages"]()
        await self.send_message({"type": "connection_ack"})
        self.connection_acknowledged = True

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        allowed = self.max_subscriptions_per_connection or 0
        running = len(self.operations)
        if not self.connection_acknowledged or message["id"] in self.operations or running < allowed:
            await super().handle_subscribe(message)
            return
        error = too_complex(
            "subscriptions", "The number of operations on the connection", running + 1, allowed
        )
        payload: Any = presented([error], self.context.request_id)
        await self.send_message({"id": message["id"], "type": "error", "payload": payload})

    async def run_operation(self, operation: Operation[Exchange, None]) -> None:
        """Whatever goes wrong with one operation is its own `error` message; the socket stays open."""
        document = {"query": operation.query, "variables": operation.variables}
        asked = parameters({**document, "operationName": operation.operation_name})
        try:
            errors = await self._recorded(operation, asked)
        except RequestRefused as refused:
            errors = [GraphQLError(refused.message, extensions=refused.extensions)]
        with suppress(WebSocketDisconnected):
            if errors is None:
                await operation.send_operation_message({"id": operation.id, "type": "complete"})
                return
            payload: Any = presented(errors, self.context.request_id)
            await operation.send_operation_message({"id": operation.id, "type": "error", "payload": payload})

    async def _recorded(
        self, operation: Operation[Exchange, None], asked: Parameters
    ) -> list[GraphQLError] | None:
        """What it failed with. A subscription that ends before its first event is told of then."""
        recording = Recording(self.context, asked)
        errors: list[GraphQLError] | None = None
        try:
            prepared = await self._prepare_or_refuse(asked)
            recording.prepared = prepared if isinstance(prepared, Prepared) else None
            context = await self.view.context(self.context)
            if isinstance(prepared, Refused):
                raise prepared
            await self._run(operation, prepared, context, recording)
        except (WebSocketDisconnected, asyncio.CancelledError):
            # Of no effect where an answer went out. What nobody waits for may not have been done.
            if _is_subscription(recording):
                await recording.end(200)
            else:
                await recording.end(_CLIENT_CLOSED_REQUEST, ["CANCELLED"])
            raise
        except Refused as refused:
            errors = list(refused.errors)
        except RequestRefused as refused:
            errors = [GraphQLError(refused.message, extensions=refused.extensions)]
        except TimeoutError:
            errors = [timed_out(self.view.timeout_seconds)]
        except Exception as error:
            errors = [as_graphql_error(error)]
        codes = [code_of(error) for error in errors or ()]
        await recording.end(status_of(codes), codes)
        return errors

    async def _prepare_or_refuse(self, asked: Parameters) -> Prepared | Refused:
        """What cannot be executed counts as a request as well."""
        try:
            return await self.view.prepare(asked)
        except Refused as refused:
            return refused

    async def _run(
        self,
        operation: Operation[Exchange, None],
        prepared: Prepared,
        context: object,
        recording: Recording,
    ) -> None:
        view, exchange = self.view, self.context
        if prepared.operation.type is not OperationType.SUBSCRIPTION:
            answer = await view.execute(prepared, exchange, context)
            await recording.end(200, codes_of(answer))
            await self._send_next(operation, answer)
            return
        view.admit(prepared, exchange)
        stream = subscribe(view.schema, prepared, context, view.timeout_seconds)
        async with aclosing(stream) as results:
            async for result in results:
                answer = view.answer(result, prepared, exchange)
                await recording.end(200, codes_of(answer))
                await self._send_next(operation, answer)

    async def _send_next(self, operation: Operation[Exchange, None], answer: Any) -> None:
        await operation.send_operation_message({"id": operation.id, "type": "next", "payload": answer})


def _is_subscription(recording: Recording) -> bool:
    prepared = recording.prepared
    return prepared is not None and prepared.operation.type is OperationType.SUBSCRIPTION


def _problem(message: object) -> str | None:
    """Why a frame is no message of the protocol."""
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
            parameters(payload, may_hold_nul=False)
        except RequestRefused as refused:
            return refused.message
    return None
