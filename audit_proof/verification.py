"""Verification of an exported log, from the file alone."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path

from audit_proof import json_text
from audit_proof.diagnosis import FIRST_HASH, Damage, Event, Kind, Lines, first_damage
from audit_proof.export_end import PREFIX, End
from audit_proof.keys import VerifyingKey
from audit_proof.merkle import Tree
from audit_proof.prunings import Pruning
from audit_proof.segments import Segment, check_all, parse_line

_BEGINNING = b'{"version":'
_PIECE_BYTES = 2**20


class Unreadable(Exception):
    """The file is not an export of the audit log. The message is one sentence."""


class Status(StrEnum):
    """Conclusion from an undamaged export."""

    VERIFIED = "verified"
    """The export is the complete log up to its newest event, signed with the server's key."""
    FILTERED = "filtered"
    """The export has all events that match its filter, signed. Other events are not in it."""
    UNSIGNED = "unsigned"
    """The events form a chain, but nothing proves that none is missing at the end."""


@dataclass(frozen=True)
class Verified:
    """Result for an export without damage."""

    path: Path
    end: End
    last_hash: str
    pruning: Pruning | None
    """Signed record of the events before the first one."""
    withheld: int
    """Number of values that are replaced by their commitments, because they were erased or withheld from the
    export."""
    unsigned_because: str | None
    """Why the last line is not authenticated, and what to do about it. None if it is authenticated."""

    @property
    def account_id(self) -> str:
        return self.end.account_id

    @property
    def events(self) -> int:
        return self.end.events

    @property
    def first(self) -> int:
        return self.end.first or 0

    @property
    def last(self) -> int:
        return self.end.last or 0

    @property
    def is_filtered(self) -> bool:
        return self.end.is_filtered

    @property
    def status(self) -> Status:
        if self.unsigned_because is not None:
            return Status.UNSIGNED
        return Status.FILTERED if self.is_filtered else Status.VERIFIED

    def hash_at(self, sequence: int) -> str | None:
        """Hash of an event in the export, or of the event before its first; None for other sequences."""
        if sequence == self.first - 1 and not self.is_filtered:
            (line,) = Lines(self.path, self.path.stat().st_size).of_sequence(self.first)
            return parse_line(line).previous.decode()
        for line in Lines(self.path, self.path.stat().st_size).of_sequence(sequence):
            return parse_line(line).hash.decode()
        return None

    def sentence(self) -> str:
        events = f"{self.events:,} events, {self.first} to {self.last}, of the account {self.account_id}"
        if not self.events:
            events = f"no event of the account {self.account_id}"
        match self.status:
            case Status.UNSIGNED:
                return f"Unsigned: {events}. Its completeness is not proven: {self.unsigned_because}."
            case Status.FILTERED:
                return f"Filtered: {events}. Each is unchanged; the filter excluded others."
        more = (
            "" if self.pruning is None else f" The events before {self.first} were pruned, which is signed."
        )
        if self.withheld:
            more += f" {self.withheld:,} personal values are erased or withheld."
        return f"Verified: {events}; the last hash is {self.last_hash}.{more}"

    def to_json(self) -> dict[str, object]:
        return {
            "status": self.status.value,
            "verified": self.status is Status.VERIFIED,
            "accountId": self.account_id,
            "events": self.events,
            "firstSequence": self.first,
            "lastSequence": self.last,
            "lastHash": self.last_hash,
            "merkleRoot": self.end.merkle_root,
            "filtered": self.is_filtered,
            "withheld": self.withheld,
            "prunedThrough": self.pruning and self.first - 1,
            "why": self.unsigned_because,
        }


def verify(
    path: Path, key: VerifyingKey | None = None, progress: Callable[[int], None] = lambda _bytes: None
) -> Verified:
    """Verifies an export. Raises Damage, which names the first damaged event, and Unreadable. `progress`
    receives the number of bytes checked."""
    body, end, more = _end_of(path)
    gaps = end is not None and end.is_filtered
    lines = Lines(path, body)
    if end is None and not next(lines.since(0), b"").startswith(_BEGINNING):
        raise Unreadable(
            f"{path} is not an export of the audit log: request the report AUDIT_LOG as NDJSON with"
            " requestReport, and do not change the file."
        )
    begin = None if gaps else (end and end.first) or 1
    found = check_all(path, body, begin, progress=progress)
    segments = [segment for segment in found if segment.end > segment.start]
    _require_chain(lines, segments, end, gaps=gaps)
    if end is None:
        words = f"the export ends after event {segments[-1].last}: its last line is missing or malformed."
        raise Damage(Kind.CUT_OFF, None, words)
    if more:
        words = f"{more} bytes follow the last line of the export."
        raise Damage(Kind.INSERTED, end.head + 1, words)
    _require_end(path, body, segments, end)
    _require_root(segments, end)
    unsigned_because = require_signature(end, key)
    progress(path.stat().st_size)
    pruning = None if gaps or not segments else _beginning(lines, segments, key)
    last_hash = segments[-1].hash.decode() if segments else ""
    withheld = sum(segment.withheld for segment in segments)
    return Verified(path, end, last_hash, pruning, withheld, unsigned_because)


def _end_of(path: Path) -> tuple[int, End | None, int]:
    """Returns the size of the events in bytes, the line that ends them if there is one, and the number of
    bytes after it. An incomplete last line counts as none."""
    size = path.stat().st_size
    if size == 0:
        return 0, None, 0
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        start = 0 if text[: len(PREFIX)] == PREFIX else text.rfind(b"\n" + PREFIX) + 1
        stop = text.find(b"\n", start) + 1
        end = End.of(text[start:stop]) if text[start : start + len(PREFIX)] == PREFIX else None
        if end is None:
            return text.rfind(b"\n") + 1, None, 0
        return start, end, size - stop


def _require_chain(lines: Lines, segments: list[Segment], end: End | None, *, gaps: bool) -> None:
    for place, segment in enumerate(segments):
        before = segments[place - 1] if place else None
        if not segment.is_broken and (before is None or segment.follows(before, gaps=gaps)):
            continue
        # From the previous segment on: its end shows what is wrong with the beginning of this one.
        since = max(place - 1, 0)
        event = Event.of(lines.of_sequence(segments[since - 1].last)[0]) if since else None
        first = end.first if end and not gaps else None
        head_hash = end.head_hash.encode() if end else b""
        damage = first_damage(lines, segments[since].start, event, first, head_hash, gaps=gaps)
        if damage is None:
            raise Unreadable("The file changed while it was read: verify a copy.")
        if end is None and damage.kind is Kind.DROPPED:
            words = f"{damage.why} The last line, which says whether the export is filtered, is missing too."
            raise Damage(Kind.DROPPED, damage.sequence, words)
        raise damage


def _require_end(path: Path, body: int, segments: list[Segment], end: End) -> None:
    """Requires that the last line describes the events."""
    events = sum(segment.events for segment in segments)
    first = segments[0].first if segments else None
    last = segments[-1].last if segments else None
    if segments and segments[0].account_id != end.account_id:
        raise Damage(Kind.CHANGED, None, "the last line names another account than the events.")
    if end.is_filtered:
        if (events, first, last) != (end.events, end.first, end.last):
            words = f"the export has {events} events, and its last line says {end.events}."
            raise Damage(Kind.DROPPED, None, words)
        if end.head < (last or 0):
            raise Damage(Kind.INSERTED, last, f"the last event at the time of the export was {end.head}.")
        if segments and end.head == last:
            _require_head(segments[-1], end)
        _require_digest(path, body, end)
        return
    at = last or 0
    if first is not None and end.first is not None and first > end.first:
        raise Damage(Kind.DROPPED, end.first, f"the export begins with event {first}.")
    if at < max(end.last or 0, end.head):
        raise Damage(
            Kind.DROPPED, at + 1, f"the export ends with event {at}, and the log ended with {end.head}."
        )
    if (events, first, last, end.head) != (end.events, end.first, end.last, at):
        raise Damage(Kind.INSERTED, end.head + 1, f"the last event at the time of the export was {end.head}.")
    if segments:
        _require_head(segments[-1], end)
    _require_digest(path, body, end)


def _require_head(newest: Segment, end: End) -> None:
    if newest.hash.decode() != end.head_hash:
        raise Damage(Kind.CHANGED, newest.last, "its hash differs from the one in the last line.")


def _require_digest(path: Path, body: int, end: End) -> None:
    digest = sha256()
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        for start in range(0, body, _PIECE_BYTES):
            digest.update(text[start : min(start + _PIECE_BYTES, body)])
    if digest.hexdigest() != end.sha256:
        words = "the last line does not match the lines before it: some were changed, dropped or added."
        raise Damage(Kind.CHANGED, None, words)


def _require_root(segments: list[Segment], end: End) -> None:
    tree = Tree()
    for segment in segments:
        tree.extend(segment.subtrees)
    if end.merkle_root != (None if end.is_filtered else tree.root().hex()):
        raise Damage(Kind.CHANGED, None, "the last line has another Merkle tree than the events.")


def require_signature(end: End, key: VerifyingKey | None) -> str | None:
    """Returns why the last line is not verified and what to do about it, or None if the key has signed it."""
    if end.signature is None:
        return "its last line is not signed. Set AUDIT_SIGNING_KEY on the server, and export the log again"
    if key is None:
        return "give --public-key, which `team-access audit public-key` prints on the server"
    if not end.is_signed_by(key):
        words = "the last line is not signed by this key: it was changed, or another key signed it."
        raise Damage(Kind.CHANGED, None, words)
    return None


def _beginning(lines: Lines, segments: list[Segment], key: VerifyingKey | None) -> Pruning | None:
    """Returns the signed pruning that covers the events before the first one, if there were any."""
    first = segments[0]
    if first.first == 1:
        if first.previous != FIRST_HASH:
            raise Damage(Kind.CHANGED, 1, "it is the first event, but it refers to an event before it.")
        return None
    begins = f"the export begins with {first.first}"
    prunings = [line for segment in segments for line in segment.prunings]
    if not prunings or first.first < 1:
        raise Damage(Kind.DROPPED, 1, f"{begins}, and no event proves what comes before it.")
    if key is None:
        raise Damage(Kind.DROPPED, 1, f"{begins}. If the events before it were pruned, pass --public-key.")
    found = (Pruning.read_signed(first.account_id, _details(line), key) for line in prunings)
    vouching = [each for each in found if each is not None and each.pruned_through >= first.first - 1]
    if not vouching:
        raise Damage(
            Kind.DROPPED, 1, f"{begins}, and no event signed with this key proves what comes before it."
        )
    for pruning in vouching:
        _require_signed(lines, first, pruning)
    return max(vouching, key=lambda each: each.pruned_through)


def _require_signed(lines: Lines, first: Segment, pruning: Pruning) -> None:
    """While a log is being pruned, some pruned events may still exist. The pruning then covers the last of
    them, and that one the others through the chain."""
    through = pruning.pruned_through
    if through == first.first - 1:
        hash = first.previous
    else:
        hash = next((Event.of(line).hash for line in lines.of_sequence(through)), b"")
    if hash != pruning.hash.encode():
        raise Damage(
            Kind.CHANGED,
            max(through, first.first),
            "its hash differs from the one in the signed record of the pruning.",
        )


def _details(line: bytes) -> dict[str, object]:
    try:
        details = json_text.loads(parse_line(line).details)
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}
