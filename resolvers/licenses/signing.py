"""Signatures of answers to license checks: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037)."""

import hashlib
from collections.abc import Mapping
from functools import cached_property

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit_proof.keys import encoded, private_key_from, public_key_from, written
from resolvers.signing_key_files import kept_signing_key
from settings import Settings

_FILE = "license-signing-key"
_ALGORITHM = "EdDSA"


def signing_key(settings: Settings) -> Ed25519PrivateKey | None:
    """The key of the settings. For the embedded database, one is generated once and stored beside it. None
    where no key is set."""
    if settings.license_signing_key is not None:
        return private_key_from(settings.license_signing_key.get_secret_value())
    path = settings.data_dir / _FILE
    if settings.database_url is None or path.exists():
        return private_key_from(kept_signing_key(path))
    return None


class LicenseSigner:
    def __init__(self, settings: Settings) -> None:
        self._key = signing_key(settings)
        self._retired = [public_key_from(each) for each in settings.license_retired_keys]
        self._issuer = settings.public_url
        self._headers = {"kid": _key_id(self._key.public_key())} if self._key else None

    def token(self, claims: Mapping[str, object]) -> str | None:
        """The claims as a signed token, with `iss`; None where there is no key."""
        if self._key is None:
            return None
        return jwt.encode({"iss": self._issuer, **claims}, self._key, _ALGORITHM, self._headers)

    @cached_property
    def public_keys(self) -> bytes:
        """The JSON Web Key Set (RFC 7517): the key that signs, and the retired ones."""
        keys = ([self._key.public_key()] if self._key else []) + self._retired
        return orjson.dumps({"keys": [*{_key_id(key): _as_json(key) for key in keys}.values()]})


def _as_json(key: Ed25519PublicKey) -> dict[str, str]:
    return {**_required_members(key), "kid": _key_id(key), "use": "sig", "alg": _ALGORITHM}


def _required_members(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": written(key)}


def _key_id(key: Ed25519PublicKey) -> str:
    """The key's thumbprint (RFC 7638)."""
    members = orjson.dumps(_required_members(key), option=orjson.OPT_SORT_KEYS)
    return encoded(hashlib.sha256(members).digest())
