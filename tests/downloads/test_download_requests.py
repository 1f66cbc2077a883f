"""A download as HTTP has it: parts, conditions, names, and asking without taking."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.support.changes import nothing_changes
from tests.support.downloads import a_file, a_license, a_link, all_told, stored, told
from tests.support.world import World

CONTENT = os.urandom(3_000_000)


@pytest.fixture
async def path(world: World, themes: dict[str, str]) -> AsyncIterator[str]:
    """Of a link to a file of 3 million bytes, called as no header can say in ASCII."""
    await world.superuser.execute(
        "UPDATE theme_files SET size = $1, name = 'Größe \"1\" ☃.zip' WHERE name = 'aurora-1.1.0.zip'",
        len(CONTENT),
    )
    file = stored(world, (await a_file(world))["sha256"])
    original = file.read_bytes()
    file.write_bytes(CONTENT)
    yield await a_link(world, await a_license(world, themes["aurora"]))
    await all_told(world)
    file.write_bytes(original)


async def test_all_of_it(world: World, path: str) -> None:
    answer = await world.http.get(path)

    assert answer.status_code == 200
    assert answer.content == CONTENT
    sha256 = (await a_file(world))["sha256"]
    headers = dict(answer.headers)
    assert {name: headers[name] for name in headers if name not in ("date", "server", "x-request-id")} == {
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="Groe _1_ .zip";'
        " filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22%20%E2%98%83.zip",
        "content-length": "3000000",
        "content-type": "application/zip",
        "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'",
        "etag": f'"{sha256}"',
        "referrer-policy": "strict-origin",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }
    (event,) = await told(world)
    assert event["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=1048570-1048580", 1048570, 1048581),
        ("bytes=2999990-", 2999990, 3000000),
        ("bytes=-10", 2999990, 3000000),
        ("bytes=-9999999", 0, 3000000),
        ("bytes=5-9999999", 5, 3000000),
        ("BYTES=7-7", 7, 8),
    ],
)
async def test_a_part(world: World, path: str, asked: str, start: int, end: int) -> None:
    answer = await world.http.get(path, headers={"range": asked})

    assert answer.status_code == 206
    assert answer.content == CONTENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/3000000"
    assert answer.headers["content-length"] == str(end - start)
    (event,) = await told(world)
    details = event["details"]
    assert (details["bytes"], details["size"]) == (end - start, 3_000_000)
    assert details["range"] == answer.headers["content-range"]
    assert details["complete"] is (end - start == 3_000_000)


@pytest.mark.parametrize("asked", ["bytes=3000000-", "bytes=3000000-3000001", "bytes=-0"])
async def test_a_part_that_there_is_not(world: World, path: str, asked: str) -> None:
    async with nothing_changes(world):
        answer = await world.http.get(path, headers={"range": asked})

    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */3000000")
    assert answer.content == b""


@pytest.mark.parametrize(
    "asked",
    ["bytes=9-5", "bytes=", "bytes=-", "bytes=a-b", "lines=0-5", "bytes=0-1,5-9", "bytes=0-" + "9" * 99],
)
async def test_what_is_no_single_range_gets_all_of_it(world: World, path: str, asked: str) -> None:
    answer = await world.http.get(path, headers={"range": asked})

    assert (answer.status_code, len(answer.content)) == (200, 3_000_000)


async def test_a_part_of_another_version_is_not_sent(world: World, path: str) -> None:
    sha256 = (await a_file(world))["sha256"]
    for condition, status_code in (
        (f'"{sha256}"', 206),
        (f'W/"{sha256}"', 200),
        ('"another"', 200),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 200),
    ):
        answer = await world.http.get(path, headers={"range": "bytes=0-9", "if-range": condition})
        assert answer.status_code == status_code, condition


async def test_what_the_client_has_is_not_sent_again(world: World, path: str) -> None:
    sha256 = (await a_file(world))["sha256"]
    for known in (f'"{sha256}"', f'"x", W/"{sha256}"', "*"):
        async with nothing_changes(world):
            answer = await world.http.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
        assert answer.headers["etag"] == f'"{sha256}"'
    answer = await world.http.get(path, headers={"if-none-match": '"another"'})
    assert answer.status_code == 200


async def test_asking_with_head_reads_nothing_and_leaves_no_event(world: World, path: str) -> None:
    stored(world, (await a_file(world))["sha256"]).unlink()

    async with nothing_changes(world):
        answer = await world.http.head(path, headers={"range": "bytes=0-9"})

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "3000000"
    assert answer.headers["content-type"] == "application/zip"
    assert not await world.superuser.fetchval("SELECT count(*) FROM transfers")


async def test_an_empty_file(world: World, path: str) -> None:
    stored(world, (await a_file(world))["sha256"]).write_bytes(b"")
    await world.superuser.execute("UPDATE theme_files SET size = 0")

    answer = await world.http.get(path)

    assert (answer.status_code, answer.content) == (200, b"")
    (event,) = await told(world)
    assert (event["details"]["bytes"], event["details"]["complete"]) == (0, True)


async def test_a_link_is_only_read(world: World, path: str) -> None:
    async with nothing_changes(world):
        assert (await world.http.post(path)).status_code == 405
