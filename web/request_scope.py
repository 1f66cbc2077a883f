"""One HTTP request, or one WebSocket, as the code that makes a context sees it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.responses import Response

from engine.operation_cache import Prepared
from resolvers.audit.api_calls import Call


async def _close_nothing(code: int, reason: str) -> None:
    """An HTTP request ends by itself."""


def _admit_all(prepared: Prepared) -> None:
    """Whoever may ask at all may ask for any operation."""


@dataclass
class Exchange:
    connection: HTTPConnection
    # The first of each name.
    headers: Mapping[str, str]
    # The Authorization header's value, or that of `connection_init`'s payload, which comes first.
    authorization: str | None
    # Of whoever asks, once a context was made.
    credential_id: UUID | None = None
    # Goes out in each answer's `extensions`, beside `cost`.
    extensions: dict[str, object] = field(default_factory=dict)
    # Ends the WebSocket at once, and every operation on it: no event is sent any more.
    close: Callable[[int, str], Awaitable[None]] = _close_nothing
    # Raises what refuses an operation before it is executed.
    admit: Callable[[Prepared], None] = _admit_all
    # Told of each operation before its answer goes out, where whoever asks is somebody whose calls are kept.
    record: Callable[[Call], Awaitable[None]] | None = None
    # Called once when the answer is made, or the WebSocket has ended, whatever the reason.
    at_end: list[Callable[[], Any]] = field(default_factory=list)

    @cached_property
    def response(self) -> Response:
        """Its headers and cookies go out with the answer; of no effect on a WebSocket."""
        return Response()

    @property
    def has_response(self) -> bool:
        return "response" in self.__dict__

    @property
    def request_id(self) -> str:
        return request_id(self.connection)

    def end(self) -> None:
        while self.at_end:
            self.at_end.pop()()


MakeContext = Callable[[Exchange], Awaitable[object]]


def request_id(connection: HTTPConnection) -> str:
    """As the outermost middleware gave it."""
    found = connection.scope.get("state", {}).get("request_id")
    return str(found) if found else "-"
