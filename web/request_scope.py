"""State of one HTTP request or one WebSocket connection, which all its operations share."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.responses import Response

from engine.fair_queue import Requester
from engine.operation_cache import PreparedOperation
from resolvers.audit.api_calls import Call


async def _close_nothing(code: int, reason: str) -> None:
    """An HTTP request ends by itself."""


@dataclass
class RequestScope:
    connection: HTTPConnection
    headers: Mapping[str, str]
    """The first header of each name."""
    authorization: str | None
    """The Authorization header, or that of `connection_init`'s payload, which takes precedence."""
    request_id: str = field(init=False)
    credential_id: UUID | None = None
    """None until a context was made, and for clients without a credential."""
    extensions: dict[str, object] = field(default_factory=dict)
    """Members of each answer's `extensions`, beside `cost`."""
    close: Callable[[int, str], Awaitable[None]] = _close_nothing
    """Closes the WebSocket or stream with a code and a reason, and cancels its operations."""
    stays_open: bool = False
    """Whether it is closed when its credential ends: WebSockets and streams."""
    rules: Sequence[Callable[[PreparedOperation], None]] = ()
    """Each raises GraphQLError for an operation that the credential does not permit."""
    record: Callable[[Call], Awaitable[None]] | None = None
    """Adds an operation to the audit log; None where the client's calls are not logged."""
    log_fields: Callable[[], Mapping[str, object]] = dict
    """Returns the fields of the logs about the client and its credential."""
    is_admitted: bool = False
    """Whether the credential was accepted for the operation."""
    at_end: list[Callable[[], object]] = field(default_factory=list)
    """Called once the request is answered or the WebSocket is closed, whatever the reason."""

    def __post_init__(self) -> None:
        self.request_id = request_id(self.connection)

    @cached_property
    def response(self) -> Response:
        """Carries headers and cookies for the answer; has no effect on a WebSocket."""
        return Response()

    @property
    def has_response(self) -> bool:
        return "response" in self.__dict__

    def end(self) -> None:
        while self.at_end:
            self.at_end.pop()()


MakeContext = Callable[[RequestScope], Awaitable[object]]
ClientOf = Callable[[RequestScope], Requester]
"""The client's address and, where it is known, the credential: the look-up of the credential follows."""


CountExecutions = Callable[[RequestScope], Awaitable[None]]
"""Counts further executions of a subscription as one request. Waits until the client's limit permits it."""

IsSilent = Callable[[RequestScope], bool]
"""Whether the database does not respond, so that what took too long has waited for it."""


class LimitMessage(Protocol):
    """Called before a message of a WebSocket is handled; `counts` unless it starts an operation, which is
    counted when its context is made. Raises GraphQLError where the client has exceeded its rate limit."""

    def __call__(self, scope: RequestScope, /, *, counts: bool) -> None: ...


def request_id(connection: HTTPConnection) -> str:
    """The request ID that the outermost middleware has assigned; "-" without that middleware."""
    value = connection.scope.get("state", {}).get("request_id")
    return str(value) if value else "-"
