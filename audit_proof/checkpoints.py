"""Checkpoints: the sequence and hash of an event, kept outside the platform. A log that was rewritten later
does not contain that event."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_proof import json_text
from audit_proof.diagnosis import Damage, Kind
from audit_proof.verification import Verified

_PAIR = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})")


@dataclass(frozen=True)
class Checkpoint:
    sequence: int
    hash: str
    account_id: str | None = None

    @classmethod
    def of(cls, text: str) -> "Checkpoint":
        """Parses `SEQUENCE:HASH`, or reads a file that holds a checkpoint's JSON. Raises ValueError."""
        if pair := _PAIR.fullmatch(text):
            return cls(int(pair[1]), pair[2].lower())
        try:
            given: Any = json_text.loads(Path(text).read_bytes())
            return cls(int(given["sequence"]), str(given["hash"]), str(given["accountId"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise ValueError(
                "is neither SEQUENCE:HASH nor a file with what `team-access audit checkpoint` prints"
            ) from None

    def require_in(self, export: Verified) -> None:
        """Raises Damage if the export does not contain this event."""
        sequence = self.sequence
        if self.account_id is not None and self.account_id != export.account_id:
            raise Damage(Kind.CHANGED, None, f"the checkpoint belongs to the account {self.account_id}.")
        if sequence > export.last:
            words = f"the export ends with {export.last}, before the checkpoint {sequence}"
            raise Damage(
                Kind.DROPPED,
                export.last + 1,
                f"{words}. It is older than the checkpoint, or its end was removed.",
            )
        found = export.hash_at(sequence)
        if found is None:
            why = "is filtered" if export.is_filtered else f"begins with {export.first}"
            raise Damage(Kind.DROPPED, sequence, f"it is the checkpoint's event, and the export {why}.")
        if found != self.hash:
            words = "its hash differs from the checkpoint's. The log was rewritten at or before this event."
            raise Damage(Kind.CHANGED, sequence, words)
