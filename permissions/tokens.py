"""Secrets of 256 random bits, which are shown once. Only their SHA-256 is stored."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe
from zlib import crc32

API_KEY_PREFIX = "ta_"
_SHOWN_CHARACTERS = 11
_API_KEY = re.compile(r"ta_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})")


def new_token() -> tuple[str, bytes]:
    """Returns a token, 43 characters of base64url, and the hash to store."""
    token = token_urlsafe(32)
    return token, hash_token(token)


def hash_token(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_api_key() -> tuple[str, bytes]:
    """Returns a key and the hash to store. A key is `ta_`, 43 characters of base64url, and 6 characters for
    their CRC-32, by which secret scanners recognise leaked keys."""
    secret = token_urlsafe(32)
    key = f"{API_KEY_PREFIX}{secret}{_checksum(secret)}"
    return key, hash_token(key)


def looks_like_api_key(token: str) -> bool:
    """Whether the token is meant as an API key rather than a session's token. The latter has 43 characters
    and may begin with any."""
    return token.startswith(API_KEY_PREFIX) and len(token) != 43


def is_mangled(token: str) -> bool:
    """Whether the token is meant as an API key but is malformed."""
    return looks_like_api_key(token) and not is_api_key(token)


def is_api_key(token: str) -> bool:
    """Whether the token is well-formed and its checksum is correct. The key need not exist."""
    parts = _API_KEY.fullmatch(token)
    return parts is not None and _checksum(parts[1]) == parts[2]


def shown_prefix(key: str) -> str:
    """First characters of a key, by which people recognise it: 48 of its 256 bits."""
    return key[:_SHOWN_CHARACTERS]


def _checksum(secret: str) -> str:
    return urlsafe_b64encode(crc32(secret.encode()).to_bytes(4, "big")).decode().rstrip("=")
