"""Email headers by RFC 5322 and RFC 2047, the same on every version of Python.

Before Python 3.13 the `email` package puts the space between two encoded words outside of both, where
receivers drop it: "Ana María" arrives as "AnaMaría". This module encodes a text as a whole, so that its
spaces are inside the encoded words.
"""

import re
from collections.abc import Iterable
from email.charset import Charset
from email.headerregistry import Address, AddressHeader, UnstructuredHeader
from email.policy import EmailPolicy
from itertools import repeat
from typing import Any

LINE_LIMIT = 78
_ENCODED_WORD_LIMIT = 75
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')
_TEXTS = {"subject", "comments"}
_UTF8 = Charset("utf-8")


class HeaderPolicy(EmailPolicy):
    """`email.policy.SMTP` with another encoding and folding of texts and display names."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Stores a text unchanged. The package would decode encoded words in it, so that a person's name
        could contain characters that names may not contain."""
        if name.lower() not in _TEXTS:
            return super().header_store_parse(name, value)
        if len(value.splitlines()) > 1:
            raise ValueError("a header must be one line")
        return name, str(value)

    def fold(self, name: str, value: Any) -> str:
        if isinstance(value, AddressHeader):
            return _folded(name, _address_list(name, value.addresses))
        if isinstance(value, UnstructuredHeader) or name.lower() in _TEXTS:
            return _folded(name, _text(name, str(value)))
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: object) -> bytes:
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii")


POLICY = HeaderPolicy(linesep="\r\n")


def _folded(name: str, words: Iterable[str]) -> str:
    """Folds the words into as few lines as possible. A word that is longer than a line has its own line."""
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > LINE_LIMIT and lines != [f"{name}:"]:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"


def _address_list(name: str, addresses: Iterable[Address]) -> list[str]:
    words: list[str] = []
    for address in addresses:
        if words:
            words[-1] += ","
        if address.display_name:
            words += [*_phrase(name, address.display_name), f"<{address.addr_spec}>"]
        else:
            words.append(address.addr_spec)
    return words


def _phrase(name: str, text: str) -> list[str]:
    if _SPECIALS.search(text):
        quoted = '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
        return quoted.split(" ") if _is_plain(name, quoted) else _encoded_words(name, text)
    return _text(name, text)


def _text(name: str, text: str) -> list[str]:
    # Links and ids in angle brackets are never encoded: there is no other way to write them.
    is_bracketed = text.isascii() and text.startswith("<") and text.endswith(">")
    if is_bracketed or _is_plain(name, text):
        return text.split(" ")
    return _encoded_words(name, text)


def _is_plain(name: str, text: str) -> bool:
    """Whether the text can be folded at its spaces and read back unchanged."""
    words = text.split(" ")
    return (
        text.isascii()
        and text.isprintable()
        and "=?" not in text
        and all(0 < len(word) <= LINE_LIMIT - len(f"{name}: ") for word in words)
    )


def _encoded_words(name: str, text: str) -> list[str]:
    """Encoded words that split no character. Raises ValueError if the text is not valid Unicode."""
    limit = min(_ENCODED_WORD_LIMIT, LINE_LIMIT - len(f"{name}: "))
    return [word for word in _UTF8.header_encode_lines(text, repeat(limit)) if word]
