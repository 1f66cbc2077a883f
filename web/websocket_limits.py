"""Limits of the open WebSockets of a server process: without a credential, and for each credential."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import TypeVar
from uuid import UUID

from starlette.requests import HTTPConnection

from permissions.client_sites import Site, site_of
from web.connection_limits import (
    EVICTED_PART,
    RESTARTING,
    ConnectionLimits,
    ConnectionRefused,
    too_many,
    too_many_from_address,
)
from web.proxy_headers import Proxies

_KIND = "WebSockets without a credential"
_LIMIT = "websockets_without_credential"
Key = TypeVar("Key")


class WebSocketSlot:
    """The place of one WebSocket in the table."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.credential_id: UUID | None = None
        self.end: Callable[[int, str], Awaitable[None]] | None = None
        """Closes the WebSocket; None until it is accepted."""


class WebSocketTable:
    def __init__(self, limits: ConnectionLimits, proxies: Proxies) -> None:
        self._limits, self._proxies = limits, proxies
        self._without_credential: dict[WebSocketSlot, None] = {}  # The oldest first.
        self._by_site: Counter[Site] = Counter()
        self._by_credential: Counter[UUID] = Counter()
        self._with_credential: dict[Site, dict[WebSocketSlot, None]] = {}  # The oldest of each first.
        self._ending: set[asyncio.Future[None]] = set()
        self.is_ending = False
        """Whether the server is shutting down, and admits no more WebSockets."""

    @property
    def open(self) -> int:
        """Number of open WebSockets and streams."""
        return len(self._without_credential) + sum(map(len, self._with_credential.values()))

    def admit(self, connection: HTTPConnection) -> WebSocketSlot:
        """A slot without a credential. At the limit, the oldest WebSockets without a credential are closed.

        Raises ConnectionRefused where the client's address is at its limit, and while the server is shutting
        down."""
        if self.is_ending:
            raise RESTARTING
        site, limits = site_of(self._proxies.client_of(connection)), self._limits
        if self._by_site[site] >= limits.websockets_without_credential_per_address:
            raise too_many_from_address(
                _KIND, f"{_LIMIT}_per_address", limits.websockets_without_credential_per_address
            )
        if len(self._without_credential) >= limits.websockets_without_credential:
            self._make_room(limits.websockets_without_credential)
        slot = WebSocketSlot(site)
        self._without_credential[slot] = None
        self._by_site[site] += 1
        return slot

    def assign_credential(self, slot: WebSocketSlot, credential_id: UUID) -> None:
        """Counts the WebSocket against its credential. At the limit of the process, the oldest WebSockets of
        the address with the most are closed. Raises ConnectionRefused where the credential, or the client's
        address, is at its limit: the owner of one credential can create more."""
        limits = self._limits
        if self._by_credential[credential_id] >= limits.websockets_per_credential:
            allowed = limits.websockets_per_credential
            message = f"Too many WebSockets with this credential: at most {allowed:,} may be open."
            raise ConnectionRefused(429, "RATE_LIMITED", message, "websockets_per_credential", allowed)
        of_site = self._with_credential.get(slot.site, {})
        if len(of_site) >= limits.connections_per_address:
            raise too_many_from_address(
                "WebSockets", "connections_per_address", limits.connections_per_address
            )
        if sum(map(len, self._with_credential.values())) >= limits.websockets:
            self._make_room_beside(len(of_site))
        self.release(slot)
        slot.credential_id = credential_id
        self._by_credential[credential_id] += 1
        self._with_credential.setdefault(slot.site, {})[slot] = None

    def release(self, slot: WebSocketSlot) -> None:
        """May be called more than once."""
        if slot.credential_id is not None:
            _count_down(self._by_credential, slot.credential_id)
            slot.credential_id = None
            of_site = self._with_credential[slot.site]
            del of_site[slot]
            if not of_site:
                del self._with_credential[slot.site]
        elif slot in self._without_credential:
            del self._without_credential[slot]
            _count_down(self._by_site, slot.site)

    def _make_room(self, allowed: int) -> None:
        """Raises ConnectionRefused where none can be closed."""
        refusal = too_many(_KIND, _LIMIT, allowed)
        if not self._close_oldest(self._without_credential, max(1, allowed // EVICTED_PART), refusal):
            raise refusal

    def _make_room_beside(self, count: int) -> None:
        """Raises ConnectionRefused where no address has more WebSockets with a credential than `count` and
        the new one."""
        refusal = too_many("WebSockets", "connections", self._limits.websockets)
        largest = max(self._with_credential.values(), key=len)
        most = min(len(largest) - count - 1, max(1, len(largest) // EVICTED_PART))
        if most <= 0 or not self._close_oldest(largest, most, refusal):
            raise refusal

    def _close_oldest(self, slots: Iterable[WebSocketSlot], most: int, refusal: ConnectionRefused) -> bool:
        """Closes WebSockets that are accepted. Returns whether there was one."""
        oldest = [*islice(((slot, slot.end) for slot in slots if slot.end is not None), most)]
        for slot, end in oldest:
            self.release(slot)
            ending = asyncio.ensure_future(end(1013, refusal.message))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        return bool(oldest)


def _count_down(counter: Counter[Key], key: Key) -> None:
    """Removes a key whose count reaches 0."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
