"""Sites of licenses: host names."""

import re

from resolvers.hosts import ascii_host, unicode_host
from resolvers.user_errors import UserErrors, invalid

_DEFAULT_PORT = re.compile(r"[:\uff1a](80|443)\Z")


def clean_site(text: str) -> str:
    """The host name in lower case and Unicode (`bücher.example`), without a trailing dot or default port. All
    spellings of a host give the same result. Raises `UserErrors`."""
    try:
        host = ascii_host(_DEFAULT_PORT.sub("", text.strip()))
    except (ValueError, UnicodeError):
        raise _no_host() from None
    if "." not in host:
        raise _no_host()
    return unicode_host(host)


def _no_host() -> UserErrors:
    return invalid(
        "A site must be a host name, such as www.example.com: no http://, path or user name.", "site"
    )
