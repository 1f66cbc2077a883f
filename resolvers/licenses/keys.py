"""License keys: `TL-XXXX-XXXX-XXXX-XXXX`, Crockford's base 32, the last character a check of the others."""

import re
from secrets import token_bytes

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KEY = re.compile(f"TL(-[{_ALPHABET}]{{4}}){{4}}")


def new_license_key() -> str:
    """15 random characters (75 bits), and their sum modulo 32, weighted by position."""
    values = [byte % 32 for byte in token_bytes(15)]
    characters = "".join(_ALPHABET[value] for value in (*values, _check(values)))
    return "TL-" + "-".join(characters[start : start + 4] for start in range(0, 16, 4))


def license_key_of(text: str) -> str | None:
    """The key in upper case, as it is stored; None where the text cannot be a key."""
    key = text.strip().upper()
    if not _KEY.fullmatch(key):
        return None
    values = [_ALPHABET.index(character) for character in key.removeprefix("TL-").replace("-", "")]
    return key if values[-1] == _check(values[:-1]) else None


def _check(values: list[int]) -> int:
    # Odd weights: no single wrong character keeps the sum modulo 32.
    return sum((2 * index + 1) * value for index, value in enumerate(values)) % 32
