"""The verifier needs no package but `cryptography`, and gives the same results without others."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_proof import json_text
from audit_proof.diagnosis import Damage
from audit_proof.verification import verify
from bench.exports import export_lines

ROOT = Path(__file__).parents[2]
ALONE = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    allowed = {"audit_proof", "cryptography", "cffi", "_cffi_backend", *sys.stdlib_module_names}
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] not in self.allowed:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())

from pathlib import Path
from audit_proof.diagnosis import Damage
from audit_proof.verification import verify

for file in sys.argv[1:]:
    try:
        print(verify(Path(file)).events)
    except Damage as damage:
        print(damage)
"""
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_python_alone_reads_and_writes_the_same(value: object) -> None:
    assert json_text.dumps_by_python(value) == orjson.dumps(value)
    assert json_text.loads_by_python(orjson.dumps(value)) == value


@given(st.binary() | st.text('[]{}":,0123456789eE+-.\\ud8nulltrfasNI \n\t').map(str.encode))
def test_python_alone_refuses_the_same(text: bytes) -> None:
    assert _outcome(json_text.loads_by_python, text) == _outcome(orjson.loads, text)


@pytest.mark.parametrize(
    "text", [b'"\\ud800"', b"NaN", b"-Infinity", b"[" * 100_000, b'"\xff"', b"01", b"1" * 5000, b"1e400"]
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    assert _outcome(json_text.loads_by_python, text) == _outcome(orjson.loads, text)


def test_an_export_is_verified_without_other_packages(tmp_path: Path) -> None:
    lines = list(export_lines(40))
    lines[20:21] = []
    whole, damaged = tmp_path / "whole.ndjson", tmp_path / "damaged.ndjson"
    whole.write_bytes(b"".join(line + b"\n" for line in export_lines(40)))
    damaged.write_bytes(b"".join(line + b"\n" for line in lines))
    with pytest.raises(Damage) as found:
        verify(damaged)

    command = [sys.executable, "-c", ALONE, str(whole), str(damaged)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["40", str(found.value)]


def _outcome(loads: Callable[[bytes], object], text: bytes) -> object:
    try:
        return repr(loads(text))
    except ValueError:
        return ValueError
