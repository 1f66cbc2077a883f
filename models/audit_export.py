"""Verifies an exported log, with nothing at hand but the file."""

from collections.abc import Callable
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from models.audit_diagnosis import FIRST_HASH, Damage, Event, Kind, Lines, first_damage
from models.audit_prunings import Pruning
from models.audit_segments import Segment, check_all, taken_apart

_BEGINNING, _ENDING = b'{"accountId":"', b'{"end":true,'
_END: dict[str, type | tuple[type, ...]] = {
    "end": bool,
    "accountId": str,
    "events": int,
    "firstSequence": (int, type(None)),
    "lastSequence": (int, type(None)),
    "headSequence": int,
    "headHash": str,
    "filtered": bool,
}


class Unreadable(Exception):
    """What is no export of the audit log, in one sentence."""


@dataclass(frozen=True)
class End:
    """The line after the last event, which tells that the export is whole."""

    account_id: str
    events: int
    first: int | None
    last: int | None
    head: int
    """The log's newest event when it was exported; of what is not filtered, the last one."""
    head_hash: str
    is_filtered: bool

    @classmethod
    def of(cls, line: bytes) -> "End | None":
        try:
            given = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        if type(given) is not dict or list(given) != list(_END) or given["end"] is not True:
            return None
        if not all(isinstance(given[name], kind) for name, kind in _END.items()):
            return None
        return cls(*list(given.values())[1:])

    def line(self) -> bytes:
        values = (
            *(True, self.account_id, self.events, self.first, self.last),
            *(self.head, self.head_hash, self.is_filtered),
        )
        return orjson.dumps(dict(zip(_END, values, strict=True))) + b"\n"


@dataclass(frozen=True)
class Verified:
    """What a whole export holds."""

    path: Path
    account_id: str
    events: int
    first: int
    last: int
    last_hash: str
    is_filtered: bool
    pruning: Pruning | None
    """What vouches for the events before the first."""

    def hash_at(self, sequence: int) -> str | None:
        """Of an event that it holds, or of the one before its first; None where it holds neither."""
        if sequence == self.first - 1 and not self.is_filtered:
            (line,) = Lines(self.path, self.path.stat().st_size).of_sequence(self.first)
            return taken_apart(line).previous.decode()
        for line in Lines(self.path, self.path.stat().st_size).of_sequence(sequence):
            return taken_apart(line).hash.decode()
        return None

    def sentence(self) -> str:
        if not self.events:
            return "Whole: no event matches what was asked for."
        events = f"{self.events:,} events, {self.first} to {self.last}, of the account {self.account_id}"
        if self.is_filtered:
            return (
                f"Each is what was written: {events}. The export is filtered: what else there is in between,"
                " and whether it is all, it cannot tell."
            )
        before = "" if self.pruning is None else f" What comes before {self.first} was pruned, and is signed."
        return f"Whole and intact: {events}; the last hash is {self.last_hash}.{before}"

    def to_json(self) -> dict[str, Any]:
        return {
            "verified": True,
            "accountId": self.account_id,
            "events": self.events,
            "firstSequence": self.first,
            "lastSequence": self.last,
            "lastHash": self.last_hash,
            "filtered": self.is_filtered,
            "prunedThrough": self.pruning and self.first - 1,
        }


def verify(
    path: Path, key: Ed25519PublicKey | None = None, progress: Callable[[int], None] = lambda _bytes: None
) -> Verified:
    """Raises Damage, which names the first event that is not what it was, and Unreadable. `progress` is
    told how many bytes are done."""
    body, end, more = _end_of(path)
    gaps = end is not None and end.is_filtered
    lines = Lines(path, body)
    if end is None and not next(lines.since(0), b"").startswith(_BEGINNING):
        raise Unreadable(
            f"{path} is no export of the audit log: ask requestReport for AUDIT_LOG as NDJSON, and keep it"
            " as it comes."
        )
    found = check_all(path, body, gaps=gaps, progress=progress)
    segments = [segment for segment in found if segment.end > segment.start]
    _require_chain(lines, segments, end, gaps=gaps)
    if end is None:
        words = f"the export breaks off after {segments[-1].last}: its last line is missing."
        raise Damage(Kind.CUT_OFF, None, words)
    _require_end(segments, end)
    if more:
        words = f"{more} bytes come after the line that ends the export."
        raise Damage(Kind.INSERTED, end.head + 1, words)
    progress(path.stat().st_size)
    pruning = None if gaps or not segments else _beginning(lines, segments, key)
    last_hash = segments[-1].hash.decode() if segments else ""
    return Verified(path, end.account_id, end.events, end.first or 0, end.last or 0, last_hash, gaps, pruning)


def _end_of(path: Path) -> tuple[int, End | None, int]:
    """How many bytes of events there are, the line that ends them, where it is there, and how many bytes
    come after it. Half a line at the end counts as none."""
    size = path.stat().st_size
    if size == 0:
        return 0, None, 0
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        start = 0 if text[: len(_ENDING)] == _ENDING else text.rfind(b"\n" + _ENDING) + 1
        stop = text.find(b"\n", start) + 1 or size
        end = End.of(text[start:stop]) if text[start : start + len(_ENDING)] == _ENDING else None
        if end is None:
            return text.rfind(b"\n") + 1, None, 0
        return start, end, size - stop


def _require_chain(lines: Lines, segments: list[Segment], end: End | None, *, gaps: bool) -> None:
    for place, segment in enumerate(segments):
        before = segments[place - 1] if place else None
        if not segment.is_broken and (before is None or segment.follows(before, gaps=gaps)):
            continue
        # From the segment before on: what it ends with tells what is wrong with the beginning of this one.
        since = max(place - 1, 0)
        event = Event.of(lines.of_sequence(segments[since - 1].last)[0]) if since else None
        first = end.first if end and not gaps else None
        head_hash = end.head_hash.encode() if end else b""
        damage = first_damage(lines, segments[since].start, event, first, head_hash, gaps=gaps)
        if damage is None:
            raise Unreadable("The file has changed while it was read: verify a copy.")
        if end is None and damage.kind is Kind.DROPPED:
            words = f"{damage.why} The last line is missing too, which tells whether a filter left it out."
            raise Damage(Kind.DROPPED, damage.sequence, words)
        raise damage


def _require_end(segments: list[Segment], end: End) -> None:
    """What the last line tells is so."""
    events = sum(segment.events for segment in segments)
    first = segments[0].first if segments else None
    last = segments[-1].last if segments else None
    if segments and segments[0].account_id != end.account_id:
        raise Damage(Kind.CHANGED, None, "the last line names another account than the events do.")
    if end.is_filtered:
        if (events, first, last) != (end.events, end.first, end.last):
            words = f"there are {events} events, and the last line says {end.events}."
            raise Damage(Kind.DROPPED, None, words)
        return
    at = last or 0
    if first is not None and end.first is not None and first > end.first:
        raise Damage(Kind.DROPPED, end.first, f"the export begins with {first}.")
    if at < max(end.last or 0, end.head):
        raise Damage(Kind.DROPPED, at + 1, f"the export ends with {at}, and the log did with {end.head}.")
    if (events, first, last, end.head) != (end.events, end.first, end.last, at):
        raise Damage(Kind.INSERTED, end.head + 1, f"the log ended with {end.head} when it was exported.")
    if segments and segments[-1].hash.decode() != end.head_hash:
        raise Damage(Kind.CHANGED, at, "its hash is not the one that the last line has.")


def _beginning(lines: Lines, segments: list[Segment], key: Ed25519PublicKey | None) -> Pruning | None:
    """What vouches for the events before the first, where there were any."""
    first = segments[0]
    if first.first == 1:
        if first.previous != FIRST_HASH:
            raise Damage(Kind.CHANGED, 1, "nothing comes before it, and it says that something does.")
        return None
    begins = f"the export begins with {first.first}"
    prunings = [line for segment in segments for line in segment.prunings]
    if not prunings or first.first < 1:
        raise Damage(Kind.DROPPED, 1, f"{begins}, and no event vouches for what comes before.")
    if key is None:
        raise Damage(Kind.DROPPED, 1, f"{begins}. If what comes before was pruned, give --public-key.")
    found = (Pruning.vouched_for(first.account_id, _details(line), key) for line in prunings)
    vouching = [each for each in found if each is not None and each.pruned_through >= first.first - 1]
    if not vouching:
        raise Damage(Kind.DROPPED, 1, f"{begins}, and no event that this key has signed vouches for that.")
    for pruning in vouching:
        _require_vouched(lines, first, pruning)
    return max(vouching, key=lambda each: each.pruned_through)


def _require_vouched(lines: Lines, first: Segment, pruning: Pruning) -> None:
    """Of events that are being pruned just now, some may still be there: then it is the last of them that is
    vouched for, and it vouches for the others."""
    through = pruning.pruned_through
    if through == first.first - 1:
        hash = first.previous
    else:
        hash = next((Event.of(line).hash for line in lines.of_sequence(through)), b"")
    if hash != pruning.hash.encode():
        raise Damage(Kind.CHANGED, max(through, first.first), "it is not the one that was vouched for.")


def _details(line: bytes) -> dict[str, Any]:
    try:
        details = orjson.loads(taken_apart(line).details)
    except orjson.JSONDecodeError:
        return {}
    return details if isinstance(details, dict) else {}
