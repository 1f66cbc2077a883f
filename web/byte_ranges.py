"""Byte ranges, entity tags and file names of downloads, by RFC 9110 and RFC 6266."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_RANGE = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))\s*", re.ASCII | re.IGNORECASE)
_TOKEN = "!#$&+-.^_`|~"  # noqa: S105 - characters besides letters and digits that RFC 8187 does not encode


@dataclass(frozen=True)
class ByteRange:
    """The bytes from `start` up to and excluding `end`, of a file of `size` bytes."""

    start: int
    end: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


class NotSatisfiable(Exception):
    """The file has none of the requested bytes (status 416)."""


def is_unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client already has this version, by If-None-Match."""
    header = headers.get("if-none-match")
    if header is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or f'"{etag}"' in tags


def requested_range(headers: Mapping[str, str], size: int, etag: str | None) -> ByteRange | None:
    """The requested range. None for the whole file: also where the header is malformed, has several
    ranges, or is for another version (If-Range). Raises NotSatisfiable."""
    match = _RANGE.fullmatch(headers.get("range", ""))
    if match is None or headers.get("if-range", f'"{etag}"') != f'"{etag}"':
        return None
    first, last, suffix = (int(digits) if digits else None for digits in match.groups())
    if first is None:
        byte_range = ByteRange(max(size - (suffix or 0), 0), size, size)
    elif last is not None and last < first:
        return None
    else:
        byte_range = ByteRange(first, size if last is None else min(last + 1, size), size)
    if byte_range.start >= byte_range.end:
        raise NotSatisfiable
    return byte_range


def attachment(file_name: str) -> str:
    """The Content-Disposition header: the file name in ASCII, and in UTF-8 where that differs."""
    plain = unicodedata.normalize("NFKD", file_name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[^ -~]|["\\%/]', "_", plain) or "download"
    if plain == file_name:
        return f'attachment; filename="{plain}"'
    exact = quote(file_name, safe=_TOKEN, errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
