"""Proofs of one event: both verifiers accept them, and refuse them with any byte changed."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_proof.chain import PERSONAL
from audit_proof.checkpoints import Checkpoint
from audit_proof.diagnosis import Damage, Kind
from audit_proof.export_end import End
from audit_proof.keys import written
from audit_proof.merkle import Tree
from audit_proof.proofs import NotProvable, Proof, Proven, check, is_proof, prove, verify_proof
from audit_proof.verification import Status, Unreadable, Verified, verify
from bench.exports import KEY, export_lines
from tests.audit.test_audit_end import CODES, OTHER_KEY
from tests.audit.test_audit_verify import by_node
from tests.support.rewriting import Lines, edited, line_of, with_end

MOST = 300
PUBLIC_KEY = KEY.public_key()


@cache
def log() -> Lines:
    """Events, each of which has personal details."""
    lines: Lines = []
    for line in list(export_lines(MOST))[:-1]:
        event = orjson.loads(line)
        event["personalDetails"] = {"email": "zoë@example.com", "names": ["Ada", None]}
        event["previousHash"] = orjson.loads(lines[-1])["hash"] if lines else "0" * 64
        lines.append(line_of(event, hash=True))
    return lines


@cache
def export_of(events: int, first: int = 1, key: Ed25519PrivateKey | None = KEY) -> Lines:
    """Its events `first` to `events`."""
    lines = log()[first - 1 : events]
    said = orjson.loads(lines[-1])
    end = End(
        *(said["accountId"], len(lines), first, events, events, said["hash"], False, (), None, "", None)
    )
    values = {"merkleRoot": root_of(lines)}
    return with_end([*lines, end.line().removesuffix(b"\n")], key=key, **values)


def root_of(lines: Lines) -> str:
    tree = Tree()
    tree.append([bytes.fromhex(orjson.loads(line)["hash"]) for line in lines])
    return tree.root().hex()


def verified(folder: Path, lines: Lines) -> Verified:
    path = folder / "export.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return verify(path, PUBLIC_KEY)


def id_of(sequence: int) -> UUID:
    return UUID(orjson.loads(log()[sequence - 1])["id"])


def proof_of(
    folder: Path, lines: Lines, sequence: int, before: int | None = None, withhold: Iterable[str] = ()
) -> Proof:
    return prove(verified(folder, lines), id_of(sequence), before, [*withhold])


def checkpoint_of(folder: Path, lines: Lines) -> Checkpoint:
    path = folder / "checkpoint.json"
    path.write_bytes(lines[-1] + b"\n")
    return Checkpoint.of(str(path))


def outcomes(folder: Path, text: bytes, *, key: Ed25519PrivateKey | None = KEY) -> tuple[str, str]:
    """By the command's verifier, and by the one in JavaScript."""
    path = folder / "proof"
    path.write_bytes(text)
    public_key = None if key is None else key.public_key()
    try:
        found = verify_proof(path, public_key) if is_proof(path) else verify(path, public_key)
        ours = found.status.value
    except (Damage, Unreadable):
        ours = "damaged"
    run = by_node(path, *([written(public_key)] if public_key else []))
    assert run.stderr.count("\n") == (run.returncode in (1, 2)), run.stderr
    return ours, {**CODES, 2: "damaged"}[run.returncode]


@st.composite
def places(draw: st.DrawFn) -> tuple[int, int, int | None]:
    """The size of a log, an event, and the size of an older log."""
    size = draw(st.integers(1, MOST))
    return size, draw(st.integers(1, size)), draw(st.none() | st.integers(1, size))


SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(places(), st.sets(st.sampled_from([*PERSONAL, "details"])), st.data())
def test_a_proof_verifies_and_any_other_does_not(
    tmp_path: Path, place: tuple[int, int, int | None], withhold: set[str], data: st.DataObject
) -> None:
    size, sequence, before = place
    text = proof_of(tmp_path, export_of(size), sequence, before, withhold).text()

    assert outcomes(tmp_path, text) == ("verified", "verified")
    assert outcomes(tmp_path, text, key=None) == ("unsigned", "unsigned")
    for _ in range(5):
        at, byte = data.draw(st.integers(0, len(text) - 1)), data.draw(st.binary(min_size=1, max_size=1))
        changed = data.draw(
            st.sampled_from(
                [text[:at] + byte + text[at + 1 :], text[:at] + text[at + 1 :], text[:at] + byte + text[at:]]
            )
        )
        expected = "verified" if changed == text else "damaged"
        assert outcomes(tmp_path, changed) == (expected, expected), changed


@pytest.mark.parametrize("before", [None, 5])
def test_any_byte_of_a_proof_counts(tmp_path: Path, before: int | None) -> None:
    """Its case, for a letter; otherwise its last bit."""
    text = proof_of(tmp_path, export_of(11), 3, before).text()
    path = tmp_path / "proof"

    for place, byte in enumerate(text):
        other = byte ^ (0x20 if bytes([byte]).isalpha() else 1)
        changed = text[:place] + bytes([other]) + text[place + 1 :]
        if place % 7 == 0:
            assert outcomes(tmp_path, changed) == ("damaged", "damaged"), (place, changed)
        path.write_bytes(changed)
        with pytest.raises((Damage, Unreadable)):
            verify_proof(path, PUBLIC_KEY)


def _swapped_path(proof: Proof) -> Proof:
    return replace(proof, path=proof.path[::-1])


def _shorter(proof: Proof) -> Proof:
    return replace(proof, path=proof.path[:-1])


def _longer(proof: Proof) -> Proof:
    return replace(proof, path=[*proof.path, bytes(32)])


def _other_event(proof: Proof) -> Proof:
    return replace(proof, line=log()[8])


def _later_event(proof: Proof) -> Proof:
    return replace(proof, line=log()[50])


def _rewritten_event(proof: Proof) -> Proof:
    return replace(proof, line=edited(0, "summary", "Nothing happened", hash=True)([proof.line])[0])


def _another_end(proof: Proof) -> Proof:
    return replace(proof, end=_end(export_of(12)))


def _end(lines: Lines) -> End:
    end = End.of(lines[-1] + b"\n")
    assert end is not None
    return end


def _of_another_account(proof: Proof) -> Proof:
    event = {**orjson.loads(proof.line), "accountId": "01a20ae5-6d20-7188-9022-335a71dc1199"}
    return replace(proof, line=line_of(event, hash=True))


def _filtered(proof: Proof) -> Proof:
    return replace(proof, end=replace(proof.end, is_filtered=True).signed(KEY))


def _numbered_otherwise(proof: Proof) -> Proof:
    """The number of the last event, and so of all, is as it was; the key has signed it."""
    return replace(proof, end=replace(proof.end, first=2, events=10).signed(KEY))


@pytest.mark.parametrize(
    "edit",
    [
        _swapped_path, _shorter, _longer, _other_event, _later_event, _rewritten_event, _another_end,
        _of_another_account, _filtered, _numbered_otherwise,
    ],
)  # fmt: skip
def test_another_proof_is_none(tmp_path: Path, edit: object) -> None:
    assert callable(edit)
    proof = edit(proof_of(tmp_path, export_of(11), 3))

    assert outcomes(tmp_path, proof.text()) == ("damaged", "damaged")
    assert outcomes(tmp_path, proof.text(), key=None) == ("damaged", "damaged")


def test_nobody_else_signs_a_proof(tmp_path: Path) -> None:
    proof = proof_of(tmp_path, export_of(11), 3)

    assert outcomes(tmp_path, proof.text(), key=OTHER_KEY) == ("damaged", "damaged")
    unsigned = proof_of(tmp_path, export_of(11, key=None), 3)
    assert outcomes(tmp_path, unsigned.text()) == ("unsigned", "unsigned")
    assert "Set AUDIT_SIGNING_KEY" in check(unsigned, PUBLIC_KEY).sentence()


def test_a_proof_has_at_most_one_hash_for_each_doubling(tmp_path: Path) -> None:
    for sequence in (1, 150, MOST):
        assert len(proof_of(tmp_path, export_of(MOST), sequence).path) <= 9


def test_values_are_withheld(tmp_path: Path) -> None:
    text = proof_of(tmp_path, export_of(11), 3, withhold=[*PERSONAL, "details"]).text()

    assert not [value for value in (b"Ada", b"zo", b"build server", b"203.0.113") if value in text]
    assert orjson.loads(text.split(b"\n")[0])["salt"] == {}
    assert outcomes(tmp_path, text) == ("verified", "verified")
    assert "8 of its personal values are erased or withheld" in _proven(text).sentence()


def _proven(text: bytes) -> Proven:
    proof = Proof.of(text)
    assert proof is not None
    return check(proof, PUBLIC_KEY)


# Without a proof


def test_an_event_that_is_not_in_the_export(tmp_path: Path) -> None:
    with pytest.raises(NotProvable, match="It has 1 to 11: if the event is newer, export the log again"):
        proof_of(tmp_path, export_of(11), 12)


def test_a_filtered_export_proves_no_event(tmp_path: Path) -> None:
    lines = with_end(export_of(11), key=KEY, filtered=True)

    with pytest.raises(NotProvable, match="export the whole log"):
        proof_of(tmp_path, lines, 3)


# Against a checkpoint


@SETTINGS
@given(places())
def test_a_proof_leads_to_the_log_of_a_checkpoint(tmp_path: Path, place: tuple[int, int, int | None]) -> None:
    size, sequence, before = place
    kept = checkpoint_of(tmp_path, export_of(before or size))
    export = verified(tmp_path, export_of(size))

    proven = check(prove(export, id_of(sequence), kept.first_events(export), ()), PUBLIC_KEY)

    if kept.sequence >= sequence:
        kept.require_event(proven)
        return
    with pytest.raises(Damage, match="is older than the event") as damage:
        kept.require_event(proven)
    assert (damage.value.kind, damage.value.sequence) == (Kind.UNPROVEN, sequence)


def refusal(kept: Checkpoint, proven: Proven) -> tuple[Kind, str]:
    with pytest.raises(Damage) as damage:
        kept.require_event(proven)
    return damage.value.kind, damage.value.why


def test_a_checkpoint_of_another_log(tmp_path: Path) -> None:
    proven = check(proof_of(tmp_path, export_of(11), 3, 7), PUBLIC_KEY)
    for events in (7, 11):
        kept = checkpoint_of(tmp_path, export_of(events))
        assert kept.end is not None
        rewritten = replace(kept, end=replace(kept.end, merkle_root="ab" * 32))
        another = replace(kept, account_id="another")

        kept.require_event(proven)
        assert refusal(rewritten, proven)[0] is Kind.CHANGED
        assert refusal(another, proven) == (Kind.CHANGED, "the checkpoint belongs to the account another.")


def test_a_checkpoint_that_the_proof_does_not_lead_to(tmp_path: Path) -> None:
    proven = check(proof_of(tmp_path, export_of(11), 3, 7), PUBLIC_KEY)

    for lines in (export_of(8), export_of(12), export_of(8, 2)):
        kind, why = refusal(checkpoint_of(tmp_path, lines), proven)
        assert (kind, "make it with `audit prove --checkpoint`" in why) == (Kind.UNPROVEN, True)


def test_a_checkpoint_without_a_tree_proves_its_own_event(tmp_path: Path) -> None:
    hashes = [orjson.loads(line)["hash"] for line in log()]
    proven = check(proof_of(tmp_path, export_of(11), 3), PUBLIC_KEY)

    Checkpoint.of(f"3:{hashes[2]}").require_event(proven)
    assert refusal(Checkpoint(3, hashes[3]), proven)[0] is Kind.CHANGED
    assert refusal(Checkpoint(2, hashes[1]), proven)[0] is Kind.UNPROVEN
    kind, why = refusal(Checkpoint(11, hashes[10]), proven)
    assert (kind, "keep the last line of an export" in why) == (Kind.UNPROVEN, True)


def test_the_last_line_of_an_export_is_a_checkpoint_of_exports_too(tmp_path: Path) -> None:
    checkpoint_of(tmp_path, export_of(7)).require_in(verified(tmp_path, export_of(11)))

    with pytest.raises(Damage, match="before the checkpoint 11"):
        checkpoint_of(tmp_path, export_of(11)).require_in(verified(tmp_path, export_of(7)))


def test_an_export_of_a_pruned_log_proves_what_is_left(tmp_path: Path) -> None:
    """The export's own verification needs the event of the pruning; the proof of an event does not."""
    lines = export_of(11, 5)
    whole = verified(tmp_path, export_of(11))
    end = _end(lines)
    path = tmp_path / "rest.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in lines))

    proof = prove(replace(whole, path=path, end=end), id_of(6), None, ())

    assert outcomes(tmp_path, proof.text()) == ("verified", "verified")
    with pytest.raises(NotProvable, match="It has 5 to 11"):
        prove(replace(whole, path=path, end=end), id_of(4), None, ())


def test_a_proof_is_no_export(tmp_path: Path) -> None:
    path = tmp_path / "proof"
    path.write_bytes(proof_of(tmp_path, export_of(1), 1).text())

    with pytest.raises(Damage):
        verify(path, PUBLIC_KEY)
    assert verify_proof(path, PUBLIC_KEY).status is Status.VERIFIED
