"""Last line of an export: a summary of its content, signed by the server."""

from binascii import Error
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_proof import json_text
from audit_proof.keys import VerifyingKey, decoded, encoded

PREFIX = b'{"end":true,'
_PURPOSE = b"team-access audit log export\n"
"""Prefix of the signed message, so that the signature is not valid for any other message."""
_SIGNATURE = b',"signature":'
_TYPES: dict[str, tuple[type, ...]] = {
    "end": (bool,),
    "accountId": (str,),
    "events": (int,),
    "firstSequence": (int, type(None)),
    "lastSequence": (int, type(None)),
    "headSequence": (int,),
    "headHash": (str,),
    "filtered": (bool,),
    "withheld": (list,),
    "merkleRoot": (str, type(None)),
    "sha256": (str,),
    "signature": (str, type(None)),
}


@dataclass(frozen=True)
class End:
    """Fields of the last line."""

    account_id: str
    events: int
    first: int | None
    last: int | None
    head: int
    """Sequence of the log's newest event at the time of the export; in an export without a filter, that of
    the last line."""
    head_hash: str
    is_filtered: bool
    withheld: tuple[str, ...]
    """Names of the fields whose values the export does not contain."""
    merkle_root: str | None
    """Root, in hexadecimal, of the Merkle tree over the events. None in a filtered export."""
    sha256: str
    """SHA-256 of all bytes before this line, in hexadecimal."""
    signature: str | None = None
    """Ed25519 signature in base64url. None if the server has no key."""

    @classmethod
    def of(cls, line: bytes) -> "End | None":
        """Parses the line. Returns None unless it is exactly, byte for byte, such a line."""
        try:
            given: object = json_text.loads(line)
        except ValueError:
            return None
        if type(given) is not dict or list(given) != list(_TYPES):
            return None
        if not all(type(value) in _TYPES[name] for name, value in given.items()):
            return None
        if not all(type(name) is str for name in given["withheld"]):
            return None
        end = cls(*list({**given, "withheld": tuple(given["withheld"])}.values())[1:])
        return end if end.line() == line else None

    def line(self) -> bytes:
        values = (
            *(True, self.account_id, self.events, self.first, self.last, self.head, self.head_hash),
            *(self.is_filtered, list(self.withheld)),
            *(self.merkle_root, self.sha256, self.signature),
        )
        return json_text.dumps(dict(zip(_TYPES, values, strict=True))) + b"\n"

    def signed(self, key: Ed25519PrivateKey) -> "End":
        return replace(self, signature=encoded(key.sign(self._message())))

    def is_signed_by(self, key: VerifyingKey) -> bool:
        """Accepts one spelling of the signature only, since base64 may have several for the same bytes."""
        if self.signature is None:
            return False
        try:
            signature = decoded(self.signature)
            key.verify(signature, self._message())
        except (Error, ValueError, InvalidSignature):
            return False
        return encoded(signature) == self.signature

    def _message(self) -> bytes:
        return _PURPOSE + self.line().rpartition(_SIGNATURE)[0]
