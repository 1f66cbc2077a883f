"""What of a file a request asks for, and how the file is called: RFC 9110 and 6266."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_RANGE = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))\s*", re.ASCII | re.IGNORECASE)
_TOKEN = "!#$&+-.^_`|~"  # noqa: S105 - what RFC 8187 leaves as it is, besides letters and digits


@dataclass(frozen=True)
class Part:
    """The bytes from `start` up to but without `end`, of so many."""

    start: int
    end: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


class NotSatisfiable(Exception):
    """The file has none of the bytes that are asked for."""


def is_unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client has it already: If-None-Match."""
    known = headers.get("if-none-match")
    if known is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return "*" in tags or f'"{etag}"' in tags


def asked_part(headers: Mapping[str, str], size: int, etag: str | None) -> Part | None:
    """None for all of it: also where several parts are asked for, or those of another version (If-Range),
    or what is no range. Raises NotSatisfiable."""
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", f'"{etag}"') != f'"{etag}"':
        return None
    first, last, suffix = (int(digits) if digits else None for digits in found.groups())
    if first is None:
        part = Part(max(size - (suffix or 0), 0), size, size)
    elif last is not None and last < first:
        return None
    else:
        part = Part(first, size if last is None else min(last + 1, size), size)
    if part.start >= part.end:
        raise NotSatisfiable
    return part


def attachment(file_name: str) -> str:
    """A Content-Disposition: the name in ASCII, and as it is where that is another."""
    plain = unicodedata.normalize("NFKD", file_name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[^ -~]|["\\%/]', "_", plain) or "download"
    if plain == file_name:
        return f'attachment; filename="{plain}"'
    exact = quote(file_name, safe=_TOKEN, errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
