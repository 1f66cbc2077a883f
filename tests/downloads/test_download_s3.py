"""Files in S3, which a server of moto's plays here: imported, downloaded, and gone."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from models.storage import Storage
from resolvers.accounts import operator
from tests.support.catalogs import write_catalog
from tests.support.downloads import a_file, a_license, a_link, all_told, told
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.serving import free_port, serving
from tests.support.world import World

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    httpx.put(f"http://{host}:{port}/themes").raise_for_status()
    yield server
    server.stop()


@pytest.fixture
async def from_s3(
    world: World, themes: dict[str, str], s3: ThreadedMotoServer, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Of a server whose files lie in S3, into which a catalog was imported."""
    settings = world.settings.model_copy(update={"port": free_port(), "storage_url": "s3://themes/files"})
    write_catalog(tmp_path)
    (tmp_path / "aurora" / "1.1.0" / "aurora-1.1.0.zip").write_bytes(CONTENT)
    storage = Storage(settings.storage_url)
    await operator.import_catalog(world.database, storage, tmp_path, lambda _done, _total: None)
    async with (
        serving(settings),
        httpx.AsyncClient(
            verify=NO_AUTHORITIES, base_url=f"http://127.0.0.1:{settings.port}", timeout=60
        ) as http,
    ):
        yield http
        await all_told(world)


async def test_what_was_imported_is_downloaded(
    world: World, themes: dict[str, str], from_s3: httpx.AsyncClient
) -> None:
    path = await a_link(world, await a_license(world, themes["aurora"]))

    whole = await from_s3.get(path)
    part = await from_s3.get(path, headers={"range": "bytes=1048570-2097160"})

    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert (part.status_code, part.content) == (206, CONTENT[1_048_570:2_097_161])
    assert whole.headers["etag"] == f'"{(await a_file(world))["sha256"]}"'
    assert [event["details"]["bytes"] for event in await told(world, 2)] == [1_048_591, 3_000_000]


async def test_a_server_that_is_gone(
    world: World, themes: dict[str, str], from_s3: httpx.AsyncClient, s3: ThreadedMotoServer
) -> None:
    path = await a_link(world, await a_license(world, themes["aurora"]))
    s3.stop()

    answer = await from_s3.get(path)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "127.0.0.1" not in answer.text
    (event,) = await told(world)
    assert (event["details"]["bytes"], event["details"]["complete"]) == (0, False)
