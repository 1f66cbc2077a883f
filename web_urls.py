"""Hosts, origins and URLs in the normalised form in which browsers send them and this server compares them:
lowercase, IDNA, without a default port."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urlsplit

import idna

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_HOST_LENGTH = 253
_MAX_URL_LENGTH = 2_000
_URL_CHARACTERS = "%/?#[]@!$&'()*+,;=:~{}"
_PLACEHOLDER = "{token}"


def normal_host(host: str) -> str:
    """Normalises a host name or an IP address. IPv6 addresses are in brackets. Raises ValueError."""
    try:
        if host.startswith("[") and host.endswith("]"):
            return f"[{IPv6Address(host[1:-1]).compressed}]"
        name = _ascii(host)
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            return str(IPv4Address(name))  # Browsers parse every name that ends in a number as an IP address.
    except ValueError:
        raise ValueError(f"must have a host name or an IP address for its host: {host} is neither") from None
    if len(name) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"must have a host name or an IP address for its host: {host} is neither")
    return name


def _ascii(host: str) -> str:
    return host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()


def normal_authority(parts: SplitResult) -> str:
    """Host and port of a URL, without the default port of its scheme. Raises ValueError."""
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or a password")
    if not parts.hostname:
        raise ValueError("must contain a host name")
    host = normal_host(f"[{parts.hostname}]" if parts.netloc.startswith("[") else parts.hostname)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("must have a port from 1 to 65535, or none")
    return host if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{port}"


def normal_origin(text: str) -> str:
    """Normalises `HTTPS://App.Example.com:443/` to `https://app.example.com`. Raises ValueError if the text
    is more than an origin."""
    parts = _split(text)
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError("must be an origin such as https://app.example.com, without a path")
    return f"{parts.scheme}://{normal_authority(parts)}"


def origin_of(url: str) -> str:
    """Origin of a URL. Raises ValueError."""
    parts = _split(url)
    return f"{parts.scheme}://{normal_authority(parts)}"


def normal_url(text: str) -> str:
    """Normalises an http or https URL without a user name; its path, query and fragment are percent-encoded
    where necessary. Raises ValueError."""
    if "{" in text or "}" in text:
        raise ValueError("must not contain braces: write %7B and %7D")
    return _normalised(text)


def token_link(text: str) -> str:
    """Normalises a URL that contains `{token}` once, in its path, query or fragment. Raises ValueError."""
    around = text.split(_PLACEHOLDER)
    if len(around) != 2:
        raise ValueError("must contain {token} once, in whose place the link's token is put")
    if any(brace in part for part in around for brace in "{}"):
        raise ValueError("must not contain braces beside those of {token}: write %7B and %7D")
    if _PLACEHOLDER in _split(text).netloc:
        raise ValueError("must contain {token} in its path, query or fragment, not in its host name")
    return _normalised(text)


def _normalised(text: str) -> str:
    parts = _split(text)
    rest = text.partition("://")[2][len(parts.netloc) :]
    return f"{parts.scheme}://{normal_authority(parts)}{quote(rest, safe=_URL_CHARACTERS)}"


def _split(text: str) -> SplitResult:
    if len(text) > _MAX_URL_LENGTH:
        raise ValueError(f"must have {_MAX_URL_LENGTH:,} characters at most")
    if any(character <= " " or character in "\\\x7f" or character.isspace() for character in text):
        raise ValueError("must not contain spaces, backslashes or control characters: write %20 for a space")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("must be a URL that starts with http:// or https://") from None
    if parts.scheme not in _DEFAULT_PORTS or not text.lower().startswith(f"{parts.scheme}://"):
        raise ValueError("must be a URL that starts with http:// or https://")
    return parts


def is_of_this_machine(name: str) -> bool:
    """Whether a host name or IP address is one that only this machine can reach."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
