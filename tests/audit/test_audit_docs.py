"""The format described in `docs/reference/audit-log.md` is the format in the code."""

import re
from hashlib import sha256
from pathlib import Path

from audit_proof.chain import FIELDS
from audit_proof.checkpoints import Checkpoint
from audit_proof.keys import written
from audit_proof.proofs import verify_proof
from audit_proof.verification import Status, verify
from bench.exports import KEY
from tests.audit.test_audit_verify import by_node

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reference" / "audit-log.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```(?:json|text)\n(.*)\n```", DOCUMENT)


def test_the_example_is_an_export(tmp_path: Path) -> None:
    event, _, end, *_ = EXAMPLE
    path = tmp_path / "audit-log.ndjson"
    path.write_text(f"{event}\n{end}\n", encoding="utf-8")

    assert verify(path, KEY.public_key()).status is Status.VERIFIED
    assert f"`{written(KEY.public_key())}`" in DOCUMENT


def test_the_example_s_hash_is_over_what_is_said_to_be_hashed() -> None:
    event, text, end, *_ = EXAMPLE
    hash = sha256(bytes(32) + text.encode()).hexdigest()

    assert f'"hash":"{hash}"' in event
    assert f'"headHash":"{hash}"' in end


def test_the_example_s_proof_is_one(tmp_path: Path) -> None:
    event, _, checkpoint, paths, end = EXAMPLE
    proof, kept = tmp_path / "proof.ndjson", tmp_path / "checkpoint.json"
    proof.write_text(f"{event}\n{paths}\n{end}\n", encoding="utf-8")
    kept.write_text(f"{checkpoint}\n", encoding="utf-8")

    proven = verify_proof(proof, KEY.public_key())

    assert proven.status is Status.VERIFIED
    Checkpoint.of(str(kept)).require_event(proven)
    assert by_node(proof, written(KEY.public_key())).returncode == 0


def test_the_hashes_of_the_examples_are_as_written() -> None:
    """Lines such as `SHA-256( 01, left, right ) = hash`, of hexadecimal digits only."""
    rows = re.findall(r"^    SHA-256\( ([0-9a-f, ]+) \) = ([0-9a-f]{64})$", DOCUMENT, re.MULTILINE)

    assert len(rows) == 2
    for parts, hash in rows:
        assert sha256(bytes.fromhex(parts.replace(", ", ""))).hexdigest() == hash


def test_the_fields_are_listed_in_their_order() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCUMENT, re.MULTILINE)

    assert rows == [(str(number), name) for number, name in enumerate(FIELDS, 1)]
