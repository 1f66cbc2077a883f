"""Exports contain each event as it was hashed, and a last line that proves completeness."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr

from audit_proof.keys import encoded, written
from audit_proof.verification import Status, Verified, verify
from tests.audit.test_audit_verify import UNSIGNED, by_node
from tests.licenses.test_licenses import provision
from tests.support.changes import UPDATE_ACCOUNT, UPDATE_PROFILE
from tests.support.documents import report, report_link
from tests.support.rewriting import act_for
from tests.support.world import World


@pytest.fixture
def signing(world: World) -> Iterator[Ed25519PublicKey]:
    """As AUDIT_SIGNING_KEY does; its public key."""
    key = Ed25519PrivateKey.generate()
    secret = SecretStr(encoded(key.private_bytes_raw()))
    object.__setattr__(world.settings, "audit_signing_key", secret)
    yield key.public_key()
    object.__setattr__(world.settings, "audit_signing_key", None)


async def exported(world: World, folder: Path, **input: Any) -> Path:
    """The file, once the log tells that it was downloaded."""
    told = await _downloads(world)
    content = await report(world, "AUDIT_LOG", "NDJSON", **input)
    for _ in range(500):
        if await _downloads(world) > told:
            return _kept(folder, content)
        await asyncio.sleep(0.02)
    raise TimeoutError("The log does not tell of its export")


async def _downloads(world: World) -> int:
    counted = "SELECT count(*) FROM audit_events WHERE action = 'REPORT_DOWNLOADED'"
    return int(await world.superuser.fetchval(counted))


def _kept(folder: Path, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "audit-log.ndjson"
    path.write_bytes(content)
    return path


async def verified_export(world: World, folder: Path, **input: Any) -> Verified:
    return verify(await exported(world, folder, **input))


def end_of(path: Path) -> dict[str, Any]:
    end: dict[str, Any] = orjson.loads(path.read_bytes().splitlines()[-1])
    return end


async def test_an_export_can_be_verified(world: World, themes: dict[str, str], tmp_path: Path) -> None:
    await provision(world, themes["aurora"])
    await world.viewer.change(UPDATE_PROFILE, name='Ψ \N{SNOWMAN} "quoted" \\ back, {}')
    head = await world.superuser.fetchrow("SELECT sequence, encode(hash, 'hex') AS hash FROM audit_heads")
    assert head is not None

    path = await exported(world, tmp_path)

    verified = verify(path)
    assert (verified.first, verified.events) == (1, verified.last)
    assert verified.last_hash == end_of(path)["headHash"]
    assert end_of(path)["filtered"] is False
    assert (verified.last, verified.last_hash) == (head["sequence"], head["hash"])
    assert by_node(path).returncode == UNSIGNED


async def test_a_server_with_a_key_signs_its_exports(
    world: World, tmp_path: Path, signing: Ed25519PublicKey
) -> None:
    period = {"until": "2100-01-01T00:00:00Z"}

    for input, status in (({}, Status.VERIFIED), (period, Status.FILTERED)):
        path = await exported(world, tmp_path, **input)
        assert verify(path, signing).status is status
        assert verify(path).status is Status.UNSIGNED
        assert by_node(path, written(signing)).stdout.startswith(status.value)


async def test_a_server_without_a_key_says_that_nothing_is_signed(world: World, tmp_path: Path) -> None:
    path = await exported(world, tmp_path)

    assert end_of(path)["signature"] is None
    assert "Set AUDIT_SIGNING_KEY on the server" in verify(path).sentence()


@pytest.mark.parametrize(
    "input",
    [
        {"auditFilter": {"actions": ["MEMBER_JOINED"]}},
        {"auditFilter": {"actions": []}},
        {"auditFilter": {"targetTypes": ["Member"]}},
        {"auditFilter": {"text": "joined"}},
        {"auditFilter": {"credentialKinds": ["SESSION", "INVITATION"]}},
        {"from": "2020-01-01T00:00:00Z"},
        {"until": "2020-01-01T00:00:00Z"},
        {"until": "2100-01-01T00:00:00Z", "auditFilter": {"outcome": "ALLOWED"}},
    ],
)
async def test_a_filtered_export_says_so(world: World, tmp_path: Path, input: dict[str, Any]) -> None:
    path = await exported(world, tmp_path, **input)

    end = end_of(path)
    assert (end["filtered"], end["events"]) == (True, len(path.read_bytes().splitlines()) - 1)
    verified = verify(path)
    assert (verified.is_filtered, verified.events) == (True, end["events"])
    assert by_node(path).returncode == UNSIGNED


async def test_other_reports_are_as_they_were(world: World) -> None:
    for kind in ("TEAM", "LICENSE_ACTIVITY"):
        assert b'"end"' not in await report(world, kind, "NDJSON")
    assert b"headHash" not in await report(world, "AUDIT_LOG", "CSV")


async def test_the_end_is_of_the_moment_of_the_events(world: World, tmp_path: Path) -> None:
    """Whatever is written meanwhile."""
    paths = [await report_link(world, "AUDIT_LOG", "NDJSON") for _ in range(8)]

    async def rename() -> None:
        for number in range(20):
            await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Apex {number}")

    responses, _ = await asyncio.gather(asyncio.gather(*map(world.http.get, paths)), rename())

    for number, response in enumerate(responses):
        path = tmp_path / str(number)
        path.write_bytes(response.content)
        assert verify(path).events == end_of(path)["headSequence"]


async def test_a_strangely_written_event_is_verified_too(world: World, tmp_path: Path) -> None:
    app = await world.database.connect()
    await act_for(app, UUID(world.account_id[-32:]))
    await app.execute(
        "INSERT INTO audit_events (account_id, id, action, outcome, summary, actor_kind, actor_name, details)"
        " SELECT id, gen_random_uuid(), 'MEMBER_LEFT', 'ALLOWED', $1, 'SYSTEM', $2, $3 FROM accounts",
        ',"details":{},"previousHash":"x" \t\x7f \u2028 \U0001f600',
        "tab\tand\nline\r",
        '{ "z" : 1.0e3, "a": "\\u00e9 ,\\"details\\":", "previousHash":"x", "z": 2 }',
    )
    await app.close()

    path = await exported(world, tmp_path)

    assert verify(path).events > 5
    assert by_node(path).stderr == ""
