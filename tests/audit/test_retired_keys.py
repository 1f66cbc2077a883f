"""The signing key is replaced: what the earlier one has signed is still verified."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from audit_proof.keys import AnyKey, encoded, written
from audit_proof.verification import verify
from bench.exports import export_lines
from models.database import Database
from resolvers.audit import integrity, jobs
from resolvers.audit.operator import Exported, Pruned, prune
from resolvers.audit.signing_keys import verifying_key
from settings import Settings
from tests.audit.test_audit_command import run
from tests.audit.test_audit_export import exported
from tests.audit.test_audit_prune import log, moment_of, owner, sequences
from tests.audit.test_audit_verify import by_node
from tests.audit.test_audit_verify import written as written_lines
from tests.support.world import World

__all__ = ["log", "owner"]

SEEDS = (b"1" * 32, b"2" * 32, b"3" * 32)
FIRST, SECOND, UNKNOWN = (Ed25519PrivateKey.from_private_bytes(seed) for seed in SEEDS)
TEXTS = [written(key.public_key()) for key in (FIRST, SECOND, UNKNOWN)]
BOTH = AnyKey([SECOND.public_key(), FIRST.public_key()])


@pytest.mark.parametrize(
    ("settings", "exit_code"),
    [
        ({"AUDIT_SIGNING_KEY": encoded(SEEDS[1])}, 1),
        ({"AUDIT_SIGNING_KEY": encoded(SEEDS[1]), "AUDIT_RETIRED_KEYS": TEXTS[2]}, 1),
        ({"AUDIT_SIGNING_KEY": encoded(SEEDS[1]), "AUDIT_RETIRED_KEYS": f"{TEXTS[2]}, {TEXTS[0]}"}, 0),
        ({"AUDIT_PUBLIC_KEY": TEXTS[1], "AUDIT_RETIRED_KEYS": TEXTS[0]}, 0),
        ({"AUDIT_RETIRED_KEYS": TEXTS[0]}, 0),
        ({}, 4),
    ],
)
def test_an_export_of_the_earlier_key(tmp_path: Path, settings: dict[str, str], exit_code: int) -> None:
    path = written_lines(tmp_path, list(export_lines(12, FIRST)))

    code, _, err = run(tmp_path, "verify", str(path), **settings)

    assert code == exit_code
    assert ("another key signed it" in err) == (exit_code == 1)


@pytest.mark.parametrize(
    ("keys", "exit_code"), [(TEXTS[1], 1), (f"{TEXTS[1]},{TEXTS[0]}", 0), (",".join(TEXTS[1:]), 1)]
)
def test_both_verifiers_take_several_keys(tmp_path: Path, keys: str, exit_code: int) -> None:
    path = written_lines(tmp_path, list(export_lines(12, FIRST)))

    # The option takes precedence over the settings.
    code, _, _ = run(tmp_path, "verify", str(path), "--public-key", keys, AUDIT_RETIRED_KEYS=TEXTS[0])

    assert code == exit_code
    assert by_node(path, keys).returncode == exit_code


@pytest.mark.parametrize("keys", [f"{TEXTS[0]},", ",", f"{TEXTS[0]} {TEXTS[1]}", f"{TEXTS[0]},x"])
def test_a_malformed_key_among_them_is_refused(tmp_path: Path, keys: str) -> None:
    path = written_lines(tmp_path, list(export_lines(12, FIRST)))

    code, out, err = run(tmp_path, "verify", str(path), "--public-key", keys)

    assert (code, out) == (2, "")
    assert "32 bytes" in err
    assert by_node(path, keys).returncode == 2


def test_what_is_printed_is_what_the_verifier_takes(tmp_path: Path) -> None:
    settings = {"AUDIT_SIGNING_KEY": encoded(SEEDS[1]), "AUDIT_RETIRED_KEYS": TEXTS[0]}

    assert run(tmp_path, "public-key", **settings) == (0, f"{TEXTS[1]}\n", "")
    assert run(tmp_path, "public-key", "--retired", **settings) == (0, f"{TEXTS[1]},{TEXTS[0]}\n", "")


async def test_a_log_is_pruned_by_one_key_and_then_by_the_next(
    log: World, owner: Database, tmp_path: Path
) -> None:
    export = Exported.of(verify(await exported(log, tmp_path), BOTH))
    account_id = UUID(log.account_id[-32:])
    assert await prune(owner, "acme", await moment_of(log, 11), export, FIRST) == Pruned(10, 10)

    found = [await integrity.integrity(log.database, account_id, key) for key in (SECOND.public_key(), BOTH)]
    first_after = (await sequences(log))[0]
    again = await prune(owner, "acme", await moment_of(log, 21), export, SECOND, keys=BOTH)

    assert [each.verified for each in found] == [False, True]
    assert first_after == 11
    assert again == Pruned(10, 20)
    for keys in (BOTH, SECOND.public_key()):
        assert (await integrity.integrity(log.database, account_id, keys)).verified
    assert await jobs.verify_long_logs(log.database, BOTH) == 0


async def test_the_api_verifies_what_a_retired_key_has_signed(
    log: World, owner: Database, tmp_path: Path
) -> None:
    export = Exported.of(verify(await exported(log, tmp_path), BOTH))
    await prune(owner, "acme", await moment_of(log, 11), export, FIRST)
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        audit_signing_key=SecretStr(encoded(SEEDS[1])),
        audit_retired_keys=(TEXTS[0],),
    )
    path = await exported(log, tmp_path)

    verified = verify(path, verifying_key(settings))

    assert verified.pruning is not None
    assert verified.pruning == replace(verified.pruning, pruned_through=10)


def test_no_key_has_signed() -> None:
    signature = UNKNOWN.sign(b"text")

    for keys in (BOTH, AnyKey([])):
        with pytest.raises(InvalidSignature):
            keys.verify(signature, b"text")
