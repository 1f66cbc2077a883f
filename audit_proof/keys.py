"""Ed25519 keys as text in base64url without padding, as in JSON Web Keys."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class VerifyingKey(Protocol):
    """A public key, or several of which one has signed."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises InvalidSignature."""


@dataclass(frozen=True)
class AnyKey:
    """The public key of now and those of earlier signing keys."""

    keys: Sequence[Ed25519PublicKey]

    def verify(self, signature: bytes, data: bytes) -> None:
        for key in self.keys:
            try:
                return key.verify(signature, data)
            except InvalidSignature:
                continue
        raise InvalidSignature


def verifying_key_from(text: str) -> VerifyingKey:
    """Parses public keys, comma-separated. Raises ValueError."""
    return AnyKey([public_key_from(each.strip()) for each in text.split(",")])


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
