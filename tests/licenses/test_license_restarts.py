"""A server that is killed or restarted during license checks: what is left, and which tokens still verify."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_proof.keys import encoded, written
from resolvers.signing_key_files import kept_signing_key
from tests.licenses.test_license_changes import provision
from tests.licenses.test_license_checks import claims, key_of, reported, verify
from tests.support.commands import Command, running, wait_until_gone
from tests.support.http_clients import loopback_client
from tests.support.serving import free_port
from tests.support.world import World

SITE = "a.example.com"
REST = """SELECT to_jsonb(licenses) - '{last_verified_at,last_verified_site,installed_version}'::text[]
    FROM licenses"""
FIRST, SECOND = b"1" * 32, b"2" * 32


@pytest.fixture
def port() -> str:
    return str(free_port())


@contextmanager
def serving(folder: Path, database_url: str, port: str, **settings: str) -> Iterator[Command]:
    settings |= {"DATABASE_URL": database_url, "PORT": port, "LICENSE_CHECKS_PER_MINUTE": "0"}
    with running(folder, "serve", "--no-worker", **settings) as serve:
        assert serve.status() == 200
        yield serve


@asynccontextmanager
async def through(world: World, port: str) -> AsyncIterator[World]:
    """The same world through the server on this port."""
    url = f"http://127.0.0.1:{port}"
    async with loopback_client(url) as http:
        yield replace(world, http=http, settings=world.settings.model_copy(update={"public_url": url}))


async def checks_until_failure(there: World, key: str, found: list[dict[str, Any]]) -> None:
    try:
        while True:
            found.append(await verify(there, key, SITE, version="1.0.0"))
    except httpx.TransportError:
        return


async def test_a_server_that_is_killed_during_checks_loses_notes_alone(
    world: World, themes: dict[str, str], tmp_path: Path, database_url: str, port: str
) -> None:
    await provision(world, themes["aurora"])
    key, found = await key_of(world), list[dict[str, Any]]()
    rest, events = await world.superuser.fetch(REST), await world.events()
    kept_signing_key(tmp_path / "data" / "license-signing-key")

    with serving(tmp_path, database_url, port) as killed:
        async with through(world, port) as there:
            checks = [asyncio.create_task(checks_until_failure(there, key, found)) for _ in range(8)]
            async with asyncio.timeout(20):
                while len(found) < 100:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            processes = killed.processes()
            killed.process.kill()
            await asyncio.gather(*checks)
    wait_until_gone(processes)
    assert (await reported(world))[1:] in [(None, None), (SITE, "1.0.0")]

    with serving(tmp_path, database_url, port):
        async with through(world, port) as there:
            again = await verify(there, key, SITE, version="1.1.0")
            signed = [await claims(there, each["token"]) for each in (found[0], found[-1], again)]

    assert [each["status"] for each in signed] == ["VALID"] * 3
    assert {each["status"] for each in found} == {"VALID"}
    assert (await world.superuser.fetch(REST), await world.events()) == (rest, events)


async def test_a_server_that_is_stopped_writes_its_notes(
    world: World, themes: dict[str, str], tmp_path: Path, database_url: str, port: str
) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)

    with serving(tmp_path, database_url, port) as stopped:
        async with through(world, port) as there:
            await verify(there, key, SITE, version="1.0.0")
        stopped.process.send_signal(signal.SIGINT)
        stopped.outcome()

    assert (await reported(world))[1:] == (SITE, "1.0.0")


async def test_a_signing_key_is_replaced_during_checks(
    world: World, themes: dict[str, str], tmp_path: Path, database_url: str, port: str
) -> None:
    await provision(world, themes["aurora"])
    key, before, after = await key_of(world), list[dict[str, Any]](), list[dict[str, Any]]()
    retired = written(Ed25519PrivateKey.from_private_bytes(FIRST).public_key())

    with serving(tmp_path, database_url, port, LICENSE_SIGNING_KEY=encoded(FIRST)) as first:
        async with through(world, port) as there:
            checks = asyncio.create_task(checks_until_failure(there, key, before))
            async with asyncio.timeout(20):
                while len(before) < 20:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            first.process.send_signal(signal.SIGINT)
            await checks
        first.outcome()
    settings = {"LICENSE_SIGNING_KEY": encoded(SECOND), "LICENSE_RETIRED_KEYS": retired}
    with serving(tmp_path, database_url, port, **settings):
        async with through(world, port) as there:
            after.append(await verify(there, key, SITE))
            signed = [await claims(there, each["token"]) for each in (*before, *after)]

    assert len(signed) > 20
    assert {each["status"] for each in signed} == {"VALID"}
    headers = [{each["token"].split(".")[0] for each in run} for run in (before, after)]
    assert [len(each) for each in headers] == [1, 1]
    assert headers[0] != headers[1]
