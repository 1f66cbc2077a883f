"""Client address of a request: that of the connection, or the one that trusted proxies report."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_network

from starlette.requests import HTTPConnection

from permissions.client_sites import parsed

_MAX_HOPS = 20


class Proxies:
    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ip_network(network) for network in networks]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client_of(self, connection: HTTPConnection) -> str | None:
        """The last address in X-Forwarded-For, or of the connection, that is not a trusted proxy. The
        addresses before it are not trustworthy: the client may have sent them."""
        peer = connection.client.host if connection.client else None
        if peer is None:
            return None
        if not self._networks:
            return _canonical(peer)
        hops = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
        client = _canonical(peer)
        for hop in reversed(hops[-_MAX_HOPS:]):
            address = parsed(_without_port(hop))
            if address is None or not self.trusts(client):
                break
            client = str(address)
        return client

    def trusts(self, text: str) -> bool:
        """Whether the address belongs to a trusted proxy."""
        address = parsed(text)
        return address is not None and any(
            address.version == network.version and address in network for network in self._networks
        )


@lru_cache(maxsize=4_096)
def _canonical(ip: str) -> str:
    """The address in canonical notation; an IPv4-mapped IPv6 address as IPv4."""
    return str(parsed(ip) or ip)


def _without_port(hop: str) -> str:
    """Removes the port that some proxies add: `203.0.113.7:4711`, `[2001:db8::1]:4711`."""
    hop = hop.strip()
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
