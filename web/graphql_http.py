"""HTTP endpoint of the GraphQL API, by the GraphQL-over-HTTP specification.

Status codes: a fault of the HTTP request has the 4xx status of its kind. A refused operation has 400 (504
after a timeout) in application/graphql-response+json, and 200 in application/json, as the specification has
it. An executed operation has 200 and `data`, also where fields failed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import perf_counter

from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.http.websocket_origin import normalize_allowed_origins

from engine.operation_cache import OperationRefused
from web.error_masking import as_graphql_error, code_of, presented
from web.graphql_executor import Answer, GraphQLExecutor, codes_of
from web.graphql_request import (
    GRAPHQL_RESPONSE,
    HTML,
    JSON,
    RequestedOperation,
    RequestRefused,
    bad_request,
    check_origin,
    preferred_media_type,
    read_operations,
)
from web.graphql_stream import (
    EVENT_STREAM,
    MULTIPART,
    EventStreamFormat,
    SubscriptionStreams,
    accepted_stream,
)
from web.json_encoder import encode
from web.request_scope import RequestScope

_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_CONTENT_TYPES = {each: f"{each}; charset=utf-8".encode() for each in (JSON, GRAPHQL_RESPONSE, EVENT_STREAM)}
_NO_HEADERS: Mapping[str, str] = {}


class _Subscribed(Exception):
    """The request subscribes, and its client accepts a stream."""

    def __init__(self, operation: RequestedOperation, media_type: str) -> None:
        self.operation, self.media_type = operation, media_type


class GraphQLHttpEndpoint:
    """ASGI application for HTTP requests. `allowed_origins` are the other sites whose pages may call it.
    `streams` answer subscriptions."""

    def __init__(
        self,
        executor: GraphQLExecutor,
        render_ide: Callable[[Request], Awaitable[Response]],
        *,
        streams: SubscriptionStreams | None = None,
        allowed_origins: Sequence[str] = (),
        max_body_bytes: int = 256 * 1024,
        max_batch: int = 10,
    ) -> None:
        self._executor = executor
        self._render_ide = render_ide
        self._streams = streams or SubscriptionStreams(executor)
        self._allowed_origins = normalize_allowed_origins(allowed_origins)
        self._max_body_bytes = max_body_bytes
        self._max_batch = max_batch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        headers = _first_of_each(scope["headers"])
        accept = headers.get("accept", "")
        media_type, stream = preferred_media_type(accept), accepted_stream(accept)
        try:
            if media_type == HTML:
                if request.method == "GET" and "query" not in request.query_params:
                    page = await self._render_ide(request)
                    await page(scope, receive, send)
                    return
                media_type = JSON
            request_scope = RequestScope(request, headers, headers.get("authorization"))
            try:
                answer = await self._respond(request_scope, request, media_type, stream)
            except _Subscribed as subscribed:
                refusal = await self._streamed(subscribed, request_scope, request, send)
                if refusal is None:
                    return
                answer = refusal
        except ClientDisconnect:
            return
        status, body, refusal_headers = answer
        if media_type is None and stream == EVENT_STREAM and status == 200:
            media_type, body = EVENT_STREAM, EventStreamFormat.answer(body) + EventStreamFormat.end
        raw_headers = _response_headers(request_scope, media_type or JSON, len(body), refusal_headers)
        await send({"type": "http.response.start", "status": status, "headers": raw_headers})
        await send({"type": "http.response.body", "body": body})

    async def close(self) -> None:
        """Ends the streams when the server stops."""
        await self._streams.close()

    async def _respond(
        self, scope: RequestScope, request: Request, media_type: str | None, stream: str | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and additional headers. Raises _Subscribed."""
        try:
            status, body = await self._answer(scope, request, media_type, stream)
            return status if media_type == GRAPHQL_RESPONSE else 200, body, _NO_HEADERS
        except (ClientDisconnect, _Subscribed):
            raise
        except Exception as error:
            return _failure(error, scope)
        finally:
            scope.end()

    async def _streamed(
        self, subscribed: _Subscribed, scope: RequestScope, request: Request, send: Send
    ) -> tuple[int, bytes, Mapping[str, str]] | None:
        """Sends the stream. Returns what to answer where it is refused, after recording that."""
        operation = subscribed.operation
        operation.started_at = perf_counter()
        try:
            await self._streams.run(operation, scope, request, subscribed.media_type, send)
            return None
        except RequestRefused as refused:
            return await self._recorded_refusal(operation, scope, refused)
        finally:
            scope.end()

    async def _recorded_refusal(
        self, operation: RequestedOperation, scope: RequestScope, refused: RequestRefused
    ) -> tuple[int, bytes, Mapping[str, str]]:
        try:
            await self._executor.record(operation, scope, refused.status, refused.codes)
        except RequestRefused as unrecorded:
            return _failure(unrecorded, scope)
        return _failure(refused, scope)

    async def _answer(
        self, scope: RequestScope, request: Request, media_type: str | None, stream: str | None
    ) -> tuple[int, bytes]:
        """The status in the stricter media type, and the body. Raises _Subscribed for a subscription that is
        to be streamed."""
        started_at = perf_counter()
        try:
            if media_type is None and stream is None:
                raise _not_acceptable()
            operations, is_batch = await self._read(request, scope, stream)
            if media_type is None and stream == MULTIPART:
                raise _not_acceptable()
        except RequestRefused as refused:
            await self._record_unread(scope, started_at, refused)
            raise
        status, body = await self._outcome(operations[0], scope)
        if not is_batch:
            return status, body
        bodies = [body]
        # One after the other: a batch must not take ten connections, and its changes keep their order.
        for operation in operations[1:]:
            try:
                _, body = await self._outcome(operation, scope)
            except Exception as error:
                _, body, _ = _failure(error, scope)
            bodies.append(body)
        return 200, b"[" + b",".join(bodies) + b"]"

    async def _read(
        self, request: Request, scope: RequestScope, stream: str | None
    ) -> tuple[list[RequestedOperation], bool]:
        """The operations, prepared; and whether they are a batch. Raises RequestRefused, and _Subscribed."""
        check_origin(scope.headers, self._allowed_origins)
        content = await read_operations(request, scope.headers, self._max_body_bytes, self._max_batch)
        is_batch = isinstance(content, list)
        operations = content if isinstance(content, list) else [content]
        for number, operation in enumerate(operations):
            if number:
                await asyncio.sleep(0)  # Lets other requests run between two documents.
            await self._executor.prepare(operation, scope)
            if operation.type is OperationType.SUBSCRIPTION:
                if stream is not None and not is_batch:
                    raise _Subscribed(operation, stream)
                raise bad_request(
                    "Subscriptions need a WebSocket with the subprotocol graphql-transport-ws, or the Accept"
                    f" header {EVENT_STREAM} or {MULTIPART}, one in a request."
                )
            if request.method == "GET" and operation.type is OperationType.MUTATION:
                raise RequestRefused(
                    405,
                    "METHOD_NOT_ALLOWED",
                    "A GET request must be a query: send mutations by POST.",
                    {"allow": "POST"},
                )
        return operations, is_batch

    async def _record_unread(self, scope: RequestScope, started_at: float, refused: RequestRefused) -> None:
        """Looks up the credential of a request that cannot be read, so that it is recorded and counts against
        the rate limit. Raises RequestRefused where the limit is exceeded."""
        if scope.authorization is not None:
            try:
                await self._executor.context(scope)
            except RequestRefused as refused_credential:
                if refused_credential.status == 429:
                    await self._executor.record_unread(scope, started_at, 429, refused_credential.codes)
                    raise
        await self._executor.record_unread(scope, started_at, refused.status, refused.codes)

    async def _outcome(self, operation: RequestedOperation, scope: RequestScope) -> tuple[int, bytes]:
        """Executes and records one operation. Its credential is looked up again, and it counts as a request:
        the operations before it may have changed what the client may do.

        Raises RequestRefused, and whatever is not foreseen, after recording that.
        """
        executor, operation.started_at = self._executor, perf_counter()
        try:
            try:
                answer, status = await executor.execute(operation, scope), 200
            except OperationRefused as refused:
                answer = _refusal(refused.errors, scope)
                status = 504 if codes_of(answer)[0] == "TIMEOUT" else 400
            # As bytes, since recording waits: the garbage collector would walk thousands of objects.
            body, codes = encode(answer), codes_of(answer)
            del answer
        except Exception as error:
            status, codes = _status_and_codes(error)
            await executor.record(operation, scope, status, codes)
            raise
        await executor.record(operation, scope, status, codes)
        return status, body


def _not_acceptable() -> RequestRefused:
    return RequestRefused(
        406, "NOT_ACCEPTABLE", f"The Accept header must allow {JSON} or {GRAPHQL_RESPONSE}."
    )


def _status_and_codes(error: Exception) -> tuple[int, list[str]]:
    if isinstance(error, RequestRefused):
        return error.status, error.codes
    return 500, [code_of(as_graphql_error(error))]


def _failure(error: Exception, scope: RequestScope) -> tuple[int, bytes, Mapping[str, str]]:
    """Status, body and additional headers of what was not executed."""
    if isinstance(error, RequestRefused):
        shown = GraphQLError(error.message, extensions=error.extensions)
        return error.status, encode(_refusal([shown], scope)), error.headers
    return 500, encode(_refusal([as_graphql_error(error)], scope)), _NO_HEADERS


def _refusal(errors: Iterable[GraphQLError], scope: RequestScope) -> Answer:
    answer: Answer = {"errors": presented(errors, scope.request_id)}
    if scope.extensions:
        answer["extensions"] = dict(scope.extensions)
    return answer


def _response_headers(
    scope: RequestScope, media_type: str, length: int, more: Mapping[str, str]
) -> list[tuple[bytes, bytes]]:
    headers = [*_HEADERS, (b"content-type", _CONTENT_TYPES[media_type]), (b"content-length", b"%d" % length)]
    headers.append((b"x-request-id", scope.request_id.encode()))
    for name, value in more.items():
        headers.append((name.encode(), value.encode()))
    if scope.has_response:
        own = {b"content-length", b"content-type"}
        headers += [each for each in scope.response.raw_headers if each[0] not in own]
    return headers


def _first_of_each(raw_headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(raw_headers)}
