"""Reads the networks from which an API key is to be accepted."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from resolvers.user_errors import UserErrors, invalid

_MAPPED = IPv6Network("::ffff:0:0/96")


def clean_networks(texts: Sequence[str]) -> list[str]:
    """The networks in CIDR notation, without duplicates. A single address is a network too. Raises
    `UserErrors`."""
    return list(dict.fromkeys(str(_network(text.strip())) for text in texts))


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text.replace("%", " "), strict=False)  # No zone of an interface.
    except ValueError:
        raise _invalid(f"{text!r} is no network: write it like 203.0.113.0/24 or 2001:db8::/32.") from None
    if network.prefixlen == 0:
        raise _invalid(f"{text} admits every address: name networks, or none for a key without this limit.")
    if ip_address(text.partition("/")[0]) != network.network_address:
        raise _invalid(f"{text} is an address within a network: write {network} for the network.")
    is_mapped = isinstance(network, IPv6Network) and network.subnet_of(_MAPPED)
    return _unmapped(network) if is_mapped else network


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network:
    """The IPv4 network of mapped addresses: clients with them are compared by their IPv4 address."""
    return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))


def _invalid(message: str) -> UserErrors:
    return invalid(message, "allowedNetworks")
