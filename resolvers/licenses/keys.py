"""License keys: `TL-XXXX-XXXX-XXXX-XXXX`, Crockford's base 32, the last character a check of the others."""

import re
from operator import mul
from secrets import token_bytes

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE_OF = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS = range(1, 30, 2)  # Odd: no single wrong character keeps the sum modulo 32.
_KEY = re.compile(f"TL(-[{_ALPHABET}]{{4}}){{4}}")


def new_license_key() -> str:
    """A key with 15 random characters (75 bits)."""
    return license_key([byte % 32 for byte in token_bytes(15)])


def license_key(values: list[int]) -> str:
    """The key of 15 characters, by their places in the alphabet, and their sum modulo 32, weighted by
    position."""
    characters = "".join(_ALPHABET[value] for value in (*values, _check(values)))
    return "TL-" + "-".join(characters[start : start + 4] for start in range(0, 16, 4))


def license_key_of(text: str) -> str | None:
    """The key in upper case, as it is stored; None where the text cannot be a key."""
    key = text.strip().upper()
    if not _KEY.fullmatch(key):
        return None
    *values, last = map(_VALUE_OF.__getitem__, key.removeprefix("TL-").replace("-", ""))
    return key if last == _check(values) else None


def _check(values: list[int]) -> int:
    weighted: int = sum(map(mul, _WEIGHTS, values))
    return weighted % 32
