"""A link to a theme's file: who gets one, what goes out by it, and what the log says."""

import hashlib
from typing import Any

import pytest

from tests.changes import codes, nothing_changes, refusal
from tests.downloads import REQUEST_DOWNLOAD, a_file, a_license, a_link, told
from tests.world import World


async def test_a_file_is_downloaded_and_the_log_says_so(world: World, themes: dict[str, str]) -> None:
    license_id = await a_license(world, themes["aurora"])
    file = await a_file(world)
    payload = await world.member.change(REQUEST_DOWNLOAD, licenseId=license_id, fileId=file["id"])
    assert not codes(payload)
    download = payload["download"]
    assert download["url"].startswith(f"{world.settings.public_url}/download/")
    assert (download["fileName"], download["size"]) == (file["name"], file["size"])
    assert await world.events(actions=["THEME_FILE_DOWNLOADED"]) == []

    response = await world.http.get(download["url"].removeprefix(world.settings.public_url))

    assert response.status_code == 200
    assert hashlib.sha256(response.content).hexdigest() == file["sha256"]
    (event,) = await told(world)
    assert event["summary"] == f"Member downloaded {file['name']} of Aurora for a.example.com"
    assert event["targetId"] == license_id
    assert event["actor"]["credential"]["kind"] == "SESSION"
    assert event["details"] == {
        "bytes": file["size"],
        "complete": True,
        "file": file["name"],
        "site": "a.example.com",
        "size": file["size"],
        "theme": "aurora",
    }
