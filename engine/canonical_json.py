from typing import Any, TypeAlias

import orjson

JSONObject: TypeAlias = dict[str, Any]
"""An object that was decoded from JSON. Who reads it knows what its values are."""


def canonical_json(value: object) -> str:
    """JSON with sorted keys and without spaces, so that a value has one spelling in every language. Used
    wherever JSON is hashed."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
