"""Signatures of answers to license checks, and of certificates: JSON Web Tokens (RFC 7519) in compact form
(RFC 7515), signed with Ed25519 (RFC 8037)."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property

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


class TokenType(StrEnum):
    """The header `typ`, by which tokens of one kind are not taken for the other (RFC 8725, section 3.11)."""

    CHECK = "JWT"
    CERTIFICATE = "license-certificate+jwt"


class LicenseSigner:
    def __init__(self, settings: Settings) -> None:
        self._key = signing_key(settings)
        self._retired = [public_key_from(each) for each in settings.license_retired_keys]
        self._issuer = settings.public_url
        id = key_id(self._key.public_key()) if self._key else None
        self._headers = {
            each: encoded(orjson.dumps({"alg": _ALGORITHM, "typ": each, "kid": id})) for each in TokenType
        }

    def token(self, claims: Mapping[str, object], type: TokenType = TokenType.CHECK) -> str | None:
        """The claims as a signed token, with `iss`; None where there is no key. PyJWT would take half as long
        as the signature itself, mostly for the header, which is the same in each token."""
        if self._key is None:
            return None
        signed = f"{self._headers[type]}.{encoded(orjson.dumps({'iss': self._issuer, **claims}))}"
        return f"{signed}.{encoded(self._key.sign(signed.encode()))}"

    @cached_property
    def public_keys(self) -> bytes:
        """The JSON Web Key Set (RFC 7517): the key that signs, and the retired ones."""
        keys = ([self._key.public_key()] if self._key else []) + self._retired
        return orjson.dumps({"keys": [*{key_id(key): _as_json(key) for key in keys}.values()]})


def time_text(at: datetime) -> str:
    """A time in a token or an answer: in UTC, with whole seconds."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _as_json(key: Ed25519PublicKey) -> dict[str, str]:
    return {**_required_members(key), "kid": key_id(key), "use": "sig", "alg": _ALGORITHM}


def _required_members(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": written(key)}


def key_id(key: Ed25519PublicKey) -> str:
    """The key's thumbprint (RFC 7638)."""
    members = orjson.dumps(_required_members(key), option=orjson.OPT_SORT_KEYS)
    return encoded(hashlib.sha256(members).digest())
