import orjson


def canonical_json(value: object) -> str:
    """Sorted keys and no spaces: what is hashed must read the same in every language."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
