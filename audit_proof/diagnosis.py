"""Diagnosis of a damaged export: the first damaged event, and what was done to it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Self
from uuid import UUID

from audit_proof.segments import ACCOUNT_ID, SEQUENCE, Fields, Malformed, hash_in, parse_line

FIRST_HASH = b"0" * 64


class Kind(StrEnum):
    CHANGED = "changed"
    DROPPED = "dropped"
    INSERTED = "inserted"
    SWAPPED = "swapped"
    FORKED = "forked"
    CUT_OFF = "cut off"
    UNPROVEN = "unproven"


class Damage(Exception):
    """First event, in the order of the log, that was changed, and how it was changed."""

    def __init__(self, kind: Kind, sequence: int | None, why: str) -> None:
        where = "" if sequence is None else f" {sequence}"
        super().__init__(f"{kind.capitalize()}{where}: {why}")
        self.kind = kind
        self.sequence = sequence
        self.why = why

    def to_json(self) -> dict[str, str | int | bool | None]:
        return {
            "status": "damaged",
            "verified": False,
            "kind": self.kind.value,
            "firstBrokenSequence": self.sequence,
            "why": self.why,
        }


@dataclass(frozen=True)
class Event:
    """An event as far as its line can be parsed."""

    fields: Fields | None

    @classmethod
    def of(cls, line: bytes) -> Self:
        try:
            return cls(parse_line(line))
        except Malformed:
            return cls(None)

    @property
    def sequence(self) -> int:
        return self.fields.sequence if self.fields else 0

    @property
    def previous(self) -> bytes:
        return self.fields.previous if self.fields else b""

    @property
    def hash(self) -> bytes:
        return self.fields.hash if self.fields else b""

    @property
    def account_id(self) -> str | None:
        return self.fields.texts[ACCOUNT_ID] if self.fields else None

    def fits(self, shift: int = 0) -> bool:
        """Whether its hash is that of its fields with its sequence changed by `shift`."""
        if self.fields is None:
            return False
        sequence = self.fields.sequence + shift
        texts = [*self.fields.texts]
        texts[SEQUENCE] = str(sequence)
        try:
            return hash_in(self.fields._replace(texts=texts), self.previous) == self.hash
        except Malformed:
            return False

    def follows(self, before: "Event") -> bool:
        return self.fits() and self.sequence == before.sequence + 1 and self.previous == before.hash


class Lines:
    """Lines of a file up to the byte `end`."""

    def __init__(self, path: Path, end: int) -> None:
        self._path, self._end = path, end

    def since(self, start: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(start)
            place = start
            for line in file:
                if place >= self._end:
                    return
                place += len(line)
                yield line.removesuffix(b"\n")

    def of_sequence(self, sequence: int) -> list[bytes]:
        """Lines with this sequence, whether they are intact or not."""
        with self._path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
            pattern = rb'(?m)^\{"version":2,"accountId":"[^"\n]*","sequence":%d,.*$' % sequence
            return [found[0] for found in re.finditer(pattern, text) if found.start() < self._end]

    def of_event(self, id: UUID) -> bytes | None:
        with self._path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
            beginning = rb'\{"version":2,"accountId":"[^"\n]*","sequence":\d+,"id":"%s",' % str(id).encode()
            found = re.search(rb"(?m)^" + beginning + rb".*$", text)
            return found[0] if found else None


def first_damage(
    lines: Lines, start: int, before: Event | None, first: int | None, head_hash: bytes, *, gaps: bool
) -> Damage | None:
    """Finds the first damage in the lines from the byte `start` on. `before` is the last event before them;
    without it, `first` is the sequence that the log begins with, if known. `head_hash` is the hash in the
    export's last line."""
    nothing = Event(None)
    events = chain(map(Event.of, lines.since(start)), [nothing])
    here = next(events)
    account_id = before.account_id if before else here.account_id
    for after in events:
        is_last = after is nothing
        sequence = before.sequence + 1 if before else first or max(here.sequence, 1)
        place = _Place(lines, before, here, after, sequence, head_hash if is_last else b"", account_id)
        damage = place.damage_among_gaps() if gaps else place.damage()
        if damage:
            return damage
        before, here = here, after
    return None


@dataclass(frozen=True)
class _Place:
    """The line `here`, in which the event `sequence` is expected, with its neighbours."""

    lines: Lines
    before: Event | None
    here: Event
    after: Event
    sequence: int
    head_hash: bytes
    """Hash in the export's last line, for an event without a successor."""
    account_id: str | None

    @property
    def _previous(self) -> bytes:
        if self.before is not None:
            return self.before.hash
        return FIRST_HASH if self.sequence == 1 else self.here.previous

    def damage(self) -> Damage | None:
        here, sequence = self.here, self.sequence
        is_right = here.sequence == sequence and here.previous == self._previous and here.fits()
        if is_right and here.account_id == self.account_id:
            return None
        if self._is_wedged_in():
            return Damage(Kind.INSERTED, sequence, "the genuine event with this number follows it.")
        if not here.fits():
            return self._misfit()
        if here.account_id != self.account_id:
            return Damage(Kind.INSERTED, sequence, f"it belongs to the account {here.account_id}.")
        if here.sequence > sequence:
            return self._ahead()
        if here.sequence < sequence:
            return self._behind()
        return self._unlinked()

    def damage_among_gaps(self) -> Damage | None:
        """Damage in a filtered export, whose events do not follow one another."""
        here, before = self.here, self.before
        if not here.fits() or here.account_id != self.account_id:
            number = here.sequence if here.fields else None
            return Damage(Kind.CHANGED, number, "its hash does not match its fields.")
        if before is None or here.sequence > before.sequence + 1:
            return None
        if here.sequence < before.sequence:
            return Damage(Kind.SWAPPED, here.sequence, f"it stands after event {before.sequence}.")
        if here.sequence == before.sequence:
            return self._behind()
        return None if here.previous == before.hash else self._unlinked()

    def _is_wedged_in(self) -> bool:
        here, after = self.here, self.after
        if here.follows(after) and len(self.lines.of_sequence(here.sequence)) == 1:
            return False  # The two lines are swapped.
        is_next = after.fits() and after.sequence == self.sequence and after.previous == self._previous
        return is_next and after.account_id == self.account_id and not self._is_fork_of(after)

    def _is_fork_of(self, other: Event) -> bool:
        same = self.here.sequence == other.sequence and self.here.previous == other.previous
        return same and self.here.fits() and self.here.hash != other.hash

    def _misfit(self) -> Damage:
        here, before, sequence = self.here, self.before, self.sequence
        if here.fields is None:
            return Damage(Kind.CHANGED, sequence, "its line does not have the format of an exported event.")
        if here.fits(shift=1):
            if self.after.fits(shift=-1):
                return Damage(Kind.SWAPPED, sequence, f"it and event {sequence + 1} have exchanged numbers.")
            return Damage(Kind.DROPPED, sequence, "its number was given to the event that followed it.")
        if here.fits(shift=-1) and before is not None:
            return Damage(Kind.INSERTED, before.sequence, "its number belongs to the event after it.")
        return Damage(Kind.CHANGED, sequence, "its hash does not match its fields.")

    def _ahead(self) -> Damage:
        sequence, found = self.sequence, self.here.sequence
        if any(Event.of(line).fits() for line in self.lines.of_sequence(sequence)):
            return Damage(Kind.SWAPPED, sequence, f"event {found} is in its place.")
        return Damage(
            Kind.DROPPED, sequence, f"event {found} is in its place, and it is missing from the export."
        )

    def _behind(self) -> Damage:
        here, before = self.here, self.before
        if before is not None and self._is_fork_of(before):
            return Damage(Kind.FORKED, here.sequence, "two events continue the same event.")
        return Damage(Kind.INSERTED, self.sequence, f"event {here.sequence} is repeated here.")

    def _unlinked(self) -> Damage:
        """Damage of an event whose own hash is right: either it or the event before it was rewritten."""
        here, before = self.here, self.before
        is_genuine = self.after.follows(here) if self.after.fields else here.hash == self.head_hash
        if before is not None and is_genuine:
            return Damage(
                Kind.CHANGED, before.sequence, "its hash differs from the one that the next event refers to."
            )
        return Damage(Kind.CHANGED, here.sequence, "it does not refer to the hash of the event before it.")
