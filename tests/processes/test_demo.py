"""The demo of a first start: team, catalog with files, and audit log."""

import hashlib
import zipfile
from io import BytesIO

import pytest_asyncio

import demo
from models.storage import Storage
from tests.support.beginnings import Beginnings
from tests.support.chain import assert_whole
from tests.support.demo_people import demo_people
from tests.support.links import heading, session_of
from tests.support.world import World

TEAM = """{ account { name owner { name }
  members(first: 10, orderBy: NAME) { nodes { name email role lastActiveAt } }
  invitations(first: 10) { nodes { email status invitedBy { name } } }
  entitlements { nodes { theme { slug } purchased provisioned available } }
  licenses(first: 20, orderBy: OLDEST) { nodes { site status holder { name } revokedReason } } } }"""
CATALOG = """{ catalog(first: 30) { nodes { slug name summary price { amount currency }
  releases { version notes files { name size sha256 } } } } }"""
LOG = """{ account { auditLog(first: 100) {
  totalCount nodes { sequence action outcome actor { name } } } } }"""


@pytest_asyncio.fixture
async def demonstrated(empty_world: World, beginnings: Beginnings) -> World:
    people = await demo_people(empty_world, beginnings)
    empty_world.people = {"ADMIN": people["ada"], "MEMBER": people["bob"], "VIEWER": people["vera"]}
    return empty_world


async def test_there_is_a_team(demonstrated: World) -> None:
    account = (await demonstrated.admin.ask(TEAM))["account"]

    assert account["owner"] == {"name": "Ada Lovelace"}
    assert [(member["name"], member["role"]) for member in account["members"]["nodes"]] == [
        ("Ada Lovelace", "ADMIN"),
        ("Bob Ross", "MEMBER"),
        ("Vera Rubin", "VIEWER"),
    ]
    assert "PENDING" in {invitation["status"] for invitation in account["invitations"]["nodes"]}
    for entitlement in account["entitlements"]["nodes"]:
        assert entitlement["available"] == entitlement["purchased"] - entitlement["provisioned"] > 0
    licenses = account["licenses"]["nodes"]
    assert {license["status"] for license in licenses} == {"ACTIVE", "REVOKED"}
    assert {license["holder"]["name"] for license in licenses} == {"Ada Lovelace", "Bob Ross"}


async def test_each_has_a_link_to_sign_in_with_once(demonstrated: World) -> None:
    links = await demo.sign_in_links(demonstrated.database, demonstrated.settings)

    assert [(name, role) for name, role, _ in links] == [
        ("Ada Lovelace", "Admin"),
        ("Bob Ross", "Member"),
        ("Vera Rubin", "Viewer"),
    ]
    for name, _, link in links:
        signed_in, again = [await demonstrated.http.post(link) for _ in range(2)]
        viewer = await session_of(signed_in, demonstrated).ask("{ viewer { user { name } } }")
        assert viewer["viewer"]["user"]["name"] == name
        assert again.status_code == 410
        assert heading(again) == "This sign-in link was already used"


async def test_there_are_a_dozen_themes_with_real_files(demonstrated: World) -> None:
    themes = (await demonstrated.viewer.ask(CATALOG))["catalog"]["nodes"]
    assert len(themes) >= 12
    storage = Storage(demonstrated.settings.storage_url)
    names: set[str] = set()
    for theme in themes:
        assert theme["summary"]
        assert theme["releases"]
        for file in (file for release in theme["releases"] for file in release["files"]):
            content = b"".join([piece async for piece in storage.stream(file["sha256"])])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"])
            if file["name"].endswith(".zip"):
                with zipfile.ZipFile(BytesIO(content)) as archive:
                    assert archive.testzip() is None
                    assert len(archive.namelist()) > 1
                names.add(theme["slug"])
    assert len(names) == len(themes)


async def test_the_log_tells_how_it_came_about(demonstrated: World) -> None:
    log = (await demonstrated.admin.ask(LOG))["account"]["auditLog"]

    assert [event["sequence"] for event in log["nodes"]] == list(range(log["totalCount"], 0, -1))
    assert log["nodes"][-1]["action"] == "ACCOUNT_CREATED"
    assert {event["outcome"] for event in log["nodes"]} == {"ALLOWED", "DENIED"}
    assert {event["actor"]["name"] for event in log["nodes"]} >= {"Ada Lovelace", "Bob Ross", "Vera Rubin"}
    await assert_whole(demonstrated.superuser)


async def test_every_row_has_its_event(demonstrated: World) -> None:
    counts = {
        "LICENSE_PROVISIONED": "SELECT count(*) FROM licenses",
        "LICENSE_REVOKED": "SELECT count(*) FROM licenses WHERE revoked_at IS NOT NULL",
        "MEMBER_INVITED": "SELECT count(*) FROM invitations",
        "ACCOUNT_CREATED": "SELECT count(*) FROM accounts",
        "MEMBER_JOINED": "SELECT count(*) - 1 FROM members",  # The owner founded the account.
    }
    for action, rows in counts.items():
        events = await demonstrated.superuser.fetchval(
            "SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = 'ALLOWED'", action
        )
        assert events == await demonstrated.superuser.fetchval(rows) > 0, action
