"""Ed25519 key that signs exports and prunings of the audit log, from the settings."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit_proof.keys import AnyKey, VerifyingKey, private_key_from, public_key_from
from resolvers.signing_key_files import kept_signing_key
from settings import Settings

_FILE = "audit-signing-key"


class NoSigningKey(Exception):
    """There is no signing key. The message says what to do."""


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key of the settings. For the embedded database, one is generated once and stored beside it. Raises
    NoSigningKey."""
    if settings.audit_signing_key is not None:
        return private_key_from(settings.audit_signing_key.get_secret_value())
    if settings.database_url is None:
        return private_key_from(kept_signing_key(settings.data_dir / _FILE))
    raise NoSigningKey(
        "Set AUDIT_SIGNING_KEY to 32 random bytes in base64url, such as"
        " `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints, and keep it: it signs"
        " what is pruned."
    )


def export_key(settings: Settings) -> Ed25519PrivateKey | None:
    """Key that signs exports; None if no key is set. The embedded database's key is generated when it is
    started."""
    if settings.audit_signing_key is not None:
        return private_key_from(settings.audit_signing_key.get_secret_value())
    path = settings.data_dir / _FILE
    return private_key_from(path.read_text()) if path.exists() else None


def verifying_key(settings: Settings) -> VerifyingKey | None:
    """The public key and those of earlier signing keys. None if none is set; pruned events then cannot be
    verified."""
    current = public_key(settings)
    keys = [*([current] if current else []), *map(public_key_from, settings.audit_retired_keys)]
    return AnyKey(keys) if keys else None


def public_key(settings: Settings) -> Ed25519PublicKey | None:
    """None if no key is set."""
    if settings.audit_public_key is not None:
        return public_key_from(settings.audit_public_key)
    if settings.audit_signing_key is not None:
        return private_key_from(settings.audit_signing_key.get_secret_value()).public_key()
    path = settings.data_dir / _FILE
    return private_key_from(path.read_text()).public_key() if path.exists() else None
