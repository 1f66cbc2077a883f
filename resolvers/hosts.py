"""Host names of the Internet, in one normalised form."""

import re

import idna

from models.text_forms import folded

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""Last label that makes a host name an IPv4 address for browsers, as in `127.1` and `0x7f000001`."""
_ENCODED_LABEL = re.compile(r"xn--[a-z0-9-]+")
_OTHER_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_MOST = 253
_MOST_TYPED = 1_000


def ascii_host(text: str) -> str:
    """Returns the host name mapped by UTS 46 and encoded by IDNA 2008, without a trailing dot. Underscores
    are accepted, because DNS allows them (RFC 2181, section 11), but not in the last label. Raises
    `ValueError`."""
    if len(text) > _MOST_TYPED:
        raise ValueError("too long")
    mapped = idna.uts46_remap(text.strip(), std3_rules=False).translate(_OTHER_DOTS).removesuffix(".")
    labels = [_ascii_label(label) for label in mapped.split(".")]
    host = ".".join(labels)
    if len(host) > _MOST or _NUMBER.fullmatch(labels[-1]) or "_" in labels[-1]:
        raise ValueError("no host name")
    return host


def unicode_host(host: str) -> str:
    """The form for display of a result of `ascii_host`."""
    return ".".join(idna.ulabel(label) if label.startswith("xn--") else label for label in host.split("."))


def folded_host(text: str) -> str:
    """Folded form, for comparing, of a host name or a part of one, in any spelling. Never raises."""
    host = folded(text.strip()).translate(_OTHER_DOTS).removesuffix(".")
    return ".".join(_readable(label) for label in host.split(".")) if "xn--" in host else host


def folded_hosts(text: str) -> str:
    """The folded text with the host names in it in their form for display."""
    return _ENCODED_LABEL.sub(lambda label: _readable(label[0]), text)


def folded_address(text: str) -> str:
    """Folded form of an email address or a part of one. The part after the @ is a host name; without an @,
    the whole text is read as one."""
    local, at, domain = text.rpartition("@")
    return folded(local) + at + folded_host(domain)


def _ascii_label(label: str) -> str:
    """Raises ValueError (`idna.IDNAError` is one)."""
    if label.startswith("xn--") or not label.isascii():
        return idna.alabel(label).decode()
    if not _LABEL.fullmatch(label) or label[2:4] == "--":
        raise ValueError("no label")
    return label


def _readable(label: str) -> str:
    try:
        return folded(idna.ulabel(label))
    except (idna.IDNAError, UnicodeError):
        return label
