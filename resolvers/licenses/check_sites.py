"""Sites from which themes check their licenses: whether a license holds there."""

import re
from collections.abc import Collection
from contextlib import suppress
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from resolvers.hosts import address_without_zone, ascii_host, unicode_host

_PORT = re.compile(r"[:\uff1a][0-9]{1,5}\Z")
_BRACKETED = re.compile(r"\[([0-9a-fA-F:.]+)\]")
_LOCAL_DOMAINS = ("localhost", "test", "local")
"""Reserved for uses without public DNS: RFC 6761, sections 6.2 and 6.3, and RFC 6762."""
_STAGING_LABELS = ("staging", "stage", "dev", "test")

Host: TypeAlias = str | IPv4Address | IPv6Address


class LicenseEnvironment(StrEnum):
    PRODUCTION = "PRODUCTION"
    STAGING = "STAGING"


def host_of(site: str) -> Host:
    """The host that a site names, without its port, in the form in which licenses store it. Raises ValueError
    where it names none."""
    text = _PORT.sub("", site.strip()) if site.count(":") == 1 or "]" in site else site.strip()
    if ":" in text or text[-1:].isdecimal():  # As in each IP address.
        bracketed = _BRACKETED.fullmatch(text)
        with suppress(ValueError):
            return address_without_zone(bracketed[1] if bracketed else text)
    return unicode_host(ascii_host(text))


def environment_of(
    licensed_site: str, host: Host, staging_hosts: Collection[str]
) -> LicenseEnvironment | None:
    """Returns what the host is for a license: the licensed site, or a copy that needs no license of its own.
    None where it is neither."""
    if not isinstance(host, str):
        return LicenseEnvironment.STAGING if host.is_private or host.is_link_local else None
    licensed, asked = licensed_site.removeprefix("www."), host.removeprefix("www.")
    if asked == licensed:
        return LicenseEnvironment.PRODUCTION
    label, _, rest = asked.partition(".")
    if label in _STAGING_LABELS and rest.removeprefix("www.") == licensed:
        return LicenseEnvironment.STAGING
    if any(_is_below(asked, each) for each in (*_LOCAL_DOMAINS, *staging_hosts)):
        return LicenseEnvironment.STAGING
    return None


def _is_below(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)
