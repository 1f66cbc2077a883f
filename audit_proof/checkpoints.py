"""Checkpoints: the sequence and hash of an event, kept outside the platform. A log that was rewritten later
does not contain that event."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_proof import json_text
from audit_proof.diagnosis import Damage, Kind
from audit_proof.export_end import End
from audit_proof.proofs import Proven
from audit_proof.verification import Verified

_PAIR = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})")


@dataclass(frozen=True)
class Checkpoint:
    sequence: int
    hash: str
    account_id: str | None = None
    end: End | None = None
    """Last line of an export, if that is the checkpoint. It has the root of the Merkle tree."""

    @classmethod
    def of(cls, text: str) -> "Checkpoint":
        """Parses `SEQUENCE:HASH`, or reads a file with a checkpoint's JSON or with the last line of an
        export. Raises ValueError."""
        if pair := _PAIR.fullmatch(text):
            return cls(int(pair[1]), pair[2].lower())
        try:
            content = Path(text).read_bytes()
            if end := End.of(content):
                return cls(end.head, end.head_hash, end.account_id, end)
            given: Any = json_text.loads(content)
            return cls(int(given["sequence"]), str(given["hash"]), str(given["accountId"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise ValueError(
                "is neither SEQUENCE:HASH nor a file with what `team-access audit checkpoint` prints, or with"
                " the last line of an export"
            ) from None

    def require_in(self, export: Verified) -> None:
        """Raises Damage if the export does not contain this event."""
        sequence = self.sequence
        self._require_account(export.account_id)
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

    def first_events(self, export: Verified) -> int | None:
        """Number of events that the checkpoint's Merkle tree has in common with the export's. None if its
        tree does not begin with the same event, or is not older."""
        end = self.end
        if end is None or end.merkle_root is None or end.first != export.end.first:
            return None
        return end.events if end.events <= export.events else None

    def require_event(self, proven: Proven) -> None:
        """Raises Damage unless the log contained the event when the checkpoint was made."""
        self._require_account(proven.account_id)
        event, end = proven.fields, proven.proof.end
        at = event.sequence
        if self.sequence < at:
            words = f"the checkpoint {self.sequence} is older than the event, and proves nothing about it"
            raise Damage(Kind.UNPROVEN, at, f"{words}: use a newer one.")
        if self.sequence == at:
            self._require_same(at, event.hash.decode(), self.hash)
            return
        if self.end is None or self.end.merkle_root is None:
            words = f"this checkpoint proves event {self.sequence} only: keep the last line of an export"
            raise Damage(Kind.UNPROVEN, at, f"{words} without a filter as the checkpoint.")
        extension = proven.proof.extension
        if (self.end.first, self.end.events) == (end.first, end.events):
            self._require_same(at, end.merkle_root, self.end.merkle_root)
        elif extension and (self.end.first, self.end.events) == (end.first, extension.events):
            self._require_same(at, proven.extended_root, self.end.merkle_root)
        else:
            words = (
                "its proof does not lead to this checkpoint: make it with `audit prove --checkpoint`, from"
            )
            words = f"{words} an export that begins with {self.end.first} and is not older."
            raise Damage(Kind.UNPROVEN, at, words)

    def _require_account(self, account_id: str) -> None:
        if self.account_id is not None and self.account_id != account_id:
            raise Damage(Kind.CHANGED, None, f"the checkpoint belongs to the account {self.account_id}.")

    def _require_same(self, sequence: int, found: str | None, expected: str) -> None:
        if found != expected:
            words = f"it is not in the log of the checkpoint {self.sequence}. The log was rewritten."
            raise Damage(Kind.CHANGED, sequence, words)
