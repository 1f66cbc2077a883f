"""Proof that a log contains an event: the event, a path in the Merkle tree, and an export's last line."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from audit_proof import json_text, merkle
from audit_proof.diagnosis import Damage, Event, Kind, Lines
from audit_proof.export_end import End
from audit_proof.keys import VerifyingKey
from audit_proof.personal import withheld_from
from audit_proof.segments import Fields
from audit_proof.verification import Status, Unreadable, Verified, require_signature

_PREFIX = b'{"proof":true,'


class NotProvable(Exception):
    """The export does not prove the event. The message says what would be right."""


@dataclass(frozen=True)
class Extension:
    """Path that proves that the log extends the one of its first events."""

    events: int
    path: list[bytes]


@dataclass(frozen=True)
class Proof:
    line: bytes
    """The event's line, as in an export."""
    path: list[bytes]
    extension: Extension | None
    end: End

    @classmethod
    def of(cls, text: bytes) -> "Proof | None":
        """Parses a proof. Returns None unless it has, byte for byte, the form of one."""
        line, _, rest = text.partition(b"\n")
        middle, _, last = rest.partition(b"\n")
        end = End.of(last)
        if end is None:
            return None
        try:
            given: object = json_text.loads(middle)
            path, extension = _paths_of(given)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        proof = cls(line, path, extension, end)
        return proof if proof.text() == text else None

    def text(self) -> bytes:
        checkpoint = self.extension and {
            "events": self.extension.events,
            "path": [hash.hex() for hash in self.extension.path],
        }
        middle = {"proof": True, "path": [hash.hex() for hash in self.path], "checkpoint": checkpoint}
        return self.line + b"\n" + json_text.dumps(middle) + b"\n" + self.end.line()


def _paths_of(given: object) -> tuple[list[bytes], Extension | None]:
    """Raises ValueError, TypeError, KeyError or AttributeError."""
    if type(given) is not dict or given["proof"] is not True:
        raise ValueError
    path, checkpoint = [bytes.fromhex(hash) for hash in given["path"]], given["checkpoint"]
    extension = None
    if checkpoint is not None:
        events = checkpoint["events"]
        if type(events) is not int or events < 1:
            raise ValueError
        extension = Extension(events, [bytes.fromhex(hash) for hash in checkpoint["path"]])
    if any(len(hash) != 32 for hash in [*path, *(extension.path if extension else ())]):
        raise ValueError
    return path, extension


def is_proof(path: Path) -> bool:
    """Whether the file is a proof instead of an export."""
    with path.open("rb") as file:
        file.readline()
        return file.read(len(_PREFIX)) == _PREFIX


@dataclass(frozen=True)
class Proven:
    """Result for a proof that verifies."""

    proof: Proof
    fields: Fields
    extended_root: str | None
    """Root, in hex, of the tree that the proof's extension begins with."""
    unsigned_because: str | None
    """Why the last line is not authenticated, and what to do about it. None if it is authenticated."""

    @property
    def account_id(self) -> str:
        return self.proof.end.account_id

    @property
    def status(self) -> Status:
        return Status.VERIFIED if self.unsigned_because is None else Status.UNSIGNED

    def sentence(self) -> str:
        end, sequence = self.proof.end, self.fields.sequence
        event = f"event {sequence} of the account {self.account_id}"
        if self.unsigned_because is not None:
            return f"Unsigned: {event}. That it is in the log is not proven: {self.unsigned_because}."
        more = ""
        if self.fields.withheld:
            more = f" {self.fields.withheld:,} of its personal values are erased or withheld."
        return f"Verified: {event} is in the log, which had {end.head:,} events.{more}"

    def to_json(self) -> dict[str, object]:
        return {
            "status": self.status.value,
            "verified": self.status is Status.VERIFIED,
            "accountId": self.account_id,
            "sequence": self.fields.sequence,
            "hash": self.fields.hash.decode(),
            "headSequence": self.proof.end.head,
            "headHash": self.proof.end.head_hash,
            "merkleRoot": self.proof.end.merkle_root,
            "withheld": self.fields.withheld,
            "why": self.unsigned_because,
        }


def verify_proof(path: Path, key: VerifyingKey | None = None) -> Proven:
    """Verifies a proof from the file alone. Raises Damage and Unreadable."""
    proof = Proof.of(path.read_bytes())
    if proof is None:
        raise Unreadable(f"{path} is not a proof as `team-access audit prove` prints it.")
    return check(proof, key)


def check(proof: Proof, key: VerifyingKey | None) -> Proven:
    """Raises Damage."""
    event, end = Event.of(proof.line), proof.end
    fields = event.fields
    if fields is None:
        raise Damage(Kind.CHANGED, None, "the event's line does not have the format of an exported event.")
    sequence = fields.sequence
    if not event.fits() or fields.previous != fields.previous.lower():
        raise Damage(Kind.CHANGED, sequence, "its hash does not match its fields.")
    index = _require_place(event, end)
    leaf = merkle.leaf(bytes.fromhex(fields.hash.decode()))
    if _hex(merkle.root_with(leaf, index, end.events, proof.path)) != end.merkle_root:
        raise Damage(Kind.CHANGED, sequence, "its path does not lead to the Merkle root in the last line.")
    extended = None
    if proof.extension is not None:
        extended = _extended_root(proof.extension, end)
    return Proven(proof, fields, extended, require_signature(end, key))


def _require_place(event: Event, end: End) -> int:
    """Index of the event in the export's Merkle tree."""
    sequence, first, last = event.sequence, end.first, end.last
    if event.account_id != end.account_id:
        raise Damage(Kind.INSERTED, sequence, f"the last line is of the account {end.account_id}.")
    if end.is_filtered or first is None or last is None or end.merkle_root is None:
        raise Damage(Kind.CHANGED, None, "the last line is of an export without a Merkle tree.")
    if last - first + 1 != end.events or last != end.head:
        raise Damage(Kind.CHANGED, None, "the last line is not of a whole export.")
    if not first <= sequence <= last:
        raise Damage(Kind.INSERTED, sequence, f"the last line is of the events {first} to {last}.")
    if sequence == last and event.hash.decode() != end.head_hash:
        raise Damage(Kind.CHANGED, sequence, "its hash differs from the one in the last line.")
    return sequence - first


def _extended_root(extension: Extension, end: End) -> str:
    roots = None
    if extension.events <= end.events:
        roots = merkle.roots_with(extension.events, end.events, extension.path)
    if roots is None or roots[1].hex() != end.merkle_root:
        words = "the checkpoint's path does not lead to the Merkle root in the last line."
        raise Damage(Kind.CHANGED, None, words)
    return roots[0].hex()


def prove(export: Verified, id: UUID, first_events: int | None, withhold: Collection[str]) -> Proof:
    """Proves an event of a verified export. `first_events` is the number of events that the log of a
    checkpoint had; `withhold` are fields whose values the proof does not contain. Raises NotProvable."""
    end = export.end
    if end.is_filtered:
        raise NotProvable("The export is filtered, so it has no Merkle tree: export the whole log.")
    lines = Lines(export.path, export.path.stat().st_size)
    line = lines.of_event(id)
    if line is None:
        raise NotProvable(
            f"The export has no event {id}. It has {export.first} to {export.last}: if the event is newer,"
            " export the log again; if it was pruned, use the export that it was pruned with."
        )
    index = Event.of(line).sequence - export.first
    path = merkle.path(index, end.events, _hashes(lines))
    extension = None
    if first_events is not None:
        extension = Extension(first_events, merkle.extension(first_events, end.events, _hashes(lines)))
    return Proof(withheld_from(line, withhold), path, extension, end)


def _hashes(lines: Lines) -> Iterator[bytes]:
    for line in lines.since(0):
        yield bytes.fromhex(line[-66:-2].decode())


def _hex(hash: bytes | None) -> str:
    return "" if hash is None else hash.hex()
