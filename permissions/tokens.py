"""Secrets that are shown once: 256 random bits, of which only the SHA-256 is stored."""

from hashlib import sha256
from secrets import token_urlsafe


def new_token() -> tuple[str, bytes]:
    """The token, 43 characters of base64url, and the hash to store."""
    token = token_urlsafe(32)
    return token, hash_token(token)


def hash_token(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
