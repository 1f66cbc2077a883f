"""Fast check of an export's lines. If a line fails, `diagnosis.py` finds out what is wrong.

A file is split at line ends into segments, each of which is checked by itself, by several processes if the
file is large.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from audit_proof import json_text
from audit_proof.chain import FIELDS, PERSONAL, PERSONAL_DETAILS, VERSION, joined
from audit_proof.merkle import Subtree, subtrees
from audit_proof.personal import NotPersonal, commitments_of

_SEGMENT_BYTES = 8 * 2**20
_ALONE_BYTES = 16 * 2**20
"""Size up to which one process is faster than several."""
_MOST_WRITTEN = 10_000
_NAMES = [*FIELDS[:-1], "salt"]
_HASHED = FIELDS[:-1]
_PLACES = [_HASHED.index(name) for name in PERSONAL]
_DETAILS_PLACE = _HASHED.index(PERSONAL_DETAILS)
ACCOUNT_ID, SEQUENCE = _HASHED.index("accountId"), _HASHED.index("sequence")
_VERSION, _ACTION = _HASHED.index("version"), _HASHED.index("action")
PRUNED = "AUDIT_LOG_PRUNED"
_BEFORE_DETAILS, _BEFORE_HASHES, _BETWEEN_HASHES = b',"details":', b',"previousHash":"', b'","hash":"'
_HASHES_BYTES = 64 + len(_BETWEEN_HASHES) + 64 + len(b'"}')


class Malformed(Exception):
    """A line that cannot occur in an export."""


class Broken(Exception):
    """A segment does not verify."""


class Segment(NamedTuple):
    """Consecutive events. Hashes are in hex."""

    start: int
    """Position of the first byte in the file."""
    end: int
    events: int = 0
    account_id: str = ""
    first: int = 0
    previous: bytes = b""
    """Previous hash of the first event."""
    last: int = 0
    hash: bytes = b""
    """Hash of the last event."""
    withheld: int = 0
    """Number of values that are replaced by their commitments."""
    subtrees: tuple[Subtree, ...] = ()
    """Part of the export's Merkle tree."""
    prunings: tuple[bytes, ...] = ()
    """Lines of AUDIT_LOG_PRUNED events."""
    is_broken: bool = False

    def follows(self, before: "Segment", *, gaps: bool) -> bool:
        if self.account_id != before.account_id or self.first <= before.last:
            return False
        is_next = self.first == before.last + 1
        return self.previous == before.hash if is_next else gaps


class Fields(NamedTuple):
    """Parts of an event's line."""

    sequence: int
    texts: list[str | None]
    """Texts that are hashed of all fields except the details: of the personal ones, their commitments."""
    withheld: int
    """Number of values that are replaced by their commitments."""
    details: bytes
    hashes: bytes
    """Bytes from the first digit of `previousHash` to the end of the line."""

    @property
    def previous(self) -> bytes:
        return self.hashes[:64]

    @property
    def hash(self) -> bytes:
        return self.hashes[-66:-2]


def parse_line(line: bytes) -> Fields:
    """Splits a line into its fields. Raises Malformed. The details are the exact bytes of the line:
    equivalent JSON would not have the same hash."""
    head, _, rest = line.partition(_BEFORE_DETAILS)
    details, _, hashes = rest.rpartition(_BEFORE_HASHES)
    try:
        event = json_text.loads(head + b"}")
    except ValueError:
        raise Malformed from None
    # Any other spelling could contain a name twice, which programs read differently.
    if type(event) is not dict or list(event) != _NAMES or json_text.dumps(event) != head + b"}":
        raise Malformed
    texts = [*event.values()]
    texts.pop()
    sequence = texts[SEQUENCE]
    if len(hashes) != _HASHES_BYTES or hashes[64:-66] != _BETWEEN_HASHES or hashes[-2:] != b'"}':
        raise Malformed
    if type(sequence) is not int or texts[_VERSION] != VERSION:
        raise Malformed
    try:
        commitments, texts[_DETAILS_PLACE], withheld = commitments_of(event)
    except NotPersonal:
        raise Malformed from None
    for place, text in zip(_PLACES, commitments, strict=True):
        texts[place] = text
    texts[SEQUENCE], texts[_VERSION] = str(sequence), str(VERSION)
    return Fields(sequence, texts, withheld, details, hashes)


class _Written(dict[str | None, str]):
    """Cache of encoded fields, one character per byte. Most fields of a log repeat."""

    def __missing__(self, text: str | None) -> str:
        if len(self) >= _MOST_WRITTEN:
            self.clear()
        written = self[text] = _encoded(text)
        return written


_written = _Written()
_REPEATED = {
    _HASHED.index(name)
    for name in ("version", "accountId", "action", "outcome", "actorKind", "actorMemberId", "credentialKind")
} | {_HASHED.index(name) for name in ("credentialId", "targetType", "targetId")}
"""Places of fields whose values repeat in a log."""


def _encoded(text: str | None) -> str:
    return "-," if text is None else f"{len(text)}:{text},"


def hash_in(fields: Fields, previous: bytes) -> bytes:
    """Computes the event's expected hash; hashes are in hex. Raises Malformed. It is three times as fast as
    `chain.hash_of`, because nearly all texts are ASCII."""
    texts, details, w = fields.texts, fields.details, _written
    try:
        text = "".join(
            [w[text] if place in _REPEATED else _encoded(text) for place, text in enumerate(texts)]
        )
        encoded = text.encode() if text.isascii() else joined(texts)
        before = bytes.fromhex(previous.decode())
    except (TypeError, AttributeError, ValueError):
        raise Malformed from None
    return sha256(before + encoded + b"%d:%s," % (len(details), details)).hexdigest().encode()


def check(lines: Iterable[bytes], segment: Segment, begin: int | None) -> Segment:
    """Checks a segment and returns it filled in. Raises Broken and Malformed. `begin` is the sequence that
    the export begins with; None for an export with gaps, in which sequences only have to increase."""
    gaps = begin is None
    account_id: str | None = None
    first, last, events, withheld = 0, 0, 0, 0
    before = hash = b""
    prunings: list[bytes] = []
    hashes: list[bytes] = []
    for line in lines:
        fields = parse_line(line)
        sequence, account, previous = fields.sequence, fields.texts[ACCOUNT_ID], hash
        if not events:
            account_id, first, before, previous = account, sequence, fields.previous, fields.previous
        elif sequence != last + 1:
            if not gaps or sequence <= last:
                raise Broken
            previous = fields.previous
        hash = hash_in(fields, previous)
        if fields.hashes != previous + _BETWEEN_HASHES + hash + b'"}' or account != account_id:
            raise Broken
        if fields.texts[_ACTION] == PRUNED:
            prunings.append(line)
        hashes.append(hash)
        last, events, withheld = sequence, events + 1, withheld + fields.withheld
    return segment._replace(
        events=events,
        account_id=str(account_id),
        first=first,
        previous=before,
        last=last,
        hash=hash,
        withheld=withheld,
        subtrees=() if begin is None else _subtrees(first - begin, hashes),
        prunings=tuple(prunings),
    )


def _subtrees(index: int, hashes: list[bytes]) -> tuple[Subtree, ...]:
    return tuple(subtrees(index, (bytes.fromhex(hash.decode()) for hash in hashes)))


def check_all(path: Path, end: int, begin: int | None, *, progress: Callable[[int], None]) -> list[Segment]:
    """Yields all segments up to the byte `end`, in order; a broken one without details. `begin` is as for
    `check`. `progress` receives the number of bytes checked."""
    starts = range(0, end, _SEGMENT_BYTES)
    spans = [(path, start, min(start + _SEGMENT_BYTES, end), begin) for start in starts]
    segments = []
    for segment in _each(spans, end):
        segments.append(segment)
        progress(segment.end)
    return segments


Span = tuple[Path, int, int, int | None]


def _each(spans: list[Span], end: int) -> Iterator[Segment]:
    processes = min(os.cpu_count() or 1, len(spans))
    if end <= _ALONE_BYTES or processes == 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(_check_span, spans)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(_check_span, spans)


def _check_span(span: Span) -> Segment:
    path, start, end, begin = span
    with path.open("rb") as file:
        start, end = _line_start(file, start), _line_start(file, end)
        segment = Segment(start, end)
        if start == end:
            return segment
        file.seek(start)
        text = file.read(end - start).removesuffix(b"\n")
    try:
        return check(text.split(b"\n"), segment, begin)
    except (Broken, Malformed):
        return segment._replace(is_broken=True)


def _line_start(file: BinaryIO, place: int) -> int:
    """Position of the first line that starts there or later."""
    if place == 0:
        return 0
    file.seek(place - 1)
    file.readline()
    return file.tell()
