"""Installed themes update themselves with the license key: what they are offered, and what the links open."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from resolvers.catalog.versions import is_newer
from resolvers.downloads import transfers
from resolvers.licenses.keys import new_license_key
from tests.licenses.test_license_changes import STATES, in_state, make, provision
from tests.support.changes import mutation, nothing_changes
from tests.support.downloads import all_told, told
from tests.support.limited import limited
from tests.support.world import World

SITE = "a.example.com"
FILE = b"aurora 1.1.0"
LINKS = "SELECT count(*) FROM download_links"


@pytest.fixture(autouse=True)
async def _ends(world: World, themes: dict[str, str]) -> AsyncIterator[None]:
    yield
    await all_told(world)


async def key_of(world: World) -> str:
    return str(await world.superuser.fetchval("SELECT key FROM licenses"))


async def asked(world: World, key: str, site: str = SITE, version: str = "1.0.0") -> httpx.Response:
    return await world.http.post("/licenses/updates", json={"key": key, "site": site, "version": version})


async def offered(world: World, **more: str) -> dict[str, Any]:
    response = await asked(world, await key_of(world), **more)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


async def linked(world: World, **more: str) -> str:
    """Path of the link to the only file of the update."""
    (file,) = (await offered(world, **more))["files"]
    return httpx.URL(file["url"]).path


async def test_an_older_version_is_offered_the_latest_release(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])

    answer = await offered(world)

    (file,) = answer.pop("files")
    assert answer == {"version": "1.1.0", "notes": "New.", "publishedAt": "2026-01-01T00:00:00Z"}
    assert file.pop("url").startswith(f"{world.settings.public_url}/download/")
    lifetime = datetime.fromisoformat(file.pop("expiresAt")) - datetime.now(UTC)
    assert timedelta(minutes=4, seconds=50) < lifetime <= timedelta(minutes=5)
    assert file == {
        "name": "aurora-1.1.0.zip",
        "size": len(FILE),
        "sha256": hashlib.sha256(FILE).hexdigest(),
    }
    assert await world.events(actions=["THEME_FILE_DOWNLOADED"]) == []


async def test_a_download_is_an_event_of_the_site_and_its_key(world: World, themes: dict[str, str]) -> None:
    license_id = await provision(world, themes["aurora"])
    key = await key_of(world)
    path = await linked(world, site="Staging.A.example.com:8443")

    response = await world.http.get(path)

    assert (response.status_code, response.content) == (200, FILE)
    (event,) = await told(world)
    assert event["actor"] == {
        "kind": "SYSTEM",
        "name": "staging.a.example.com",
        "member": None,
        "credential": {
            "kind": "LICENSE_KEY",
            "id": license_id.replace("license_", "license_key_"),
            "label": key[:7],
        },
    }
    assert event["summary"] == "staging.a.example.com downloaded aurora-1.1.0.zip of Aurora for a.example.com"
    assert (event["outcome"], event["targetId"]) == ("ALLOWED", license_id)
    assert event["details"] == {
        "bytes": len(FILE),
        "complete": True,
        "file": "aurora-1.1.0.zip",
        "site": "a.example.com",
        "size": len(FILE),
        "theme": "aurora",
    }
    assert await world.events(credentialKinds=["LICENSE_KEY"]) == [event]
    assert await world.superuser.fetchval("SELECT last_downloaded_at FROM licenses") is not None
    stored = str(await world.superuser.fetch("SELECT * FROM download_links"))
    assert key not in stored
    assert path.removeprefix("/download/") not in stored


async def test_parts_of_one_link_are_two_events_at_most(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    path = await linked(world)

    async with limited(world) as (there, _):
        for _ in range(20):
            answer = await there.http.get(path, headers={"range": "bytes=0-0"})
            assert (answer.status_code, answer.content) == (206, FILE[:1])

    rest, first = await told(world, 2)
    assert (first["details"]["bytes"], rest["details"]["bytes"], rest["details"]["parts"]) == (1, 19, 19)
    assert rest["actor"] == first["actor"]


async def test_a_download_whose_process_was_killed_is_an_event_of_the_site(
    world: World, themes: dict[str, str]
) -> None:
    await provision(world, themes["aurora"])
    await linked(world)
    await world.superuser.execute(
        """INSERT INTO transfers (id, token_hash, bytes_sent, facts, started_at, seen_at)
        SELECT gen_random_uuid(), token_hash, 5, jsonb_build_object('targetType', 'License', 'targetId',
            subject ->> 'licenseId', 'targetName', 'Aurora', 'thing', 'a file', 'size', 12, 'details',
            '{}'::jsonb), now(), now() FROM download_links"""
    )

    assert await transfers.audit_lost(world.database, 0) == 1

    (event,) = await told(world)
    assert event["summary"] == "a.example.com downloaded 5 bytes of 12 of a file"
    assert (event["actor"]["kind"], event["actor"]["credential"]["kind"]) == ("SYSTEM", "LICENSE_KEY")


@pytest.mark.parametrize(
    ("version", "installed", "expected"),
    [
        ("1.1.0", "1.0.0", True),
        ("1.1.0", "1.1.0", False),
        ("1.1.0", "1.2.0", False),
        ("1.10.0", "1.9.9", True),
        ("1.9.9", "1.10.0", False),
        ("1.1.0", "1.1.0-rc.1", True),
        ("1.1.0-rc.10", "1.1.0-rc.2", True),
        ("1.1.0-rc.1", "1.1.0-beta", True),
        ("1.1.0-rc.1", "1.1.0-1", True),
        ("1.1.0-rc.1.1", "1.1.0-rc.1", True),
        ("1.1.0", "1.1.0+build.7", False),
        ("1.1.0", "1.0.9+build.7-x", True),
        ("1.1.0", "2.0.0-beta.1", False),
        ("1.1.0", "1.1", None),
        ("1.1.0", "v1.0.0", None),
        ("1.1.0", "1.0.0+", None),
        ("1.1.0", "1.0.0+a+b", None),
        ("1.1.0", "01.0.0", None),
        ("1.1.0", "1.0.9999999999", None),
        ("1.1.0", "1.0.\u0661", None),
        ("spring", "1.0.0", None),
    ],
)
def test_versions_follow_one_another_as_semantic_versioning_says(
    version: str, installed: str, expected: bool | None
) -> None:
    assert is_newer(version, installed) is expected


@pytest.mark.parametrize(
    ("version", "status_code"),
    [("1.0.0", 200), ("1.1.0", 204), ("1.1.0+5", 204), ("1.10.0", 204), ("1.1.0-rc.1", 200), ("1.1", 200)],
)
async def test_a_site_with_the_latest_release_or_a_newer_one_is_current(
    world: World, themes: dict[str, str], version: str, status_code: int
) -> None:
    await provision(world, themes["aurora"])

    response = await asked(world, await key_of(world), version=version)

    assert (response.status_code, bool(response.content)) == (status_code, status_code == 200)
    assert await world.superuser.fetchval(LINKS) == int(status_code == 200)


@pytest.mark.parametrize(
    ("installed", "status_code"),
    [("winter", 200), ("spring", 204), ("summer", 204), ("1.0.0", 204), ("unheard-of", 200)],
)
async def test_other_versions_follow_one_another_by_the_time_of_their_release(
    world: World, themes: dict[str, str], installed: str, status_code: int
) -> None:
    await provision(world, themes["aurora"])
    await world.superuser.execute(
        """UPDATE theme_releases SET version = 'spring' WHERE version = '1.1.0';
        UPDATE themes SET latest_version = 'spring' WHERE slug = 'aurora';
        INSERT INTO theme_releases (id, theme_id, version, released_at)
        SELECT gen_random_uuid(), themes.id, other.version, '2026-01-01'::timestamptz + other.after
        FROM themes, (VALUES ('winter', interval '-1 day'), ('summer', interval '1 day'))
            AS other (version, after) WHERE slug = 'aurora'"""
    )

    assert (await asked(world, await key_of(world), version=installed)).status_code == status_code


@pytest.mark.parametrize("state", [each for each in STATES if each != "ACTIVE"])
async def test_a_license_that_is_not_valid_is_told_its_status_alone(
    world: World, themes: dict[str, str], state: str
) -> None:
    await in_state(world, themes["aurora"], state)

    response = await asked(world, await key_of(world))

    assert (response.status_code, response.json()) == (
        403,
        {"status": state if "over" not in state else "EXPIRED"},
    )
    assert await world.superuser.fetchval(LINKS) == 0


async def test_another_site_or_key_is_told_nothing_else(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)

    answers = [
        await asked(world, key, "b.example.com"),
        await asked(world, new_license_key(), SITE),
        await asked(world, "no key", SITE),
    ]

    assert [each.status_code for each in answers] == [403] * 3
    assert [each.json() for each in answers] == [
        {"status": "WRONG_SITE"},
        {"status": "UNKNOWN"},
        {"status": "UNKNOWN"},
    ]
    assert await world.superuser.fetchval(LINKS) == 0


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({}, "`key` must be a text"),
        ({"key": "x", "site": SITE}, "`version` must be a text"),
        ({"key": "x", "site": SITE, "version": ""}, "`version` must be a text"),
        ({"key": "x", "site": SITE, "version": None}, "`version` must be a text"),
        ({"key": "x", "site": SITE, "version": "1" * 65}, "1 to 64"),
        ({"key": "x", "site": "*", "version": "1.0.0"}, "must be the host name"),
        ({"key": "x", "site": SITE, "version": "1.0.0", "more": "n" * 4_096}, "4 KiB"),
    ],
)
async def test_bad_requests_are_told_what_would_be_right(
    world: World, body: dict[str, object], right: str
) -> None:
    response = await world.http.post("/licenses/updates", json=body)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "INVALID")
    assert right in response.json()["error"]["message"]


async def test_the_requests_with_one_key_have_one_limit(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)

    async with limited(world, per_address=2, license_checks_per_minute=3) as (there, _):
        known = [(await asked(there, key)).status_code for _ in range(2)]
        verified = await there.http.post("/licenses/verify", json={"key": key, "site": SITE})
        known.append((await asked(there, key)).status_code)
        unknown = [(await asked(there, new_license_key())).status_code for _ in range(3)]

    assert (known, verified.status_code, unknown) == ([200, 200, 429], 200, [403, 403, 429])


def _by_sql(statement: str) -> Callable[[World], Awaitable[object]]:
    return lambda world: world.superuser.execute(statement)


async def _suspended(world: World) -> None:
    (license,) = (await world.admin.ask("{ account { licenses { nodes { id } } } }"))["account"]["licenses"][
        "nodes"
    ]
    await make(world, license["id"], "suspend")


MEANWHILE = {
    "suspended": (_suspended, 403, "LICENSE_NOT_ACTIVE"),
    "revoked": (_by_sql("UPDATE licenses SET status = 'REVOKED'"), 403, "LICENSE_NOT_ACTIVE"),
    "expired": (_by_sql("UPDATE licenses SET expires_at = now()"), 403, "LICENSE_NOT_ACTIVE"),
    "other site": (_by_sql("UPDATE licenses SET site = 'b.example.com'"), 403, "LICENSE_CHANGED"),
    "other key": (_by_sql("UPDATE licenses SET key = 'TL-0000'"), 403, "LICENSE_CHANGED"),
    "file gone": (_by_sql("DELETE FROM theme_files"), 403, "GONE"),
    "release withdrawn": (_by_sql("UPDATE themes SET latest_version = '1.0.0'"), 403, "GONE"),
    "too late": (_by_sql("UPDATE download_links SET expires_at = now()"), 410, "EXPIRED"),
    "forgotten": (_by_sql("DELETE FROM download_links"), 404, "UNKNOWN"),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_a_link_is_checked_again_when_it_is_followed(
    world: World, themes: dict[str, str], what: str
) -> None:
    await provision(world, themes["aurora"])
    path = await linked(world)
    happens, status_code, code = MEANWHILE[what]
    await happens(world)

    async with nothing_changes(world):
        response = await world.http.get(path)
        shown = await world.http.get(path, headers={"accept": "text/html"})

    assert (response.status_code, response.json()["error"]["code"]) == (status_code, code)
    assert (shown.status_code, "<h1>" in shown.text) == (status_code, True)
    assert await world.superuser.fetchval("SELECT count(*) FROM transfers") == 0


MEANWHILE_WITHOUT_EFFECT = {
    "newer release": "UPDATE themes SET latest_version = '1.2.0'",
    "theme withdrawn": "UPDATE themes SET withdrawn_at = now()",
    "same site": "UPDATE licenses SET site = 'www.a.example.com'",
    "limits of the holder": """INSERT INTO member_limits (account_id, member_id, theme_ids)
        SELECT account_id, holder_id, '{}' FROM licenses""",
    "sessions ended": "UPDATE members SET sessions_valid_from = now()",
}


@pytest.mark.parametrize("what", MEANWHILE_WITHOUT_EFFECT)
async def test_what_does_not_end_the_license_does_not_end_the_link(
    world: World, themes: dict[str, str], what: str
) -> None:
    await provision(world, themes["aurora"])
    path = await linked(world)

    await world.superuser.execute(MEANWHILE_WITHOUT_EFFECT[what])

    assert (await world.http.get(path)).content == FILE


async def test_limits_of_the_holder_and_a_withdrawn_theme_do_not_hinder_updates(
    world: World, themes: dict[str, str]
) -> None:
    await provision(world, themes["aurora"])
    set_limits = mutation("setMemberLimits", "member { id }")
    payload = await world.admin.change(set_limits, memberId=world.member.member_id, themeIds=[])
    assert not payload["userErrors"]
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now()")

    assert (await offered(world))["version"] == "1.1.0"


async def test_a_link_is_refused_with_the_credential_of_a_person(
    world: World, themes: dict[str, str]
) -> None:
    await provision(world, themes["aurora"])
    path = await linked(world)

    async with nothing_changes(world):
        refused = [
            await world.http.get(path, headers=headers)
            for headers in (
                {"cookie": f"ta_session={world.member.token}"},
                {"authorization": f"Bearer {world.admin.token}"},
                {"authorization": "Bearer nonsense"},
            )
        ]
    ended = await world.http.get(path, headers={"cookie": "ta_session=of-a-session-that-has-ended"})

    assert {(each.status_code, each.json()["error"]["code"]) for each in refused} == {(403, "WRONG_PERSON")}
    assert ended.content == FILE


@pytest.mark.parametrize("change", ["member_id = licenses.holder_id", "account_id = NULL"])
async def test_a_link_for_a_license_key_has_an_account_and_no_member(
    world: World, themes: dict[str, str], change: str
) -> None:
    await provision(world, themes["aurora"])
    await linked(world)

    with pytest.raises(asyncpg.CheckViolationError, match="ck_download_links_recipient"):
        await world.superuser.execute(f"UPDATE download_links SET {change} FROM licenses")
