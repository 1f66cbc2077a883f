"""`deploy/rehearse-restore` on a real backup: it tells one that is usable from one that is not."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit_proof.keys import encoded
from embedded.folder import binaries, user
from tests.support.archiving import SEGMENT, ArchivingServer, archiving
from tests.support.forked_commands import ROOT

KEY = encoded(b"k" * 32)
SLUGS = ("acme", "late")
TAMPER = """UPDATE audit_events SET summary = 'Nothing happened'
    WHERE sequence = 1 AND account_id = (SELECT id FROM accounts WHERE slug = 'acme')"""


@dataclass(frozen=True)
class Backup:
    server: ArchivingServer
    base: Path
    checkpoints: Path
    before: str
    """Time at which everything was right."""

    def rehearse(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        postgresql = user()
        return subprocess.run(
            [str(ROOT / "deploy" / "rehearse-restore"), *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={
                **self.server.environment(),
                "TEAM_ACCESS": str(Path(sys.executable).with_name("team-access")),
                "POSTGRESQL_BIN": str(binaries()),
                "POSTGRESQL_USER": postgresql.pw_name if postgresql else "",
                "AUDIT_SIGNING_KEY": KEY,
                "TIMEOUT_SECONDS": "120",
                **environment,
            },
        )

    def restored(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit code, and the last line that it prints."""
        base, archive = ("--base", str(self.base)), ("--archive", str(self.server.archive))
        result = self.rehearse(*base, *archive, *arguments, **environment)
        return result.returncode, (result.stderr + result.stdout).rstrip().rpartition("\n")[2]


@pytest.fixture(scope="module")
def backup() -> Iterator[Backup]:
    """A backup of an account, another account after it, and then an administrator who rewrites an event."""
    with tempfile.TemporaryDirectory(prefix="team-access-backup-") as path, archiving(Path(path)) as server:
        assert server.team_access("account", "create", SLUGS[0], "acme@example.com")[0] == 0
        made = server.run([str(ROOT / "deploy" / "backup"), path])
        assert made.returncode == 0, made.stderr
        base = Path(made.stdout.split()[-1])
        assert server.team_access("account", "create", SLUGS[1], "late@example.com")[0] == 0
        before = asyncio.run(server.execute("SELECT clock_timestamp()"))
        segment = asyncio.run(server.execute(TAMPER, SEGMENT))
        asyncio.run(server.execute("SELECT pg_switch_wal()"))
        asyncio.run(_archived(server, segment))
        yield Backup(server, base, server.checkpoints / base.name, before)


async def _archived(server: ArchivingServer, segment: str) -> None:
    async with asyncio.timeout(60):
        while not (server.archive / segment).exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_a_backup_is_restored_to_a_time_and_compared_with_checkpoints(backup: Backup) -> None:
    kept = backup.server.folder / "kept"
    arguments = ("--until", backup.before, "--checkpoints", str(backup.checkpoints), "--keep", str(kept))

    code, line = backup.restored(*arguments)
    again = backup.restored(*arguments)

    assert [path.name for path in backup.checkpoints.iterdir()] == ["acme.json"]
    assert code == 0, line
    assert line.endswith("2 audit logs are verified, 1 of them with a checkpoint.")
    assert sorted(os.listdir(kept / "logs")) == [f"{slug}.ndjson" for slug in SLUGS]
    assert again == (2, f"--keep: {kept} exists already.")
    # Production is as it was.
    assert asyncio.run(backup.server.execute("SELECT count(*) FROM accounts")) == "2"


def test_a_log_that_was_rewritten_is_found(backup: Backup) -> None:
    assert backup.restored() == (1, "The log of acme is not verified.")


def test_a_log_that_lacks_the_event_of_a_checkpoint_is_found(backup: Backup, tmp_path: Path) -> None:
    """As if the archive had ended before the checkpoint."""
    checkpoint = json.loads((backup.checkpoints / "acme.json").read_text())
    later = {**checkpoint, "sequence": checkpoint["sequence"] + 1}
    (tmp_path / "acme.json").write_text(json.dumps(later))

    found = backup.restored("--until", backup.before, "--checkpoints", str(tmp_path))

    assert found == (1, "The log of acme is not verified.")


def test_an_account_that_is_missing_is_found(backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text((backup.checkpoints / "acme.json").read_text())

    found = backup.restored("--until", backup.before, "--checkpoints", str(tmp_path))

    assert found == (1, "The backup lacks the account gone.")


def test_a_lost_segment_is_found(backup: Backup, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()

    result = backup.rehearse("--base", str(backup.base), "--archive", str(archive), "--until", backup.before)

    assert result.returncode == 1
    assert "recovery ended before configured recovery target was reached" in result.stderr


def test_without_the_key_nothing_is_verified(backup: Backup) -> None:
    code, line = backup.restored("--until", backup.before, AUDIT_SIGNING_KEY="", AUDIT_PUBLIC_KEY="A" * 43)

    assert (code, line) == (1, "The log of acme is not verified.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--base is required."),
        (["--base", "."], "--archive is required."),
        (["--base", "/nowhere"], "--base: /nowhere is not a folder."),
        (["--base"], "--base: nothing is not a folder."),
        (["--until"], "--until: expected a value."),
        (["--colour"], "--colour: expected --base, --archive, --until, --checkpoints or --keep."),
        (["--base", ".", "--archive", "."], f"--base: {ROOT} is not a base backup of PostgreSQL."),
    ],
)
def test_wrong_arguments(backup: Backup, arguments: list[str], sentence: str) -> None:
    result = backup.rehearse(*arguments)

    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"{sentence}\n")
