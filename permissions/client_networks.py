"""Networks from which an API key is accepted."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from permissions.client_sites import parsed

Network = IPv4Network | IPv6Network


def admits(networks: str, ip: str | None) -> bool:
    """Whether a client with this address is in one of the comma-separated networks. Every client is, if there
    are none; a client whose address is not known is in no network."""
    if not networks:
        return True
    address = parsed(ip or "")
    return address is not None and any(address in network for network in _networks_of(networks))


@lru_cache(maxsize=4_096)
def _networks_of(text: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, text.split(",")))
