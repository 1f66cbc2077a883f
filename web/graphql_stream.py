"""Subscriptions over HTTP, for clients without WebSockets: as server-sent events, by the GraphQL over SSE
protocol in distinct connections mode, or as parts of a multipart response, by the protocol of Apollo."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from functools import lru_cache
from typing import Any

from graphql import GraphQLError
from starlette.requests import Request
from starlette.types import Send

from engine.operation_cache import OperationRefused
from web.connection_limits import RESTARTING, ConnectionLimits, ConnectionRefused
from web.error_masking import as_graphql_error, code_of, presented, status_of, timed_out
from web.graphql_executor import GraphQLExecutor, codes_of
from web.graphql_request import RequestedOperation, RequestRefused
from web.json_encoder import encode
from web.media_types import accepted
from web.proxy_headers import Proxies
from web.request_scope import RequestScope
from web.subscription_sizes import SubscriptionSizes
from web.websocket_limits import WebSocketSlot, WebSocketTable

EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"
_CLOSING_SECONDS = 5


@lru_cache(maxsize=256)
def accepted_stream(accept: str) -> str | None:
    """EVENT_STREAM or MULTIPART, the first one that an Accept header names; None where it names neither."""
    names = (name for name, quality in accepted(accept) if quality > 0)
    return next((name for name in names if name in (EVENT_STREAM, MULTIPART)), None)


class EventStreamFormat:
    content_type = b"text/event-stream; charset=utf-8"
    start = ping = b":\n\n"
    end = b"event: complete\ndata:\n\n"

    @staticmethod
    def answer(body: bytes) -> bytes:
        return b"event: next\ndata: %b\n\n" % body

    @staticmethod
    def refusal(body: bytes) -> bytes:
        return EventStreamFormat.answer(body)


class MultipartFormat:
    """Each part is followed by its boundary, so that the client learns at once where it ends."""

    content_type = b'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'
    start = b"\r\n--graphql"
    end = b"--\r\n"

    @staticmethod
    def _part(body: bytes) -> bytes:
        return b"\r\nContent-Type: application/json\r\n\r\n%b\r\n--graphql" % body

    ping = _part(b"{}")

    @staticmethod
    def answer(body: bytes) -> bytes:
        return MultipartFormat._part(b'{"payload":%b}' % body)

    @staticmethod
    def refusal(body: bytes) -> bytes:
        return MultipartFormat._part(b'{"payload":null,%b' % body.removeprefix(b"{"))


_FORMATS: dict[str, type[EventStreamFormat | MultipartFormat]] = {
    EVENT_STREAM: EventStreamFormat,
    MULTIPART: MultipartFormat,
}


class SubscriptionStreams:
    """The open streams of a server process. They count as WebSockets in all limits."""

    def __init__(
        self,
        executor: GraphQLExecutor,
        places: WebSocketTable | None = None,
        sizes: SubscriptionSizes | None = None,
        ping_seconds: float = 20,
    ) -> None:
        self._executor, self._ping_seconds = executor, ping_seconds
        self._places = places or WebSocketTable(ConnectionLimits(), Proxies(()))
        self._sizes = sizes or SubscriptionSizes()
        self._open: dict[_Stream, asyncio.Event] = {}
        """The open streams, each with an event that is set once it has ended."""

    async def run(
        self,
        operation: RequestedOperation,
        scope: RequestScope,
        request: Request,
        media_type: str,
        send: Send,
    ) -> None:
        """Sends the whole response. Raises RequestRefused before anything was sent."""
        slot = self._place(request)
        try:
            stream = _Stream(self._executor, operation, scope, send, _FORMATS[media_type])
            scope.close = slot.end = stream.end
            scope.stays_open = True
            await self._executor.context(scope)
            self._assign(slot, scope)
            if self._places.is_ending:
                raise _refused(RESTARTING)
            closed = self._open[stream] = asyncio.Event()
            try:
                await stream.run(request, self._sizes, slot, self._ping_seconds)
            finally:
                del self._open[stream]
                closed.set()
        finally:
            self._places.release(slot)

    async def close(self) -> None:
        """Ends all streams when the server stops."""
        closed = list(self._open.values())
        for stream in list(self._open):
            await stream.end(1012, "The server restarts")
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.gather(*(each.wait() for each in closed))

    def _place(self, request: Request) -> WebSocketSlot:
        try:
            return self._places.admit(request)
        except ConnectionRefused as refusal:
            raise _refused(refusal) from None

    def _assign(self, slot: WebSocketSlot, scope: RequestScope) -> None:
        if scope.credential_id is None:
            return
        try:
            self._places.assign_credential(slot, scope.credential_id)
        except ConnectionRefused as refusal:
            raise _refused(refusal) from None


class _Stream:
    """One response. Its events are made by a task of their own, so that pings go out between them."""

    def __init__(
        self,
        executor: GraphQLExecutor,
        operation: RequestedOperation,
        scope: RequestScope,
        send: Send,
        format: type[EventStreamFormat | MultipartFormat],
    ) -> None:
        self._executor, self._operation, self._scope = executor, operation, scope
        self._send, self._format = send, format
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the server ends the stream."""
        self._writing = asyncio.Lock()

    async def end(self, code: int, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    async def run(
        self, request: Request, sizes: SubscriptionSizes, slot: WebSocketSlot, ping_seconds: float
    ) -> None:
        headers = [
            (b"content-type", self._format.content_type),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            (b"x-request-id", self._scope.request_id.encode()),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._write(self._format.start)  # So that the client learns at once that it is connected.
        producing = asyncio.create_task(self._produce(sizes, slot))
        leaving = asyncio.create_task(_until_gone(request))
        try:
            while not (producing.done() or leaving.done() or self._ended.done()):
                waiting: set[asyncio.Future[Any]] = {producing, leaving, self._ended}
                done, _ = await asyncio.wait(
                    waiting, timeout=ping_seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    await self._write(self._format.ping)
        finally:
            is_cut_off = not producing.done()
            for task in (producing, leaving):
                task.cancel()
            await asyncio.gather(producing, leaving, return_exceptions=True)
        if is_cut_off and self._ended.done():
            await self._refuse([GraphQLError(self._ended.result(), extensions={"code": "STREAM_ENDED"})])
        await self._write(self._format.end, more=False)

    async def _produce(self, sizes: SubscriptionSizes, slot: WebSocketSlot) -> None:
        try:
            errors = await self._events(sizes, slot)
            codes = [code_of(error) for error in errors]
            await self._executor.record(self._operation, self._scope, status_of(codes), codes)
        except asyncio.CancelledError:
            await self._executor.record(self._operation, self._scope, 200)
            raise
        except RequestRefused as refused:
            errors = [GraphQLError(refused.message, extensions=refused.extensions)]
        if errors:
            await self._refuse(errors)

    async def _events(self, sizes: SubscriptionSizes, slot: WebSocketSlot) -> Sequence[GraphQLError]:
        """Sends the answers. Returns the errors that the subscription ended with."""
        executor, prepared = self._executor, self._operation.prepared
        try:
            if prepared is None:
                raise self._operation.refusal or RuntimeError("the operation was not prepared")
            with sizes.counted(slot.site, prepared):
                async with aclosing(executor.subscribe(self._operation, self._scope)) as answers:
                    async for answer in answers:
                        body, codes = encode(answer), codes_of(answer)
                        del answer
                        await executor.record(self._operation, self._scope, 200, codes)
                        await self._write(self._format.answer(body))
        except OperationRefused as refused:
            return refused.errors
        except RequestRefused as refused:
            return [GraphQLError(refused.message, extensions=refused.extensions)]
        except TimeoutError:
            return [timed_out(executor.timeout_seconds)]
        except Exception as error:
            return [as_graphql_error(error)]
        return ()

    async def _refuse(self, errors: Sequence[GraphQLError]) -> None:
        body = encode({"errors": presented(errors, self._scope.request_id)})
        await self._write(self._format.refusal(body))

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        """Waits for the client, which the connection's deadlines cut off where it does not read."""
        async with self._writing:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(refusal: ConnectionRefused) -> RequestRefused:
    extensions = dict(refusal.extensions)
    code, headers = str(extensions.pop("code")), {"retry-after": "1"}
    return RequestRefused(refusal.status, code, refusal.message, headers, **extensions)
