"""Host names and addresses of the Internet, in one normalised form."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

import idna

from models.text_forms import folded

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""Last label that makes a host name an IPv4 address for browsers, as in `127.1` and `0x7f000001`."""
_ENCODED_LABEL = re.compile(r"xn--[a-z0-9-]+")
_OTHER_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_PREFIX = "xn--"
_MOST, _MOST_LABEL = 253, 63
"""Bytes of a host name and of a label (RFC 1035, section 2.3.4)."""
_MOST_TYPED_TO_KEPT = 4
"""Maximum ratio of the length before and after composition: a letter can have three combining marks."""


def ascii_host(text: str) -> str:
    """Returns the host name mapped by UTS 46 and encoded by IDNA 2008, without a trailing dot. Underscores
    are accepted, because DNS allows them (RFC 2181, section 11), but not in the last label. Raises
    `ValueError`, for a text that is too long before a label of it is encoded, which takes much longer."""
    labels = _mapped(text.strip()).removesuffix(".").split(".")
    if any(len(label) > _MOST_LABEL for label in labels):
        raise ValueError("a label is too long")
    labels = [_ascii_label(label) for label in labels]
    host = ".".join(labels)
    if len(host) > _MOST or _NUMBER.fullmatch(labels[-1]) or "_" in labels[-1]:
        raise ValueError("no host name")
    return host


def address_without_zone(text: str) -> IPv4Address | IPv6Address:
    """Returns the IP address that the text is. Raises `ValueError`, also for an address with a zone, such as
    `fe80::1%eth0`: a zone can be any text, and means something on one machine only."""
    if "%" in text:
        raise ValueError("zone")
    return ip_address(text)


def unicode_host(host: str) -> str:
    """The form for display of a result of `ascii_host`."""
    if _PREFIX not in host:
        return host
    return ".".join(idna.ulabel(label) if label.startswith(_PREFIX) else label for label in host.split("."))


def folded_host(text: str) -> str:
    """Folded form, for comparing, of a host name or a part of one, in any spelling. Never raises."""
    host = folded(text.strip()).translate(_OTHER_DOTS).removesuffix(".")
    return ".".join(_readable(label) for label in host.split(".")) if _PREFIX in host else host


def folded_hosts(text: str) -> str:
    """The folded text with the host names in it in their form for display."""
    return _ENCODED_LABEL.sub(lambda label: _readable(label[0]), text)


def folded_address(text: str) -> str:
    """Folded form of an email address or a part of one. The part after the @ is a host name; without an @,
    the whole text is read as one."""
    local, at, domain = text.rpartition("@")
    return folded(local) + at + folded_host(domain)


def _mapped(text: str) -> str:
    """The text mapped by UTS 46. Raises ValueError as soon as its encoded form would be too long."""
    if len(text) > _MOST * _MOST_TYPED_TO_KEPT:
        raise ValueError("too long")
    mapped: list[str] = []
    length = 0
    for typed in text.translate(_OTHER_DOTS).split("."):
        if len(typed) > _MOST_LABEL * _MOST_TYPED_TO_KEPT:
            raise ValueError("a label is too long")
        label = idna.uts46_remap(typed, std3_rules=False)
        mapped.append(label)
        # Punycode writes each character that is not ASCII as one digit or more.
        length += len(label) + (0 if label.isascii() else len(_PREFIX)) + len(".")
        if length > _MOST + 2:  # The last label, and the root after a trailing dot, count a dot too.
            raise ValueError("too long")
    return ".".join(mapped)


def _ascii_label(label: str) -> str:
    """Raises ValueError (`idna.IDNAError` is one)."""
    if label.startswith(_PREFIX) or not label.isascii():
        return idna.alabel(label).decode()
    if not _LABEL.fullmatch(label) or label[2:4] == "--":
        raise ValueError("no label")
    return label


def _readable(label: str) -> str:
    if len(label) > _MOST_LABEL:
        return label
    try:
        return folded(idna.ulabel(label))
    except (idna.IDNAError, UnicodeError):
        return label
