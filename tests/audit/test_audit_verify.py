"""Verification of an export from the file alone names each kind of damage."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit_proof import segments as audit_segments
from audit_proof.chain import FIELDS
from audit_proof.checkpoints import Checkpoint
from audit_proof.diagnosis import Damage, Kind
from audit_proof.verification import Unreadable, verify
from bench.exports import export_lines
from tests.support import node_scripts
from tests.support.rewriting import Edit, Lines, edited, forged, line_of, with_end

VERIFIER = Path(__file__).parents[2] / "docs" / "reference" / "verify.mjs"
EVENTS = 40
UNSIGNED = 4
"""What the verifiers end with where nothing is wrong, and nothing is signed."""


@pytest.fixture(params=[8 * 2**20, 3_000, 700], ids=["one-segment", "some-segments", "a-segment-an-event"])
def each_segment_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a file is cut, the same is found."""
    monkeypatch.setattr(audit_segments, "_SEGMENT_BYTES", request.param)


@pytest.fixture(scope="module")
def lines() -> Lines:
    return list(export_lines(EVENTS))


def written(folder: Path, lines: Lines) -> Path:
    path = folder / "audit-log.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def damage_of(path: Path) -> tuple[Kind, int | None]:
    with pytest.raises(Damage) as raised:
        verify(path)
    return raised.value.kind, raised.value.sequence


def by_node(path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed: the verifier in JavaScript did not run")
    return node_scripts.run(node, VERIFIER, str(path), *arguments)


@pytest.mark.usefixtures("each_segment_size")
def test_a_whole_export(tmp_path: Path, lines: Lines) -> None:
    verified = verify(written(tmp_path, lines))

    assert (verified.events, verified.first, verified.last) == (EVENTS, 1, EVENTS)
    assert verified.last_hash == orjson.loads(lines[-2])["hash"]


OTHERS: dict[str, Any] = {
    "accountId": "01a20ae5-6d20-7188-9022-335a71dc1199",
    "sequence": 999,
    "details": {"status": 201},
    "previousHash": "ab" * 32,
    "hash": "ab" * 32,
}


@pytest.mark.usefixtures("each_segment_size")
@pytest.mark.parametrize("name", [*FIELDS, "previousHash", "hash"])
@pytest.mark.parametrize("place", [0, 9, EVENTS - 1])
def test_a_field_is_changed(tmp_path: Path, lines: Lines, place: int, name: str) -> None:
    path = written(tmp_path, edited(place, name, OTHERS.get(name, "another"))(lines))

    assert damage_of(path) == (Kind.CHANGED, place + 1)


@pytest.mark.parametrize("place", [0, 9, EVENTS - 1])
@pytest.mark.parametrize("name", ["targetName", "ip", "actorMemberId"])
def test_a_field_is_taken_away(tmp_path: Path, lines: Lines, place: int, name: str) -> None:
    assert damage_of(written(tmp_path, edited(place, name, None)(lines))) == (Kind.CHANGED, place + 1)


def _dropped(*places: int) -> Edit:
    return lambda lines: [line for place, line in enumerate(lines) if place not in places]


def _inserted(place: int, **values: Any) -> Edit:
    return lambda lines: [*lines[:place], forged(lines, place, **values), *lines[place:]]


def _swapped(one: int, other: int) -> Edit:
    def edit(lines: Lines) -> Lines:
        lines = list(lines)
        lines[one], lines[other] = lines[other], lines[one]
        return lines

    return edit


def _with_each_other_s_numbers(lines: Lines) -> Lines:
    one, other = (orjson.loads(lines[place]) for place in (9, 10))
    one["sequence"], other["sequence"] = other["sequence"], one["sequence"]
    return [*lines[:9], line_of(other), line_of(one), *lines[11:]]


def _renumbered(since: int, by: int, lines: Lines) -> Lines:
    events = [orjson.loads(line) for line in lines[since:-1]]
    for event in events:
        event["sequence"] += by
    return [*lines[:since], *map(line_of, events), lines[-1]]


def _doubled_name(lines: Lines) -> Lines:
    """Readers take the one or the other."""
    return [lines[0].replace(b'"summary":', b'"summary":"Nothing happened","summary":', 1), *lines[1:]]


def _doubled_name_apart(lines: Lines) -> Lines:
    """JSON allows a space before the colon."""
    return [lines[0].replace(b'"summary":', b'"summary" :"Nothing happened","summary":', 1), *lines[1:]]


def _doubled_details(lines: Lines) -> Lines:
    return [lines[0][:-1] + b',"details":{"name":"EVIL"}}', *lines[1:]]


def _number_as_text(lines: Lines) -> Lines:
    """Which hashes the same, and which a sloppy comparison takes for no neighbour of the next."""
    event = {**orjson.loads(lines[9]), "summary": "Forged"}
    line = line_of(event, hash=True).replace(b'"sequence":10,', b'"sequence":"10",')
    return [*lines[:9], line, *lines[10:]]


EDITS: dict[str, tuple[Edit, Kind, int | None]] = {
    "the first is dropped": (_dropped(0), Kind.DROPPED, 1),
    "one is dropped": (_dropped(9), Kind.DROPPED, 10),
    "several are dropped": (_dropped(9, 10, 11), Kind.DROPPED, 10),
    "the last is dropped": (_dropped(EVENTS - 1), Kind.DROPPED, EVENTS),
    "the last is dropped, and the end says so": (
        lambda lines: with_end(_dropped(EVENTS - 1)(lines), events=EVENTS - 1, lastSequence=EVENTS - 1),
        Kind.DROPPED,
        EVENTS,
    ),
    "one is dropped and the others close up": (
        lambda lines: _renumbered(9, -1, _dropped(9)(lines)),
        Kind.DROPPED,
        10,
    ),
    "one is inserted": (_inserted(9), Kind.FORKED, 10),
    "one is inserted that follows from nothing": (
        lambda lines: [*lines[:9], line_of({**orjson.loads(lines[20]), "sequence": 10}), *lines[9:]],
        Kind.INSERTED,
        10,
    ),
    "one is inserted and the others make place": (
        lambda lines: (inserted := _inserted(9)(lines)) and _renumbered(10, 1, inserted),
        Kind.INSERTED,
        10,
    ),
    "one is inserted once more": (
        lambda lines: [*lines[:20], lines[5], *lines[20:]],
        Kind.INSERTED,
        21,
    ),
    "one is inserted with a later number": (_inserted(9, sequence=30), Kind.INSERTED, 10),
    "one is inserted with a number that nobody has": (_inserted(9, sequence=999), Kind.INSERTED, 10),
    "the next one is inserted once more": (
        lambda lines: [*lines[:9], lines[10], *lines[9:]],
        Kind.INSERTED,
        10,
    ),
    "one is inserted at the end": (_inserted(EVENTS), Kind.INSERTED, EVENTS + 1),
    "something is inserted after the end": (
        lambda lines: [*lines, forged(lines, EVENTS)],
        Kind.INSERTED,
        EVENTS + 1,
    ),
    "neighbours are swapped": (_swapped(9, 10), Kind.SWAPPED, 10),
    "the first two are swapped": (_swapped(0, 1), Kind.SWAPPED, 1),
    "the last two are swapped": (_swapped(EVENTS - 2, EVENTS - 1), Kind.SWAPPED, EVENTS - 1),
    "the first and the last are swapped": (_swapped(0, EVENTS - 1), Kind.SWAPPED, 1),
    "two far apart are swapped": (_swapped(9, 30), Kind.SWAPPED, 10),
    "two have each other's numbers": (_with_each_other_s_numbers, Kind.SWAPPED, 10),
    "one is changed, with its hash": (edited(9, "summary", "x", hash=True), Kind.CHANGED, 10),
    "the first is changed, with its hash": (edited(0, "summary", "x", hash=True), Kind.CHANGED, 1),
    "the last is changed, with its hash": (
        edited(EVENTS - 1, "summary", "x", hash=True),
        Kind.CHANGED,
        EVENTS,
    ),
    "one follows from another": (edited(9, "previousHash", "ab" * 32, hash=True), Kind.CHANGED, 10),
    "the first follows from something": (
        edited(0, "previousHash", "ab" * 32, hash=True),
        Kind.CHANGED,
        1,
    ),
    "a line is no JSON": (lambda lines: [*lines[:9], b"{", *lines[10:]], Kind.CHANGED, 10),
    "a line is empty": (lambda lines: [*lines[:9], b"", *lines[9:]], Kind.INSERTED, 10),
    "a line is other JSON": (lambda lines: [*lines[:9], b"[1]", *lines[10:]], Kind.CHANGED, 10),
    "a name stands there twice": (_doubled_name, Kind.CHANGED, 1),
    "a name stands there twice, the one with a space": (_doubled_name_apart, Kind.CHANGED, 1),
    "the details stand there twice": (_doubled_details, Kind.CHANGED, 1),
    "a number is a text": (_number_as_text, Kind.CHANGED, 10),
    "the end says more": (lambda lines: with_end(lines, events=EVENTS + 1), Kind.INSERTED, EVENTS + 1),
    "the end has another hash": (lambda lines: with_end(lines, headHash="ab" * 32), Kind.CHANGED, EVENTS),
    "the log was cut before it was exported": (
        lambda lines: with_end(lines, headSequence=EVENTS + 5),
        Kind.DROPPED,
        EVENTS + 1,
    ),
    "the last line is missing": (lambda lines: lines[:-1], Kind.CUT_OFF, None),
    "the export breaks off": (lambda lines: lines[:20], Kind.CUT_OFF, None),
}


@pytest.mark.usefixtures("each_segment_size")
@pytest.mark.parametrize(("edit", "kind", "sequence"), EDITS.values(), ids=EDITS)
def test_what_was_done_is_named(
    tmp_path: Path, lines: Lines, edit: Edit, kind: Kind, sequence: int | None
) -> None:
    assert damage_of(written(tmp_path, edit(lines))) == (kind, sequence)


@pytest.mark.parametrize("size", [20, 300, 400, 5_000, 20_000])
def test_it_breaks_off_wherever_that_is(tmp_path: Path, lines: Lines, size: int) -> None:
    path = written(tmp_path, lines)
    path.write_bytes(path.read_bytes()[:-size])

    assert damage_of(path) == (Kind.CUT_OFF, None)
    assert by_node(path).returncode == 1


@pytest.mark.parametrize("text", [b"", b"\n", b'{"a":1}\n', b"a,b\r\n1,2\r\n", b"\x00" * 100])
def test_what_is_no_export(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(text)

    with pytest.raises(Unreadable, match="requestReport"):
        verify(path)
    run = by_node(path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "not an export of the audit log as NDJSON\n"


def filtered(lines: Lines) -> Lines:
    """Every third of them, and 30 to 33."""
    kept = [line for place, line in enumerate(lines[:-1], 1) if place % 3 == 0 or 30 <= place <= 33]
    last = orjson.loads(kept[-1])["sequence"]
    return with_end([*kept, lines[-1]], events=len(kept), firstSequence=3, lastSequence=last, filtered=True)


@pytest.mark.usefixtures("each_segment_size")
def test_a_filtered_export_is_what_was_written_as_far_as_it_goes(tmp_path: Path, lines: Lines) -> None:
    verified = verify(written(tmp_path, filtered(lines)))

    assert verified.is_filtered
    assert verified.events == 15


@pytest.mark.usefixtures("each_segment_size")
@pytest.mark.parametrize(
    ("edit", "kind", "sequence"),
    [
        (edited(3, "summary", "x"), Kind.CHANGED, 12),
        (edited(10, "summary", "x", hash=True), Kind.CHANGED, 31),
        (_swapped(2, 3), Kind.SWAPPED, 9),
        (lambda lines: [*lines[:4], lines[3], *lines[4:]], Kind.INSERTED, None),
        (_dropped(3), Kind.DROPPED, None),
        (lambda lines: [*lines[:4], b"{}", *lines[4:]], Kind.CHANGED, None),
        (lambda lines: lines[:-1], Kind.DROPPED, 4),
    ],
)
def test_what_shows_in_a_filtered_export(
    tmp_path: Path, lines: Lines, edit: Edit, kind: Kind, sequence: int | None
) -> None:
    found = damage_of(written(tmp_path, edit(filtered(lines))))

    assert found[0] == kind
    assert sequence is None or found[1] == sequence


# Checkpoints


def _checkpoint(lines: Lines, sequence: int) -> Checkpoint:
    event = orjson.loads(lines[sequence - 1])
    return Checkpoint(sequence, event["hash"], event["accountId"])


@pytest.mark.parametrize("sequence", [1, 20, EVENTS])
def test_an_export_holds_a_checkpoint(tmp_path: Path, lines: Lines, sequence: int) -> None:
    _checkpoint(lines, sequence).require_in(verify(written(tmp_path, lines)))


@pytest.mark.parametrize(
    ("checkpoint", "kind", "sequence"),
    [
        (Checkpoint(20, "ab" * 32), Kind.CHANGED, 20),
        (Checkpoint(EVENTS + 1, "ab" * 32), Kind.DROPPED, EVENTS + 1),
        (Checkpoint(20, "ab" * 32, "another"), Kind.CHANGED, None),
    ],
)
def test_what_holds_no_checkpoint(
    tmp_path: Path, lines: Lines, checkpoint: Checkpoint, kind: Kind, sequence: int | None
) -> None:
    """A log that was rewritten as a whole, each hash made anew, is whole in itself."""
    verified = verify(written(tmp_path, lines))

    with pytest.raises(Damage) as raised:
        checkpoint.require_in(verified)

    assert (raised.value.kind, raised.value.sequence) == (kind, sequence)


def test_a_filtered_export_may_hold_it_too(tmp_path: Path, lines: Lines) -> None:
    verified = verify(written(tmp_path, filtered(lines)))

    _checkpoint(lines, 31).require_in(verified)
    with pytest.raises(Damage, match="is filtered"):
        _checkpoint(lines, 2).require_in(verified)


# Large ones


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of three segments, for as many processes as there are."""
    path = tmp_path_factory.mktemp("large") / "audit-log.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in export_lines(25_000)))
    assert path.stat().st_size > 2 * audit_segments._SEGMENT_BYTES
    yield path
    path.unlink()


def test_a_large_export_is_verified_by_several_processes(large: Path) -> None:
    done: list[int] = []

    verified = verify(large, progress=done.append)

    assert verified.events == 25_000
    assert len(done) == 3 + 1
    assert done[-1] == large.stat().st_size
    assert done == sorted(done)


@pytest.mark.parametrize("sequence", [1, 9_333, 9_400, 24_999])
def test_wherever_a_large_export_is_changed(large: Path, tmp_path: Path, sequence: int) -> None:
    lines = large.read_bytes().splitlines()
    path = written(tmp_path, edited(sequence - 1, "outcome", "DENIED")(lines))

    assert damage_of(path) == (Kind.CHANGED, sequence)


# In another language


def test_the_verifier_in_javascript_is_as_short_as_it_is_said_to_be() -> None:
    files = (VERIFIER, VERIFIER.with_name("event.mjs"))

    lengths = [len(file.read_text().splitlines()) for file in files]

    assert sum(lengths) == 183
    assert max(lengths) <= 110


@pytest.mark.parametrize("public_key", ["short", "é" * 43, "!" * 43, "A" * 44, "A" * 64])
def test_the_verifier_in_javascript_refuses_what_is_no_key(
    tmp_path: Path, lines: Lines, public_key: str
) -> None:
    run = by_node(written(tmp_path, lines), public_key)

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("PUBLIC_KEY must be 32 bytes in base64url")
    assert run.stderr.count("\n") == 1


def test_the_verifier_in_javascript_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.ndjson", tmp_path):
        run = by_node(path)

        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr.startswith("cannot be read: ")
        assert run.stderr.count("\n") == 1


def test_the_verifier_in_javascript_finds_whole_what_is(tmp_path: Path, lines: Lines) -> None:
    for text, said in ((lines, f"{EVENTS} events"), (filtered(lines), "15 events")):
        run = by_node(written(tmp_path, text))
        assert (run.returncode, run.stderr) == (UNSIGNED, "")
        assert run.stdout.startswith(f"unsigned: {said}")


@pytest.mark.parametrize("edit", [edit for edit, _, _ in EDITS.values()], ids=EDITS)
def test_the_verifier_in_javascript_finds_what_was_done(tmp_path: Path, lines: Lines, edit: Edit) -> None:
    run = by_node(written(tmp_path, edit(lines)))

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("name", [*FIELDS, "previousHash", "hash"])
def test_the_verifier_in_javascript_looks_at_each_field(tmp_path: Path, lines: Lines, name: str) -> None:
    run = by_node(written(tmp_path, edited(9, name, OTHERS.get(name, "another"))(lines)))

    assert (run.returncode, run.stdout) == (1, "")
