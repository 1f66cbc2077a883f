"""Strict reading and writing of the JSON in an export's lines.

It uses orjson if that is installed, otherwise Python's `json` with the same values and bytes: the verifier
needs no package but `cryptography`.
"""

import json
from math import isinf
from typing import NoReturn

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]


def loads(text: bytes) -> object:
    """Raises ValueError if the text is not JSON in UTF-8."""
    return orjson.loads(text) if orjson is not None else loads_by_python(text)


def dumps(value: object) -> bytes:
    """Writes JSON without spaces, in UTF-8. Raises ValueError for lone surrogates."""
    return orjson.dumps(value) if orjson is not None else dumps_by_python(value)


def loads_by_python(text: bytes) -> object:
    try:
        value = json.loads(text.decode(), parse_constant=_refuse, parse_int=_integer, parse_float=_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    json.dumps(value, ensure_ascii=False).encode()  # Raises ValueError for lone surrogates.
    return value


def dumps_by_python(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _integer(digits: str) -> int | float:
    """Returns a float beyond 64 bits, as orjson does."""
    value = int(digits) if len(digits) <= 20 else None
    return value if value is not None and -(2**63) <= value < 2**64 else _float(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise ValueError("beyond the range of a 64-bit float")
    return value
