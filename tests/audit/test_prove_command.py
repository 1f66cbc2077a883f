"""The command `team-access audit prove`, and `audit verify` of its output."""

import asyncio
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit_proof.keys import written
from bench.exports import KEY, export_lines
from tests.audit.test_audit_command import run
from tests.audit.test_audit_end import OTHER_KEY
from tests.audit.test_audit_export import exported, signing  # noqa: F401
from tests.audit.test_audit_verify import by_node
from tests.audit.test_audit_verify import written as written_lines
from tests.support.changes import INVITE_ONE, UPDATE_ACCOUNT
from tests.support.rewriting import Lines, edited, with_end
from tests.support.world import World

PUBLIC_KEY = ("--public-key", written(KEY.public_key()))
ID = "01a20ae5-6d20-7188-9022-000000000005"


def lines_of(events: int) -> Lines:
    return list(export_lines(events, KEY))


def proof_in(folder: Path, *arguments: str, lines: Lines, id: str = ID) -> Path:
    export = written_lines(folder, lines)
    code, out, err = run(folder, "prove", id, "--export", str(export), *PUBLIC_KEY, *arguments)
    assert (code, err) == (0, "")
    path = folder / "proof.ndjson"
    path.write_text(out)
    return path


def kept(folder: Path, events: int) -> str:
    path = folder / f"checkpoint-{events}.json"
    path.write_bytes(lines_of(events)[-1] + b"\n")
    return str(path)


def test_a_proof_is_verified_without_its_export(tmp_path: Path) -> None:
    path = proof_in(tmp_path, lines=lines_of(12))

    code, out, err = run(tmp_path, "verify", str(path), *PUBLIC_KEY)
    as_json = orjson.loads(run(tmp_path, "verify", str(path), *PUBLIC_KEY, "--json")[1])

    assert (code, err) == (0, "")
    assert out == (
        "Verified: event 5 of the account 01a20ae5-6d20-7188-9022-335a71dc1186 is in the log, which had 12"
        " events.\n"
    )
    assert (as_json["status"], as_json["verified"], as_json["sequence"]) == ("verified", True, 5)
    assert run(tmp_path, "verify", str(path))[0] == 4
    assert by_node(path, PUBLIC_KEY[1]).returncode == 0


def test_an_id_of_the_api_is_as_good(tmp_path: Path) -> None:
    id = f"event_{ID.replace('-', '')}"

    assert b'"sequence":5,' in proof_in(tmp_path, lines=lines_of(12), id=id).read_bytes()


def test_a_proof_against_checkpoints(tmp_path: Path) -> None:
    path = proof_in(tmp_path, "--checkpoint", kept(tmp_path, 7), lines=lines_of(12))
    cases = {kept(tmp_path, 7): 0, kept(tmp_path, 12): 0, kept(tmp_path, 4): 1, kept(tmp_path, 9): 1}

    for checkpoint, expected in cases.items():
        code, out, err = run(tmp_path, "verify", str(path), *PUBLIC_KEY, "--checkpoint", checkpoint)
        assert (code, bool(out), bool(err)) == (expected, not expected, bool(expected)), checkpoint


def test_a_changed_proof_is_named(tmp_path: Path) -> None:
    path = proof_in(tmp_path, lines=lines_of(12))
    path.write_bytes(path.read_bytes().replace(b"Ada", b"Eve", 1))

    code, out, err = run(tmp_path, "verify", str(path), *PUBLIC_KEY)

    assert (code, out, err) == (1, "", "Changed 5: its hash does not match its fields.\n")
    path.write_bytes(path.read_bytes()[:-9])
    code, _, err = run(tmp_path, "verify", str(path), *PUBLIC_KEY)
    assert (code, "is not a proof as `team-access audit prove` prints it" in err) == (2, True)


def test_values_are_withheld_from_a_proof(tmp_path: Path) -> None:
    path = proof_in(
        tmp_path, "--withhold", "actorName", "--withhold", "summary", "--withhold", "ip", lines=lines_of(12)
    )

    assert b"Ada" not in path.read_bytes()
    code, out, _ = run(tmp_path, "verify", str(path), *PUBLIC_KEY)
    assert (code, "3 of its personal values are erased or withheld" in out) == (0, True)


@pytest.mark.parametrize(
    ("lines", "arguments", "expected", "said"),
    [
        (lines_of(4), (ID,), 1, "The export has no event 01a20ae5"),
        (edited(6, "summary", "x")(lines_of(12)), (ID,), 1, "Changed 7: its hash does not match"),
        (lines_of(12)[:-1], (ID,), 1, "its last line is missing"),
        (with_end(lines_of(12), key=KEY, filtered=True), (ID,), 1, "export the whole log"),
        (with_end(lines_of(12), key=OTHER_KEY), (ID,), 1, "is not signed by this key"),
        ([b"{}"], (ID,), 1, "request the report AUDIT_LOG as NDJSON"),
        (lines_of(12), ("5",), 2, "EVENT_ID"),
        (lines_of(12), (ID, "--withhold", "name"), 2, "expected summary, actorName,"),
        (lines_of(12), (ID, "--checkpoint", "nothing"), 2, "the last line of an export"),
        (lines_of(12), (ID, "--checkpoint", "12:" + "ab" * 32), 1, "keep the last line of an export"),
        (lines_of(12), (ID, "--checkpoint", "4:" + "ab" * 32), 1, "use a newer one"),
    ],
)
def test_what_is_not_proven_is_explained(
    tmp_path: Path, lines: Lines, arguments: tuple[str, ...], expected: int, said: str
) -> None:
    export = written_lines(tmp_path, lines)

    code, out, err = run(tmp_path, "prove", *arguments, "--export", str(export), *PUBLIC_KEY)

    assert (code, out) == (expected, "")
    assert said in " ".join(err.replace("│", "").split())


def test_a_newer_checkpoint_needs_a_newer_export(tmp_path: Path) -> None:
    export = written_lines(tmp_path, lines_of(12))
    arguments = (ID, "--export", str(export), *PUBLIC_KEY, "--checkpoint", kept(tmp_path, 20))

    code, out, err = run(tmp_path, "prove", *arguments)

    assert (code, out) == (1, "")
    assert "an export that begins with 1 and is not older" in err


async def test_events_of_the_server_are_proven(
    world: World,
    tmp_path: Path,
    signing: Ed25519PublicKey,  # noqa: F811
) -> None:
    """From exports with and without their names, against the last line of an older one."""
    await world.admin.change(INVITE_ONE, accountId=world.account_id, email="zoe@example.com", role="VIEWER")
    older = await exported(world, tmp_path / "older")
    checkpoint = tmp_path / "checkpoint.json"
    checkpoint.write_bytes(older.read_bytes().splitlines()[-1] + b"\n")
    (event,) = (
        each
        for each in map(orjson.loads, older.read_bytes().splitlines())
        if "zoe@example.com" in each.get("summary", "")
    )
    await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Apex")
    whole = await exported(world, tmp_path / "whole")
    part = await exported(
        world, tmp_path / "part", withhold=["SUMMARY", "DETAILS", "TARGET_NAME", "ACTOR_NAME"]
    )
    key = ("--public-key", written(signing), "--checkpoint", str(checkpoint))

    for export in (whole, part):
        code, out, err = await asyncio.to_thread(
            run, tmp_path, "prove", event["id"], "--export", str(export), *key
        )
        assert (code, err) == (0, "")
        assert ("zoe@example.com" in out) == (export is whole)
        path = tmp_path / "proof"
        path.write_text(out)
        assert (await asyncio.to_thread(run, tmp_path, "verify", str(path), *key))[0] == 0
        assert by_node(path, written(signing)).returncode == 0
