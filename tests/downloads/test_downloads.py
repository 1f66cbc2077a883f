"""A link to a theme's file: who gets one, what goes out by it, and what the log says."""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from models.columns import now
from resolvers import tidying
from tests.support.changes import (
    CHANGE_ROLE,
    REMOVE,
    REVOKE_LICENSE,
    REVOKE_SESSION,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.downloads import REQUEST_DOWNLOAD, a_file, a_license, a_link, all_told, told
from tests.support.world import World

HTML = {"accept": "text/html,*/*;q=0.8"}


@pytest.fixture(autouse=True)
async def _ends(world: World, themes: dict[str, str]) -> AsyncIterator[None]:
    yield
    await world.superuser.execute("DELETE FROM transfers WHERE facts = '{}'")
    await all_told(world)


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
    downloaded_at = await world.superuser.fetchval("SELECT last_downloaded_at FROM licenses")
    assert (now() - downloaded_at).total_seconds() < 10


async def test_a_link_is_kept_as_a_hash(world: World, themes: dict[str, str]) -> None:
    path = await a_link(world, await a_license(world, themes["aurora"]))

    token = path.removeprefix("/download/")
    assert re.fullmatch(r"[\w-]{43}", token)
    (link,) = await world.superuser.fetch("SELECT * FROM download_links")
    assert link["token_hash"] == hashlib.sha256(token.encode()).digest()
    assert token not in str(link)


@pytest.mark.parametrize(
    ("input", "expected"),
    [
        ({"licenseId": "x"}, ("NOT_FOUND", ["licenseId"])),
        ({"licenseId": "license_" + "0" * 32}, ("NOT_FOUND", ["licenseId"])),
        ({"fileId": "x"}, ("NOT_FOUND", ["fileId"])),
        ({"fileId": "file_" + "0" * 32}, ("NOT_FOUND", ["fileId"])),
    ],
)
async def test_what_there_is_not(
    world: World, themes: dict[str, str], input: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    asked = {"licenseId": await a_license(world, themes["aurora"]), "fileId": (await a_file(world))["id"]}
    async with nothing_changes(world):
        assert user_error(await world.member.change(REQUEST_DOWNLOAD, **{**asked, **input})) == expected
    assert not await world.superuser.fetchval("SELECT count(*) FROM download_links")


async def test_a_license_is_for_the_files_of_its_theme(world: World, themes: dict[str, str]) -> None:
    license_id, file = await a_license(world, themes["aurora"]), await a_file(world, "basalt")

    async with nothing_changes(world):
        payload = await world.member.change(REQUEST_DOWNLOAD, licenseId=license_id, fileId=file["id"])
        assert user_error(payload) == ("INVALID", ["fileId"])


@pytest.mark.parametrize("became", ["status = 'SUSPENDED'", "expires_at = now()"])
async def test_no_link_by_a_license_that_is_not_active(
    world: World, themes: dict[str, str], became: str
) -> None:
    license_id, file = await a_license(world, themes["aurora"]), await a_file(world)
    await world.superuser.execute(f"UPDATE licenses SET {became}")

    async with nothing_changes(world):
        payload = await world.member.change(REQUEST_DOWNLOAD, licenseId=license_id, fileId=file["id"])
        assert user_error(payload) == ("NOT_ACTIVE", ["licenseId"])


async def test_another_accounts_license_is_unknown(world: World, themes: dict[str, str]) -> None:
    license_id, file = await a_license(world, themes["aurora"]), await a_file(world)
    stranger = await world.found("Other", "stranger@example.com")

    payload = await stranger.change(REQUEST_DOWNLOAD, licenseId=license_id, fileId=file["id"])

    assert user_error(payload) == ("NOT_FOUND", ["licenseId"])


async def test_a_file_of_a_theme_that_is_off_the_catalog_is_downloaded_all_the_same(
    world: World, themes: dict[str, str]
) -> None:
    license_id, file = await a_license(world, themes["aurora"]), await a_file(world)
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now()")

    payload = await world.member.change(REQUEST_DOWNLOAD, licenseId=license_id, fileId=file["id"])

    path = payload["download"]["url"].removeprefix(world.settings.public_url)
    assert (await world.http.get(path)).status_code == 200


async def _removed(world: World) -> None:
    await world.admin.change(REMOVE, memberId=world.member.member_id)


async def _demoted(world: World) -> None:
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="VIEWER")


async def _signed_out(world: World) -> None:
    data = await world.member.ask("{ viewer { sessions { id isCurrent } } }")
    (session,) = (each for each in data["viewer"]["sessions"] if each["isCurrent"])
    await world.member.change(REVOKE_SESSION, sessionId=session["id"])


async def _revoked(world: World) -> None:
    (license,) = (await world.admin.ask("{ account { licenses { nodes { id } } } }"))["account"]["licenses"][
        "nodes"
    ]
    await world.admin.change(REVOKE_LICENSE, licenseId=license["id"], reason="Not paid.")


def _by_sql(statement: str) -> Callable[[World], Awaitable[Any]]:
    return lambda world: world.superuser.execute(statement)


ENDED = "UPDATE members SET sessions_valid_from = now()"
POLICY = """UPDATE accounts SET max_session_age_seconds = 60;
  UPDATE sessions SET created_at = created_at - interval '2 minutes'"""
MEANWHILE = {
    "removed": (_removed, 403, "MEMBER_REMOVED"),
    "demoted": (_demoted, 403, "NOT_PERMITTED"),
    "signed out": (_signed_out, 403, "SIGNED_OUT"),
    "sessions ended": (_by_sql(ENDED), 403, "REAUTHENTICATION_REQUIRED"),
    "policy set": (_by_sql(POLICY), 403, "REAUTHENTICATION_REQUIRED"),
    "session over": (_by_sql("UPDATE sessions SET expires_at = now()"), 403, "SIGNED_OUT"),
    "revoked": (_revoked, 403, "LICENSE_NOT_ACTIVE"),
    "suspended": (_by_sql("UPDATE licenses SET status = 'SUSPENDED'"), 403, "LICENSE_NOT_ACTIVE"),
    "expired": (_by_sql("UPDATE licenses SET expires_at = now()"), 403, "LICENSE_NOT_ACTIVE"),
    "file gone": (_by_sql("DELETE FROM theme_files"), 403, "GONE"),
    "too late": (_by_sql("UPDATE download_links SET expires_at = now()"), 410, "EXPIRED"),
    "forgotten": (_by_sql("DELETE FROM download_links"), 404, "UNKNOWN"),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_a_link_is_checked_again_when_it_is_followed(
    world: World, themes: dict[str, str], what: str
) -> None:
    path = await a_link(world, await a_license(world, themes["aurora"]))
    happens, status_code, code = MEANWHILE[what]
    await happens(world)

    async with nothing_changes(world):
        plain = await world.http.get(path)
        head = await world.http.head(path)
        shown = await world.http.get(path, headers=HTML)

    assert [each.status_code for each in (plain, head, shown)] == [status_code] * 3
    assert plain.json()["error"]["code"] == code
    assert plain.json()["error"]["message"].count(".") >= 2
    assert shown.headers["content-type"].startswith("text/html")
    assert "<h1>" in shown.text
    for answer in (plain, shown):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "strict-origin"
        assert path.removeprefix("/download/") not in answer.text
    assert not await world.superuser.fetchval("SELECT count(*) FROM transfers")


async def test_another_persons_credential_beside_the_link_is_refused(
    world: World, themes: dict[str, str]
) -> None:
    path = await a_link(world, await a_license(world, themes["aurora"]))

    async with nothing_changes(world):
        for headers in (
            {"cookie": f"ta_session={world.admin.token}"},
            {"authorization": f"Bearer {world.admin.token}"},
            {"authorization": "Bearer nonsense"},
            {"authorization": f"Basic {world.member.token}"},
            {
                "authorization": f"Bearer {world.member.token}",
                "cookie": f"ta_session={world.viewer.token}",
            },
        ):
            answer = await world.http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "WRONG_PERSON"), headers


async def test_ones_own_credential_beside_the_link_does_no_harm(world: World, themes: dict[str, str]) -> None:
    path = await a_link(world, await a_license(world, themes["aurora"]))
    again = await world.sign_in("member@example.com")

    for headers in (
        {"cookie": f"ta_session={world.member.token}"},
        {"cookie": "ta_session=of-a-session-that-has-ended"},
        {"authorization": f"Bearer {again.token}"},
    ):
        assert (await world.http.get(path, headers=headers)).status_code == 200, headers
    await told(world, 3)


async def test_old_links_are_forgotten_and_those_in_use_are_not(world: World, themes: dict[str, str]) -> None:
    license_id = await a_license(world, themes["aurora"])
    for _ in range(3):
        await a_link(world, license_id)
    kept, in_use, _ = await world.superuser.fetch("SELECT token_hash FROM download_links")
    await world.superuser.execute(
        "UPDATE download_links SET expires_at = now() - interval '25 hours' WHERE token_hash <> $1", kept[0]
    )
    await world.superuser.execute(
        "INSERT INTO transfers (id, token_hash, bytes_sent, facts, started_at, seen_at)"
        " VALUES (gen_random_uuid(), $1, 0, '{}', now(), now())",
        in_use[0],
    )

    await tidying.forget_expired(world.database)

    left = await world.superuser.fetch("SELECT token_hash FROM download_links")
    assert {row[0] for row in left} == {kept[0], in_use[0]}
