"""Changes that one of the verifiers found and the other did not: both find them."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from audit_proof.diagnosis import Kind
from bench.exports import KEY, export_lines
from tests.audit.test_audit_end import outcomes
from tests.audit.test_audit_verify import damage_of
from tests.audit.test_audit_verify import written as written_lines
from tests.support.rewriting import Lines, line_of, with_end


def export() -> Lines:
    """The summary of its last event contains U+FFFD. The last line is not signed."""
    *before, event, end = export_lines(4, KEY)
    line = line_of({**orjson.loads(event), "summary": "A � B"}, hash=True)
    return with_end([*before, line, end], headHash=orjson.loads(line)["hash"])


@pytest.mark.parametrize("other", [b"\xff", b"\xc0", b"\\ud800", b"\\udfff"])
def test_bytes_that_are_read_as_another_character(tmp_path: Path, other: bytes) -> None:
    *before, event, end = export()
    assert outcomes(tmp_path, [*before, event, end], public_key=None) == ("unsigned", "unsigned")

    lines = with_end([*before, event.replace("�".encode(), other), end])

    assert outcomes(tmp_path, lines, public_key=None) == ("damaged", "damaged")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("events", "4"),
        ("firstSequence", "1"),
        ("firstSequence", [1]),
        ("lastSequence", "4"),
        ("signature", 0),
        ("signature", []),
        ("signature", True),
    ],
)
def test_a_last_line_with_values_of_other_types(tmp_path: Path, name: str, value: Any) -> None:
    lines = with_end(export(), **{name: value})

    assert outcomes(tmp_path, lines, public_key=None) == ("damaged", "damaged")


@pytest.mark.parametrize("place", [-67, -68, -72, -75, -1, -2])
@pytest.mark.parametrize("other", [b"x", b" ", b"\xff"])
def test_a_changed_byte_around_the_hashes(tmp_path: Path, place: int, other: bytes) -> None:
    first, event, *rest = export()
    changed = event[:place] + other + event[len(event) + place + 1 :]

    lines = with_end([first, changed, *rest])

    assert damage_of(written_lines(tmp_path, lines)) == (Kind.CHANGED, 2)
    assert outcomes(tmp_path, lines, public_key=None) == ("damaged", "damaged")
