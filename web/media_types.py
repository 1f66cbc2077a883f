"""Parser of media types and Accept headers, by RFC 9110 (8.3.1, 12.5.1)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_TYPE = re.compile(rf"\s*+({_NAME}/{_NAME})\s*+")
_PARAMETER = re.compile(rf";\s*+(?:({_NAME})=({_NAME}|{_QUOTED})\s*+)?")
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")
# Up to the next comma outside of quotes.
_ELEMENT = re.compile(rf"(?:[^,\"]++|{_QUOTED}|\")++")
_MAX_CHARACTERS = 1_000
"""Longest header that is parsed: unterminated quotes take quadratic time."""
_ESCAPED = re.compile(r"\\(.)")


class MediaType(NamedTuple):
    """A media type in lower case, except parameter values. Of a repeated parameter the last one counts."""

    name: str
    parameters: dict[str, str]


def media_type_of(header: str) -> MediaType | None:
    """None where the header is not a media type."""
    match = _TYPE.match(header)
    if match is None or len(header) > _MAX_CHARACTERS:
        return None
    parameters, place = {}, match.end()
    while place < len(header):
        parameter = _PARAMETER.match(header, place)
        if parameter is None:
            return None
        if parameter[1] is not None:
            parameters[parameter[1].lower()] = _unquoted(parameter[2])
        place = parameter.end()
    return MediaType(match[1].lower(), parameters)


def accepted(header: str) -> Iterator[tuple[str, float]]:
    """The media ranges of an Accept header, each with its quality; malformed ones are ignored."""
    for element in _ELEMENT.findall(header[:_MAX_CHARACTERS]):
        media_type = media_type_of(element)
        if media_type is not None:
            quality = media_type.parameters.get("q", "1")
            if _QUALITY.fullmatch(quality):
                yield media_type.name, float(quality)


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
