"""Following the links of downloads."""

import asyncio
from typing import Any

import httpx

from tests.changes import PROVISION_LICENSE, mutation
from tests.world import Person, World

REQUEST_DOWNLOAD = mutation("requestThemeDownload", "download { url fileName mediaType size expiresAt }")
_FILES = """query ($slug: String!) { theme(slug: $slug) {
  releases { files { id name size sha256 mediaType } } } }"""
_TRIES = 200


async def a_license(world: World, theme_id: str, site: str = "a.example.com") -> str:
    """Of the Member's."""
    payload = await world.member.change(
        PROVISION_LICENSE, accountId=world.account_id, themeId=theme_id, site=site
    )
    assert not payload["userErrors"], payload
    return str(payload["license"]["id"])


async def a_file(world: World, slug: str = "aurora") -> dict[str, Any]:
    """The first of the theme's newest release."""
    theme = (await world.member.ask(_FILES, slug=slug))["theme"]
    file: dict[str, Any] = theme["releases"][0]["files"][0]
    return file


async def a_link(world: World, license_id: str, by: Person | None = None, **changes: Any) -> str:
    """Its path."""
    input = {"licenseId": license_id, "fileId": (await a_file(world))["id"], **changes}
    payload = await (by or world.member).change(REQUEST_DOWNLOAD, **input)
    assert not payload["userErrors"], payload
    url = httpx.URL(payload["download"]["url"])
    return url.path


async def told(world: World, count: int = 1) -> list[dict[str, Any]]:
    """The events of so many downloads, the newest first; they come right after the last byte."""
    for _ in range(_TRIES):
        events = await world.events(actions=["THEME_FILE_DOWNLOADED"])
        if len(events) >= count and not await world.superuser.fetchval("SELECT count(*) FROM transfers"):
            assert len(events) == count, events
            return events
        await asyncio.sleep(0.02)
    raise TimeoutError(f"There are not {count} events: {events}")
