"""License keys: `TL-XXXX-XXXX-XXXX-XXXX`, Crockford's base 32, the last character a check of the others."""

from secrets import token_bytes

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_license_key() -> str:
    """15 random characters (75 bits), and their sum modulo 32, weighted by position."""
    values = [byte % 32 for byte in token_bytes(15)]
    characters = "".join(_ALPHABET[value] for value in (*values, _check(values)))
    return "TL-" + "-".join(characters[start : start + 4] for start in range(0, 16, 4))


def is_license_key(key: str) -> bool:
    characters = key.removeprefix("TL-").replace("-", "")
    if len(characters) != 16 or any(character not in _ALPHABET for character in characters):
        return False
    values = [_ALPHABET.index(character) for character in characters]
    return values[-1] == _check(values[:-1])


def _check(values: list[int]) -> int:
    # Odd weights: no single wrong character keeps the sum modulo 32.
    return sum((2 * index + 1) * value for index, value in enumerate(values)) % 32
