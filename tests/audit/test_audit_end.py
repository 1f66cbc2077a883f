"""Both verifiers call an export verified only if its last line is signed and matches the other lines."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_proof.diagnosis import Damage
from audit_proof.keys import written
from audit_proof.verification import Status, Unreadable, verify
from bench.exports import KEY, export_lines
from tests.audit.test_audit_verify import by_node
from tests.audit.test_audit_verify import written as written_lines
from tests.support.rewriting import Edit, Lines, edited, forged, with_end

EVENTS = 8
PUBLIC_KEY = KEY.public_key()
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
CODES = {0: "verified", 1: "damaged", 3: "filtered", 4: "unsigned"}


def whole() -> Lines:
    return list(export_lines(EVENTS, KEY))


def filtered() -> Lines:
    """Events 2, 3, 6 and 7, as the server would have exported them."""
    lines = whole()
    kept = [lines[place] for place in (1, 2, 5, 6)]
    return with_end([*kept, lines[-1]], key=KEY, events=4, firstSequence=2, lastSequence=7, filtered=True)


EXPORTS = {"whole": whole(), "filtered": filtered()}


def outcomes(folder: Path, lines: Lines, *, public_key: str | None = written(PUBLIC_KEY)) -> tuple[str, str]:
    """By the command's verifier, and by the one in JavaScript."""
    path = written_lines(folder, lines)
    try:
        ours = verify(path, PUBLIC_KEY if public_key else None).status.value
    except (Damage, Unreadable):
        ours = "damaged"
    run = by_node(path, *([public_key] if public_key else []))
    assert run.stdout.startswith(CODES[run.returncode]) or run.returncode == 1
    assert run.stderr.count("\n") == (run.returncode == 1), run.stderr
    return ours, CODES[run.returncode]


def _flipped(line: bytes) -> bytes:
    """With another hex digit, or letter, near its end."""
    return line[:-9] + (b"1" if line[-9:-8] == b"0" else b"0") + line[-8:]


def _replaced(place: int, made: Callable[[bytes], Lines]) -> Edit:
    return lambda lines: [*lines[:place], *made(lines[place]), *lines[place + 1 :]]


def _moved_up(place: int) -> Edit:
    return lambda lines: [*lines[: place - 1], lines[place], lines[place - 1], *lines[place + 1 :]]


def _edits_of(lines: Lines) -> Iterator[tuple[str, Edit]]:
    """Any line changed, dropped, repeated or moved."""
    for place in range(len(lines)):
        yield f"dropped {place}", _replaced(place, lambda _line: [])
        yield f"repeated {place}", _replaced(place, lambda line: [line, line])
        yield f"changed {place}", _replaced(place, lambda line: [_flipped(line)])
        yield f"spaced {place}", _replaced(place, lambda line: [line + b" "])
        yield f"returned {place}", _replaced(place, lambda line: [line + b"\r"])
        if place:
            yield f"moved {place}", _moved_up(place)


EDITS = [
    pytest.param(kind, edit, id=f"{kind}: {name}")
    for kind, lines in EXPORTS.items()
    for name, edit in _edits_of(lines)
]


@pytest.mark.parametrize("kind", EXPORTS)
def test_what_the_server_has_signed_is_what_it_says(tmp_path: Path, kind: str) -> None:
    expected = "verified" if kind == "whole" else "filtered"

    assert outcomes(tmp_path, EXPORTS[kind]) == (expected, expected)
    assert outcomes(tmp_path, EXPORTS[kind], public_key=None) == ("unsigned", "unsigned")


@pytest.mark.parametrize(("kind", "edit"), EDITS)
def test_any_line_counts(tmp_path: Path, kind: str, edit: Edit) -> None:
    lines = edit(EXPORTS[kind])

    assert lines != EXPORTS[kind]
    assert outcomes(tmp_path, lines) == ("damaged", "damaged")


OTHER_ID = "01a20ae5-6d20-7188-9022-335a71dc1199"
VALUES: dict[str, tuple[Any, ...]] = {
    "end": (1, "true"),
    "accountId": (OTHER_ID, OTHER_ID.upper(), "", None),
    "events": (EVENTS - 1, EVENTS + 1, 0, True, None, float(EVENTS)),
    "firstSequence": (0, 3, None, True),
    "lastSequence": (5, 9, None),
    "headSequence": (0, 9, 2**53, "8"),
    "headHash": ("ab" * 32, "", None),
    "filtered": ("other", 0, 1, None),
    "withheld": (None, ["ip"], [1], "ip", {}),
    "merkleRoot": ("ab" * 32, "", 1),
    "sha256": ("ab" * 32, "", None),
    "signature": ("", "A" * 86, 1, True),
}


@pytest.mark.parametrize("kind", EXPORTS)
@pytest.mark.parametrize(("name", "value"), [(name, value) for name in VALUES for value in VALUES[name]])
def test_any_field_of_the_last_line_counts(tmp_path: Path, kind: str, name: str, value: Any) -> None:
    """As long as the signature is there that the line had."""
    lines = EXPORTS[kind]
    end = orjson.loads(lines[-1])
    changed = {**end, name: not end["filtered"] if value == "other" else value}

    assert changed != end or type(changed[name]) is not type(end[name])
    assert outcomes(tmp_path, [*lines[:-1], orjson.dumps(changed)]) == ("damaged", "damaged")


@pytest.mark.parametrize("kind", EXPORTS)
def test_the_last_line_is_written_in_one_way(tmp_path: Path, kind: str) -> None:
    lines, end = EXPORTS[kind][:-1], EXPORTS[kind][-1]
    signature = orjson.loads(end)["signature"]
    last = signature[-1]
    padding = next(chr(ord(last) + step) for step in (1, -1) if chr(ord(last) + step).isalpha())
    ways = (
        end.replace(b'"end":true,', b'"end":true, '),
        end.replace(b'"events":', b'"events":99,"events":'),
        end[:-1] + b',"more":1}',
        end.replace(b'"events"', b'"\\u0065vents"'),
        end.replace(f'{last}"}}'.encode(), f'{padding}"}}'.encode()),
        end.replace(f'{last}"}}'.encode(), f'{last}=="}}'.encode()),
        end.replace(f'{last}"}}'.encode(), f'{last}!"}}'.encode()),
        orjson.dumps(dict(reversed(orjson.loads(end).items()))),
    )

    for way in ways:
        assert way != end
        assert outcomes(tmp_path, [*lines, way]) == ("damaged", "damaged"), way


def test_it_ends_with_a_line_break(tmp_path: Path) -> None:
    path = written_lines(tmp_path, EXPORTS["whole"])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))

    with pytest.raises(Damage):
        verify(path, PUBLIC_KEY)
    assert by_node(path, written(PUBLIC_KEY)).returncode == 1


# Who changes events changes the last line to what it would be, but has not the server's key.


def _without_event_4(lines: Lines) -> Lines:
    return with_end(lines[:3] + lines[4:], events=EVENTS - 1, filtered=True)


def _cut(lines: Lines) -> Lines:
    last = orjson.loads(lines[4])
    said = {"events": 5, "lastSequence": 5, "headSequence": 5, "headHash": last["hash"]}
    return with_end([*lines[:5], lines[-1]], **said)


def _rehashed(lines: Lines) -> Lines:
    """The last event, with all that follows from it."""
    edit = edited(EVENTS - 1, "summary", "Nothing happened", hash=True)(lines)
    return with_end(edit, headHash=orjson.loads(edit[EVENTS - 1])["hash"])


def _added(lines: Lines) -> Lines:
    more = forged(lines, EVENTS)
    said = {"events": 9, "lastSequence": 9, "headSequence": 9, "headHash": orjson.loads(more)["hash"]}
    return with_end([*lines[:-1], more, lines[-1]], **said)


def _called_filtered(lines: Lines) -> Lines:
    return with_end(lines, filtered=True)


FORGERIES = {
    "event 4 is dropped, and it is called filtered": _without_event_4,
    "the end is cut": _cut,
    "the last event is another": _rehashed,
    "an event is added": _added,
    "nothing but the word filtered": _called_filtered,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_nobody_else_signs(tmp_path: Path, forge: Edit) -> None:
    signature = orjson.loads(EXPORTS["whole"][-1])["signature"]
    lines = forge(EXPORTS["whole"])

    with_old_signature = [*lines[:-1], orjson.dumps({**orjson.loads(lines[-1]), "signature": signature})]
    assert outcomes(tmp_path, with_old_signature) == ("damaged", "damaged")
    assert outcomes(tmp_path, with_end(lines, key=OTHER_KEY)) == ("damaged", "damaged")
    for public_key in (written(PUBLIC_KEY), None):
        assert outcomes(tmp_path, lines, public_key=public_key) == ("unsigned", "unsigned")


@pytest.mark.parametrize("kind", EXPORTS)
def test_another_account_s_id_is_found_even_in_an_unsigned_line(tmp_path: Path, kind: str) -> None:
    lines = with_end(EXPORTS[kind], accountId=OTHER_ID)

    for public_key in (written(PUBLIC_KEY), None):
        assert outcomes(tmp_path, lines, public_key=public_key) == ("damaged", "damaged")


def test_what_is_unsigned_says_what_to_do(tmp_path: Path) -> None:
    unsigned = verify(written_lines(tmp_path, with_end(EXPORTS["whole"])), PUBLIC_KEY)
    unchecked = verify(written_lines(tmp_path, EXPORTS["whole"]))

    assert unsigned.status is unchecked.status is Status.UNSIGNED
    assert "Set AUDIT_SIGNING_KEY on the server" in unsigned.sentence()
    assert "give --public-key" in unchecked.sentence()
    assert not unsigned.to_json()["verified"]
