"""Download links in tests."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.changes import PROVISION_LICENSE, mutation
from tests.support.world import Person, World

REQUEST_DOWNLOAD = mutation("requestThemeDownload", "download { url fileName mediaType size expiresAt }")
_FILES = """query ($slug: String!) { theme(slug: $slug) {
  releases { files { id name size sha256 mediaType } } } }"""
_TRIES = 200


async def a_license(world: World, theme_id: str, site: str = "a.example.com") -> str:
    """License held by the Member."""
    payload = await world.member.change(
        PROVISION_LICENSE, accountId=world.account_id, themeId=theme_id, site=site
    )
    assert not payload["userErrors"], payload
    return str(payload["license"]["id"])


async def a_file(world: World, slug: str = "aurora") -> dict[str, Any]:
    """First file of the theme's newest release."""
    theme = (await world.member.ask(_FILES, slug=slug))["theme"]
    file: dict[str, Any] = theme["releases"][0]["files"][0]
    return file


async def a_link(world: World, license_id: str, by: Person | None = None, **changes: Any) -> str:
    """Path of the link."""
    input = {"licenseId": license_id, "fileId": (await a_file(world))["id"], **changes}
    payload = await (by or world.member).change(REQUEST_DOWNLOAD, **input)
    assert not payload["userErrors"], payload
    url = httpx.URL(payload["download"]["url"])
    return url.path


async def told(world: World, count: int = 1) -> list[dict[str, Any]]:
    """Waits for the events of this many downloads and returns them, newest first. They are written after the
    last byte."""
    await all_told(world)
    events = await world.events(actions=["THEME_FILE_DOWNLOADED"])
    assert len(events) == count, events
    return events


async def all_told(world: World) -> None:
    """Waits until no transfer is in progress."""
    for _ in range(_TRIES):
        if not await world.superuser.fetchval("SELECT count(*) FROM transfers"):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("A transfer has not ended")


async def a_big_file(world: World, size: int) -> str:
    """Replaces Aurora's newest file by a sparse file of zeros with a made-up SHA-256."""
    sha256 = f"{size:064x}"
    path = stored(world, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as sparse:
        sparse.truncate(size)
    await world.superuser.execute(
        "UPDATE theme_files SET size = $1, sha256 = $2 WHERE name = 'aurora-1.1.0.zip'", size, sha256
    )
    return sha256


def stored(world: World, sha256: str) -> Path:
    """Path of a file's content in the storage."""
    return Path(urlsplit(world.settings.storage_url).path) / sha256[:2] / sha256


async def opened(
    port: int, path: str, limit: int = 1 << 16, headers: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket on which the file was requested. At most about `limit` bytes of the answer are buffered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    await writer.drain()
    return reader, writer
