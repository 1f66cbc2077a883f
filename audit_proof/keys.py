"""Ed25519 keys as text in base64url without padding, as in JSON Web Keys."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def public_key_from(text: str) -> Ed25519PublicKey:
    """Raises ValueError."""
    try:
        return Ed25519PublicKey.from_public_bytes(decoded(text))
    except ValueError:
        raise ValueError("must be 32 bytes in base64url: 43 characters") from None


def written(key: Ed25519PublicKey) -> str:
    return encoded(key.public_bytes_raw())


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private_key_from(text: str) -> Ed25519PrivateKey:
    """Raises ValueError."""
    return Ed25519PrivateKey.from_private_bytes(decoded(text.strip()))
