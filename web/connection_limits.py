"""Connection limits of a server process, and the table of its open connections."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

from permissions.client_sites import Site, site_of
from settings import Settings
from web.json_encoder import encode
from web.proxy_headers import Proxies
from web.security_headers import SecurityHeaders

EVICTED_PART = 16
"""When a limit is reached, a sixteenth of it is closed at once, since the search takes milliseconds."""


@dataclass(frozen=True)
class ConnectionLimits:
    """Counts hold for one server process; sizes are in bytes, times in seconds."""

    connections: int = 4_096
    connections_per_address: int = 512
    header_bytes: int = 32 * 1024
    header_seconds: float = 10
    body_seconds: float = 10
    body_bytes_per_second: int = 4_096
    incoming_bytes: int = 64 * 1024 * 1024
    outgoing_bytes: int = 256 * 1024 * 1024
    send_seconds: float = 60
    slow_send_seconds: float = 10
    keep_alive_seconds: float = 75
    pipelined_requests: int = 16
    first_message_bytes: int = 16 * 1024
    message_bytes: int = 256 * 1024
    message_fragments: int = 1_024
    ping_seconds: float = 20
    pong_seconds: float = 20
    websockets_without_credential: int = 1_000
    websockets_without_credential_per_address: int = 250
    websockets_per_credential: int = 100

    """`incoming_bytes` is the limit of all request bodies together, and `outgoing_bytes` of all responses and
    WebSocket messages that wait for their clients to read. A response that its client has not received for
    `slow_send_seconds` may be closed to make room for other connections."""

    @property
    def websockets(self) -> int:
        """Limit of WebSockets with a credential, which may stay open: the other connections are for
        requests."""
        return self.connections * 3 // 4

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            connections=settings.max_connections,
            connections_per_address=settings.max_connections_per_address,
            header_bytes=settings.max_header_bytes,
            header_seconds=settings.header_timeout_seconds,
            body_seconds=settings.body_timeout_seconds,
            body_bytes_per_second=settings.min_body_bytes_per_second,
            incoming_bytes=max(cls.incoming_bytes, 64 * settings.max_body_bytes),
            send_seconds=settings.send_timeout_seconds,
            keep_alive_seconds=settings.keep_alive_seconds,
            pipelined_requests=settings.max_pipelined_requests,
            first_message_bytes=settings.max_websocket_bytes_without_credential,
            message_bytes=settings.max_body_bytes,
            message_fragments=settings.max_websocket_fragments,
            ping_seconds=settings.websocket_ping_seconds,
            pong_seconds=settings.websocket_pong_seconds,
            websockets_without_credential=settings.max_websockets_without_credential,
            websockets_without_credential_per_address=settings.max_websockets_without_credential_per_address,
            websockets_per_credential=settings.max_websockets_per_credential,
        )

    def within(self, open_files: int) -> Self:
        """These limits with no more connections than the process may open, less some for database and
        files."""
        connections = min(self.connections, max(16, open_files - 256))
        return replace(
            self,
            connections=connections,
            connections_per_address=min(self.connections_per_address, max(4, connections // 8)),
        )


@dataclass(eq=False)
class ConnectionRefused(Exception):
    """A connection, request or WebSocket is refused; `limit` and `allowed` name the limit it exceeds."""

    status: int
    code: str
    message: str
    limit: str | None = None
    allowed: float | None = None

    @property
    def extensions(self) -> dict[str, object]:
        limit = {} if self.limit is None else {"limit": self.limit, "allowed": self.allowed}
        return {"code": self.code, **limit}

    def response(self, *, as_json: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Headers and body: GraphQL's `errors` as JSON, or else the message as plain text."""
        body = self.message.encode()
        if as_json:
            body = encode({"errors": [{"message": self.message, "extensions": self.extensions}]})
        media_type = b"application/json" if as_json else b"text/plain"
        headers = [
            (b"content-type", media_type + b"; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        if self.status in (429, 503):
            headers.append((b"retry-after", b"1"))
        return headers, body


RESTARTING = ConnectionRefused(503, "UNAVAILABLE", "The server restarts: try again.")


class ClientConnection(Protocol):
    site: Site | None
    body_bytes: int
    """Size of the request body received so far; counted by the table."""

    @property
    def unsent_bytes(self) -> int:
        """Size of the responses or messages that wait for the client to read, 0 while it reads."""

    @property
    def waiting_since(self) -> float | None:
        """Since when the connection waits for its client to send a request or receive a response; None while
        the app works on a response."""

    def check_deadlines(self, now: float) -> None: ...
    def evict(self, refusal: ConnectionRefused) -> None: ...


class ConnectionTable:
    """The open connections of a server process, by client address.

    At the limit, a new connection is admitted by closing connections that wait for their clients, first those
    of the address with the most connections, so that no address takes all of them.
    """

    def __init__(
        self, limits: ConnectionLimits, proxies: Proxies, security_headers: SecurityHeaders | None = None
    ) -> None:
        self.limits = limits
        self.proxies = proxies
        self.security_headers = security_headers or SecurityHeaders(https=False)
        self._by_site: dict[Site | None, dict[ClientConnection, None]] = {}
        self._count = self._incoming_bytes = 0
        self.is_ending = False
        """Whether connections are closed after their next response, so that clients open new ones, which a
        load balancer directs to another server."""

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ClientConnection]:
        return (each for site in list(self._by_site.values()) for each in list(site))

    def site_of_peer(self, address: str | None) -> Site | None:
        """The key of the per-address limit; None for trusted proxies, whose connections carry many
        clients."""
        return None if address is None or self.proxies.trusts(address) else site_of(address)

    def admit(self, connection: ClientConnection) -> None:
        """Raises ConnectionRefused."""
        limits, site = self.limits, self._by_site.get(connection.site, {})
        if connection.site is not None and len(site) >= limits.connections_per_address:
            refusal = too_many_from_address(
                "connections", "connections_per_address", limits.connections_per_address
            )
            self._make_room(site, limits.connections_per_address, refusal)
        if self._count >= limits.connections:
            refusal = too_many("connections", "connections", limits.connections)
            largest = max(self._by_site.values(), key=len)
            candidates: Iterable[ClientConnection] = largest if len(largest) > EVICTED_PART else self
            self._make_room(candidates, limits.connections, refusal)
        self._by_site.setdefault(connection.site, {})[connection] = None
        self._count += 1

    def release(self, connection: ClientConnection) -> None:
        """May be called more than once."""
        site = self._by_site.get(connection.site)
        if site is None or connection not in site:
            return
        del site[connection]
        self._count -= 1
        self.end_body(connection)
        if not site:
            del self._by_site[connection.site]

    def count_body(self, connection: ClientConnection, size: int) -> None:
        """Counts a received part of a request body."""
        connection.body_bytes += size
        self._incoming_bytes += size
        allowed = self.limits.incoming_bytes
        if self._incoming_bytes > allowed:
            what = "More than {:,} bytes of request bodies are being received."
            self._drop_largest(lambda each: each.body_bytes, allowed, "incoming_bytes", what)

    def end_body(self, connection: ClientConnection) -> None:
        self._incoming_bytes -= connection.body_bytes
        connection.body_bytes = 0

    def check_deadlines(self, now: float) -> None:
        unsent_bytes = 0
        for connection in self:
            connection.check_deadlines(now)
            unsent_bytes += connection.unsent_bytes
        allowed = self.limits.outgoing_bytes
        if unsent_bytes > allowed:
            what = "More than {:,} bytes wait for clients that read slowly."
            self._drop_largest(lambda each: each.unsent_bytes, allowed, "outgoing_bytes", what)

    def end(self) -> None:
        """Closes the connections that wait for their clients; the others end with their responses."""
        for connection in self:
            if connection.waiting_since is not None:
                connection.evict(RESTARTING)

    def _drop_largest(
        self, bytes_of: Callable[[ClientConnection], int], allowed: int, limit: str, what: str
    ) -> None:
        """Closes the connections with the most bytes, first those of the address that has the most."""
        sizes = {each: size for each in self if (size := bytes_of(each))}
        by_site = Counter[Site | None]()
        for each, size in sizes.items():
            by_site[each.site] += size
        refusal = ConnectionRefused(
            503, "UNAVAILABLE", f"{what.format(allowed)} Try again later.", limit, allowed
        )
        excess = sum(sizes.values()) - (allowed - allowed // EVICTED_PART)
        for each in sorted(sizes, key=lambda each: (by_site[each.site], sizes[each]), reverse=True):
            if excess <= 0:
                break
            excess -= sizes[each]
            self.release(each)
            each.evict(refusal)

    def _make_room(
        self, candidates: Iterable[ClientConnection], limit: int, refusal: ConnectionRefused
    ) -> None:
        """Closes the connections that have waited longest. Raises the refusal where none waits."""
        waiting = [
            (each.waiting_since, id(each), each) for each in candidates if each.waiting_since is not None
        ]
        if not waiting:
            raise refusal
        for _, _, connection in sorted(waiting)[: max(1, limit // EVICTED_PART)]:
            self.release(connection)
            connection.evict(refusal)


def too_many_from_address(what: str, limit: str, allowed: int) -> ConnectionRefused:
    message = f"Too many {what} from this address: at most {allowed:,} may be open."
    return ConnectionRefused(429, "RATE_LIMITED", message, limit, allowed)


def too_many(what: str, limit: str, allowed: int) -> ConnectionRefused:
    message = f"Too many {what}: at most {allowed:,} may be open. Try again later."
    return ConnectionRefused(503, "UNAVAILABLE", message, limit, allowed)
