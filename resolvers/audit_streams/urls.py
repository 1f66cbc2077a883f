"""Checks of audit stream URLs that need no DNS. Addresses are checked at delivery."""

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

from resolvers.audit_streams.public_addresses import is_public
from resolvers.hosts import address_without_zone, ascii_host
from resolvers.user_errors import UserErrors, invalid

_HIDDEN = re.compile(r"[\s\\\x00-\x1f\x7f]")
"""Parsers drop some of these, or take a backslash for a slash."""
_FIRST_UNPRIVILEGED_PORT = 1024


def clean_stream_url(text: str, *, private_addresses: bool) -> str:
    """Normalises the host to lower case and ASCII. Raises `UserErrors` with a message that says what would be
    valid."""
    url = text.strip()
    if _HIDDEN.search(url):
        raise _wrong("A URL must not have spaces, control characters or backslashes: percent-encode them.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _wrong("This is not a URL, such as https://example.com/audit.") from None
    _refuse_parts(parts, host, private_addresses=private_addresses)
    host = _clean_host(host, private_addresses=private_addresses)
    _refuse_port(port, private_addresses=private_addresses)
    shown = f"[{host}]" if ":" in host else host
    url = urlunsplit(parts._replace(netloc=shown if port is None else f"{shown}:{port}", fragment=""))
    if not url.isascii():
        raise _wrong("A URL must be ASCII: percent-encode other characters.")
    return url


def _refuse_parts(parts: SplitResult, host: str, *, private_addresses: bool) -> None:
    if parts.scheme not in (("https", "http") if private_addresses else ("https",)):
        raise _wrong("An audit stream's URL must start with https://.")
    if not host:
        raise _wrong("An audit stream's URL must have a host, such as https://example.com/audit.")
    if "@" in parts.netloc:
        raise _wrong(
            "An audit stream's URL must not have a user name or password: deliveries are signed instead."
        )
    if parts.fragment:
        raise _wrong("An audit stream's URL must not have a fragment: remove # and what follows it.")


def _clean_host(host: str, *, private_addresses: bool) -> str:
    try:
        address = address_without_zone(host)
    except ValueError:
        return _clean_name(host, private_addresses=private_addresses)
    if not (private_addresses or is_public(address)):
        raise _wrong("This address is not public: use a host on the Internet.")
    return str(address)


def _clean_name(host: str, *, private_addresses: bool) -> str:
    try:
        name = ascii_host(host)
    except (ValueError, UnicodeError):
        raise _wrong("This is not a host name, such as example.com.") from None
    if "." not in name and not private_addresses:
        raise _wrong("This host name is not public: use a host on the Internet.")
    return name


def _refuse_port(port: int | None, *, private_addresses: bool) -> None:
    usual = (443, 80) if private_addresses else (443,)
    if port is not None and port not in usual and port < _FIRST_UNPRIVILEGED_PORT:
        raise _wrong("An audit stream's port must be 443, or 1024 or above.")


def _wrong(message: str) -> UserErrors:
    return invalid(message, "url")
