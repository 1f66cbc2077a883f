"""JSON encoder for responses."""

import json
import math

import orjson


def encode(answer: object) -> bytes:
    """Encodes with orjson, or with the slower standard library where orjson refuses a value, such as an
    integer of more than 64 bits. Raises TypeError, ValueError or RecursionError where the value is not
    JSON."""
    try:
        return _dumps(answer)
    except TypeError:
        return json.dumps(_plain(answer), ensure_ascii=False, allow_nan=False, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    return orjson.loads(_dumps(value))


def _dumps(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
