"""What counts as one client where requests are counted by their address."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Site = tuple[int, int]
"""What counts as one client: see `site_of`."""

_IPV6_SITE_BITS = 64


@lru_cache(maxsize=4_096)
def site_of(ip: str | None) -> Site:
    """What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, which one household has.
    All whose address is not known are one."""
    address = parsed(ip or "")
    if address is None:
        return 0, 0
    shift = _IPV6_SITE_BITS if address.version == 6 else 0
    return address.version, int(address) >> shift


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
