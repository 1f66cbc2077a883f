"""Signed record of a pruned part of the log: the hash of its last event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_proof.chain import joined
from audit_proof.keys import VerifyingKey, decoded, encoded

_PURPOSE = "team-access audit log pruned"
"""Prefix of the signed message, so that the signature is not valid for any other message."""


@dataclass(frozen=True)
class Pruning:
    """Events up to `pruned_through`, the last of which has the `hash`, in hex."""

    account_id: str
    pruned_through: int
    hash: str
    count: int
    """Number of pruned events, without those of earlier prunings."""
    export_sha256: str
    """SHA-256 of the export that contains the events, in hexadecimal."""

    def signed(self, key: Ed25519PrivateKey) -> dict[str, object]:
        """Details of the AUDIT_LOG_PRUNED event."""
        return {
            "pruned_through": self.pruned_through,
            "hash": self.hash,
            "count": self.count,
            "export_sha256": self.export_sha256,
            "signature": encoded(key.sign(self._message())),
        }

    @classmethod
    def read_signed(cls, account_id: str, details: Mapping[str, Any], key: VerifyingKey) -> "Pruning | None":
        """Reads a pruning from an event's details. Returns None unless the key has signed exactly that."""
        try:
            pruning = cls(
                account_id,
                int(details["prunedThrough"]),
                str(details["hash"]),
                int(details["count"]),
                str(details["exportSha256"]),
            )
            key.verify(decoded(str(details["signature"])), pruning._message())
        except (KeyError, TypeError, ValueError, InvalidSignature):
            return None
        return pruning

    def _message(self) -> bytes:
        """The signed bytes: the fields in the encoding of the hash chain."""
        return joined(
            (
                _PURPOSE,
                self.account_id,
                str(self.pruned_through),
                self.hash,
                str(self.count),
                self.export_sha256,
            )
        )
