"""Ed25519 key that signs exports and prunings of the audit log, from the settings."""

import os
from pathlib import Path
from secrets import token_bytes, token_hex

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit_proof.keys import encoded, private_key_from, public_key_from
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
        return private_key_from(_kept(settings.data_dir / _FILE))
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


def public_key(settings: Settings) -> Ed25519PublicKey | None:
    """None if no key is set; pruned events then cannot be verified."""
    if settings.audit_public_key is not None:
        return public_key_from(settings.audit_public_key)
    if settings.audit_signing_key is not None:
        return private_key_from(settings.audit_signing_key.get_secret_value()).public_key()
    path = settings.data_dir / _FILE
    return private_key_from(path.read_text()).public_key() if path.exists() else None


def _kept(path: Path) -> str:
    """Stores the key under its name only once it is written completely, so that a killed process leaves no
    partial file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(encoded(token_bytes(32)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # Another process has created one in the meantime.
        finally:
            draft.unlink()
    return path.read_text()
