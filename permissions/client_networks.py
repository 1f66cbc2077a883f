"""Networks from which an API key is accepted."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from cachetools import LRUCache, cached

from permissions.client_sites import parsed

Network = IPv4Network | IPv6Network
_MOST_KEPT = 16_384
"""Number of parsed networks that are kept, each of about 150 bytes. A key has 100 at most."""


def admits(networks: str, ip: str | None) -> bool:
    """Whether a client with this address is in one of the comma-separated networks. Every client is, if there
    are none; a client whose address is not known is in no network."""
    if not networks:
        return True
    address = parsed(ip or "")
    return address is not None and any(address in network for network in _networks_of(networks))


@cached(LRUCache[str, tuple[Network, ...]](_MOST_KEPT, getsizeof=len))
def _networks_of(text: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, text.split(",")))
