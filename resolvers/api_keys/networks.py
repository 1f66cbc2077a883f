"""Reads the networks from which an API key is to be accepted."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network

from resolvers.user_errors import UserErrors, invalid

_MAPPED = IPv6Network("::ffff:0:0/96")


def clean_networks(texts: Sequence[str]) -> list[str]:
    """The networks in CIDR notation, without duplicates. A single address is a network too. Raises
    `UserErrors`."""
    return list(dict.fromkeys(str(_network(text.strip())) for text in texts))


def are_within(networks: Sequence[str], current: Sequence[str]) -> bool:
    """Whether each address in the networks is in the current ones. No networks at all are every address."""
    if not current:
        return True
    return bool(networks) and _collapsed([*current, *networks]) == _collapsed(current)


def _collapsed(texts: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    """The fewest networks with the same addresses."""
    networks = [ip_network(text) for text in texts]
    old = (network for network in networks if isinstance(network, IPv4Network))
    new = (network for network in networks if isinstance(network, IPv6Network))
    return [*collapse_addresses(old), *collapse_addresses(new)]


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text.replace("%", " "), strict=False)  # No zone of an interface.
    except ValueError:
        raise _invalid(f"{text!r} is no network: write it like 203.0.113.0/24 or 2001:db8::/32.") from None
    if ip_address(text.partition("/")[0]) != network.network_address:
        raise _invalid(f"{text} is an address within a network: write {network} for the network.")
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        network = _unmapped(network)
    if network.prefixlen == 0:
        raise _invalid(f"{text} admits every address: name networks, or none for a key without this limit.")
    return network


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network:
    """The IPv4 network of mapped addresses: clients with them are compared by their IPv4 address."""
    return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))


def _invalid(message: str) -> UserErrors:
    return invalid(message, "allowedNetworks")
