"""Where a theme is used: a host name, in the one form that it is compared in."""

import re

import idna

from resolvers.refusals import Refused, invalid

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""What ends in one is an IPv4 address, as browsers read it."""
_MOST = 253


def clean_site(text: str) -> str:
    """Lower case, Unicode as it is written (`bücher.example`), without a dot at its end. Raises `Refused`."""
    host = text.strip().lower()
    if len(host) > _MOST or any(character in host for character in "/:@?#[] \\"):
        raise _no_host()
    ascii_host = unicode_host = host
    if not host.isascii() or "xn--" in host:
        try:
            ascii_host = idna.encode(host, uts46=True).decode()
            unicode_host = idna.decode(ascii_host)
        except (idna.IDNAError, UnicodeError):
            raise _no_host() from None
    labels = ascii_host.split(".")
    if len(ascii_host) > _MOST or len(labels) < 2 or _NUMBER.fullmatch(labels[-1]):
        raise _no_host()
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_host()
    return unicode_host


def _no_host() -> Refused:
    return invalid(
        "A site is a host name, such as www.example.com: no http://, port, path or dot at its end.", "site"
    )
