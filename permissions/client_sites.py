"""Groups of client addresses that count as one client for rate limits."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Site = tuple[int, int]
"""IP version and number of a client's address or network."""

_IPV6_SITE_BITS = 64


@lru_cache(maxsize=4_096)
def site_of(ip: str | None) -> Site:
    """Returns the IPv4 address, or the IPv6 network of 64 bits, which is what one household has. All unknown
    addresses are one site."""
    address = parsed(ip or "")
    if address is None:
        return 0, 0
    shift = _IPV6_SITE_BITS if address.version == 6 else 0
    return address.version, int(address) >> shift


def site_name(ip: str | None) -> str:
    """The site as text."""
    return ":".join(map(str, site_of(ip)))


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address without a zone (`fe80::1%eth0`), which proxies can report and which can be any text; an
    IPv4-mapped IPv6 address as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))
