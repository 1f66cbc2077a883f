"""Connections to public addresses only. A host name is resolved once, and the connection uses the address
that was checked."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from threading import Thread

import httpcore

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a name, in the order in which they are tried. Raises `OSError`."""

_MOST_TRIED = 4
_CONNECT_SECONDS = 5.0
_UNICAST = IPv6Network("2000::/3")
"""All IPv6 addresses that are routed on the Internet."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""Prefix with which name servers of IPv6-only networks map IPv4 addresses (RFC 6052)."""
_NEVER = (IPv6Network("2002::/16"), IPv6Network("2001::/32"), IPv6Network("3fff::/20"))
"""6to4 and Teredo, which lead to an embedded IPv4 address and have no servers; and the documentation prefix
of RFC 9637, which Python's `ipaddress` does not have yet."""
_NEVER_IPV4 = (IPv4Network("192.88.99.0/24"), IPv4Network("192.0.0.0/24"))
"""Relays of 6to4 (RFC 7526); and addresses of protocols (RFC 6890), which Python before 3.11.10 takes for
public. One cloud has its metadata there, at 192.0.0.192."""


class NotPublic(Exception):
    """The name resolves to an address that is private, loopback, link-local or otherwise not public."""


def is_public(address: Address) -> bool:
    """Whether an address is unicast and routed on the Internet. Of an IPv6 address with an embedded IPv4
    address, the latter is checked."""
    if isinstance(address, IPv6Address):
        within = _embedded(address)
        if within is not None:
            return is_public(within)
        if address not in _UNICAST or any(address in network for network in _NEVER):
            return False
    elif any(address in network for network in _NEVER_IPV4):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


async def resolve(host: str, port: int) -> list[str]:
    """Resolves a name as the system does, in a thread of its own, because a slow name server would occupy one
    of the few threads of the event loop."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str], error: OSError | None) -> None:
        if answer.done():
            return  # The caller was cancelled.
        if error is None:
            answer.set_result(addresses)
        else:
            answer.set_exception(error)

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            callback = partial(settle, [], error if isinstance(error, OSError) else OSError(str(error)))
        else:
            callback = partial(settle, list(dict.fromkeys(str(each[4][0]) for each in found)), None)
        with suppress(RuntimeError):  # The loop may have been closed in the meantime.
            loop.call_soon_threadsafe(callback)

    Thread(target=ask, name="resolve", daemon=True).start()
    return await answer


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Network backend that connects to checked addresses; TLS and the request keep the host's name."""

    def __init__(self, resolve: Resolve = resolve, *, private_addresses: bool = False) -> None:
        self._resolve, self.private_addresses = resolve, private_addresses
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises NotPublic even if only some of the addresses are private, since such a name is
        suspicious."""
        try:
            addresses = await self._resolve(host.strip("[]"), port)
        except OSError as error:
            raise Unresolved from error
        if not self.private_addresses and not all(is_public(ip_address(each)) for each in addresses):
            raise NotPublic
        failure: Exception = Unresolved()
        for address in addresses[:_MOST_TRIED]:
            try:
                return await self._backend.connect_tcp(address, port, _CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class Unresolved(Exception):
    """The name has no address."""
