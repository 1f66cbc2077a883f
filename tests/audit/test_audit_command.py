"""The commands `team-access audit` in processes of their own, with and without a database."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from audit_proof.keys import encoded, written
from bench.exports import export_lines
from resolvers.audit.signing_keys import public_key, signing_key
from settings import Settings
from tests.audit.test_audit_export import exported
from tests.audit.test_audit_prune import sequences
from tests.audit.test_audit_verify import UNSIGNED
from tests.audit.test_audit_verify import written as written_lines
from tests.audit.test_integrity import integrity
from tests.support.changes import UPDATE_ACCOUNT, nothing_changes
from tests.support.commands import assert_one_sentence
from tests.support.forked_commands import ROOT, outcome
from tests.support.rewriting import edited, with_end
from tests.support.world import World

SEED = b"\x07" * 32
KEY = Ed25519PrivateKey.from_private_bytes(SEED)


def run(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    return outcome(folder, "audit", *arguments, **settings)


async def run_on(world: World, folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    assert world.settings.database_url is not None
    url = world.settings.database_url.get_secret_value()
    return await asyncio.to_thread(run, folder, *arguments, DATABASE_URL=url, **settings)


# With no database at hand


def test_verify_says_what_is_whole(tmp_path: Path) -> None:
    path = written_lines(tmp_path, list(export_lines(12, KEY)))
    arguments = ("verify", str(path), "--public-key", written(KEY.public_key()))

    code, out, err = run(tmp_path, *arguments)
    as_json = json.loads(run(tmp_path, *arguments, "--json")[1])

    assert (code, err) == (0, "")
    assert out.startswith("Verified: 12 events, 1 to 12, of the account ")
    assert (as_json["status"], as_json["verified"]) == ("verified", True)
    assert (as_json["events"], as_json["filtered"]) == (12, False)


def test_verify_has_other_words_for_what_is_filtered_and_unsigned(tmp_path: Path) -> None:
    lines = list(export_lines(12, KEY))
    kept = with_end(
        [*lines[2:5], lines[-1]], key=KEY, events=3, firstSequence=3, lastSequence=5, filtered=True
    )
    key = ("--public-key", written(KEY.public_key()))
    cases = ((kept, key, 3, "filtered"), (with_end(lines), key, 4, "unsigned"), (lines, (), 4, "unsigned"))

    for export, arguments, expected, word in cases:
        path = written_lines(tmp_path, export)
        code, out, err = run(tmp_path, "verify", str(path), *arguments)
        as_json = json.loads(run(tmp_path, "verify", str(path), *arguments, "--json")[1])
        assert (code, err) == (expected, "")
        assert out.startswith(word.title())
        assert "verified" not in out.lower()
        assert (as_json["status"], as_json["verified"]) == (word, False)


def test_verify_finds_the_embedded_database_s_key(tmp_path: Path) -> None:
    key = signing_key(_settings(tmp_path / "data"))
    path = written_lines(tmp_path, list(export_lines(12, key)))

    assert run(tmp_path, "verify", str(path))[0] == 0


def test_verify_names_what_is_not(tmp_path: Path) -> None:
    path = written_lines(tmp_path, edited(4, "summary", "x")(list(export_lines(12))))

    code, out, err = run(tmp_path, "verify", str(path))
    as_json = json.loads(run(tmp_path, "verify", str(path), "--json")[1])

    assert (code, out) == (1, "")
    assert err.strip() == "Changed 5: its hash does not match its fields."
    assert (as_json["verified"], as_json["kind"], as_json["firstBrokenSequence"]) == (False, "changed", 5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("README.md",), "not an export of the audit log"),
        (("nowhere.ndjson",), "does not exist"),
        (("README.md", "--checkpoint", "x"), "neither SEQUENCE:HASH nor a file"),
        (("README.md", "--public-key", "x"), "32 bytes"),
    ],
)
def test_verify_refuses_what_cannot_be_read(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "README.md").write_text("# Team access\n")

    code, out, err = run(tmp_path, "verify", *arguments)

    assert (code, out) == (2, "")
    assert said in " ".join(err.replace("│", "").split())


def test_verify_shows_how_far_it_is(tmp_path: Path) -> None:
    """On a terminal, which is cleared of it at the end."""
    path = written_lines(tmp_path, list(export_lines(500)))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cli", "audit", "verify", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)

    process.wait(timeout=60)

    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert process.returncode == UNSIGNED
    assert "Verifying" in shown
    size = path.stat().st_size / 1_000
    assert f"{size:.1f}/{size:.1f} kB" in shown


# On a database


async def test_a_checkpoint_is_held_against_an_export(world: World, tmp_path: Path) -> None:
    code, line, err = await run_on(world, tmp_path, "checkpoint", "acme")
    assert (code, err) == (0, "")
    kept = tmp_path / "checkpoint.json"
    kept.write_text(line)
    checkpoint = json.loads(line)
    await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Apex")
    path = await exported(world, tmp_path)

    assert list(checkpoint) == ["accountId", "sequence", "hash", "occurredAt"]
    pair = f"{checkpoint['sequence']}:{checkpoint['hash']}"
    for given in (str(kept), pair):
        code, _, err = await asyncio.to_thread(run, tmp_path, "verify", str(path), "--checkpoint", given)
        assert (code, err) == (UNSIGNED, "")
    wrong = f"{checkpoint['sequence'] - 1}:{checkpoint['hash']}"
    code, _, err = await asyncio.to_thread(run, tmp_path, "verify", str(path), "--checkpoint", wrong)
    assert code == 1
    assert f"Changed {checkpoint['sequence'] - 1}: its hash differs from the checkpoint's" in err


async def test_no_checkpoint_of_nobody(world: World, tmp_path: Path) -> None:
    code, out, err = await run_on(world, tmp_path, "checkpoint", "nobody")

    assert (code, out) == (1, "")
    assert_one_sentence(err)


async def test_prune_and_verify(world: World, tmp_path: Path, owner_url: str) -> None:
    settings = {"MIGRATION_DATABASE_URL": owner_url, "AUDIT_SIGNING_KEY": encoded(SEED)}
    newest = (await sequences(world))[-1]
    # The world may be younger than a second, and --before knows no parts of one.
    await world.superuser.execute("SELECT pg_sleep(1.1)")
    before = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    path = await exported(world, tmp_path)

    code, out, err = await run_on(
        world, tmp_path, "prune", "acme", "--before", before, "--export", str(path), **settings
    )
    key = (await run_on(world, tmp_path, "public-key", **settings))[1].strip()

    assert (code, err) == (0, "")
    assert out == f"Pruned {newest} events: the log begins with {newest + 1} now.\n"
    assert key == written(KEY.public_key())
    left = await exported(world, tmp_path)
    for arguments, expected in ((("--public-key", key), UNSIGNED), ((), 1)):
        code, _, _ = await asyncio.to_thread(run, tmp_path, "verify", str(left), *arguments)
        assert code == expected
    # The server of this test has no key: it cannot tell what was pruned from what was deleted.
    assert (await integrity(world))["firstBrokenSequence"] == 1


@pytest.mark.parametrize(
    ("unset", "said"),
    [
        ("AUDIT_SIGNING_KEY", "Set AUDIT_SIGNING_KEY to 32 random bytes"),
        ("MIGRATION_DATABASE_URL", "Set MIGRATION_DATABASE_URL"),
        ("export", "Missing option '--export'"),
        ("before", "Missing option '--before'"),
        ("end", "The export does not prove the events to be pruned. Cut off: the export ends after event"),
    ],
)
async def test_prune_refuses(world: World, tmp_path: Path, owner_url: str, unset: str, said: str) -> None:
    path = await exported(world, tmp_path)
    if unset == "end":
        written_lines(tmp_path, path.read_bytes().splitlines()[:-1])
    arguments = {"before": "2026-01-01", "export": str(path)}
    settings = {"MIGRATION_DATABASE_URL": owner_url, "AUDIT_SIGNING_KEY": encoded(SEED)}
    arguments.pop(unset, None)
    settings.pop(unset, None)
    given = [part for name, value in arguments.items() for part in (f"--{name}", value)]

    async with nothing_changes(world):
        code, out, err = await run_on(world, tmp_path, "prune", "acme", *given, **settings)

    assert (code, out) == (2 if unset in ("export", "before") else 1, "")
    assert said in " ".join(err.replace("│", "").split())


# The key


def _settings(folder: Path, **given: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **given)


def test_the_embedded_database_s_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "data")
    assert public_key(settings) is None

    key = signing_key(settings)

    (file,) = (tmp_path / "data").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert signing_key(settings).private_bytes_raw() == key.private_bytes_raw()
    found = public_key(settings)
    assert found is not None
    assert written(found) == written(key.public_key())


def test_a_key_that_is_set_counts(tmp_path: Path) -> None:
    settings = _settings(tmp_path, audit_signing_key=SecretStr(encoded(SEED)))
    public = _settings(tmp_path, audit_public_key=written(KEY.public_key()))

    for each in (settings, public):
        found = public_key(each)
        assert found is not None
        assert written(found) == written(KEY.public_key())
    assert signing_key(settings).private_bytes_raw() == SEED


@pytest.mark.parametrize("name", ["AUDIT_SIGNING_KEY", "AUDIT_PUBLIC_KEY"])
@pytest.mark.parametrize("value", ["x", encoded(b"short"), "é" * 43])
def test_a_key_that_is_none_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    code, out, err = run(tmp_path, "public-key", **{name: value})

    assert (code, out) == (2, "")
    assert err == f"{name}: must be 32 bytes in base64url: 43 characters\n"


async def test_the_operators_export_is_that_of_an_admin(world: World, tmp_path: Path) -> None:
    settings = {"AUDIT_SIGNING_KEY": encoded(SEED)}
    path = tmp_path / "log.ndjson"

    async with nothing_changes(world):
        code, out, err = await run_on(world, tmp_path, "export", "acme", **settings)
    path.write_text(out)
    verified, said, _ = run(tmp_path, "verify", str(path), **settings)

    assert (code, err) == (0, "")
    assert verified == 0, said
    assert await run_on(world, tmp_path, "export", "nobody") == (
        1,
        "",
        "There is no such account as nobody.\n",
    )
