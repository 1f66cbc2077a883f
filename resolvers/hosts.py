"""Host names of the Internet, in one normalised form."""

import re

import idna

from models.text_forms import folded

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""What ends in one is an IPv4 address, as browsers read it: `127.1` and `0x7f000001` are."""
_OTHER_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_MOST = 253
_MOST_TYPED = 1_000


def ascii_host(text: str) -> str:
    """Mapped by UTS 46, encoded by IDNA 2008, without the dot of the root at its end. Underscores are taken,
    as DNS has them (RFC 2181, section 11), but not in the last label. Raises ValueError."""
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
    """The folded form of a host name, or of a part of one, in whichever spelling. Any text has one."""
    host = folded(text.strip()).translate(_OTHER_DOTS).removesuffix(".")
    return ".".join(_readable(label) for label in host.split(".")) if "xn--" in host else host


def folded_address(text: str) -> str:
    """The same of an email address: what follows the @ is a host name, and so may be all of it."""
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
