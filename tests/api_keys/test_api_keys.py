"""API keys as the API shows them to Admins and members: status, scopes, permissions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.statements import Statement
from models.api_keys import ApiKey
from models.database import Database
from tests.support.changes import CHANGE_ROLE, REMOVE, actions
from tests.support.contracts import ROLES
from tests.support.stored_keys import store_api_key, uuid_of
from tests.support.world import Person, World

pytestmark = pytest.mark.usefixtures("each_executor")

KEYS = """query ($filter: ApiKeyFilter) { account { apiKeys(filter: $filter) { totalCount nodes {
  id name prefix status scopes effectivePermissions member { name } createdBy { name } expiresAt
  lastUsedAt lastUsedIp revokedBy { name } revokedAt } } } }"""
ENDS = ("claimed_at", "claim_expires_at", "expires_at", "revoked_at")
NODE = "query ($id: ID!) { node(id: $id) { ... on ApiKey { name effectivePermissions member { name } } } }"
UNCLAIMED = {"prefix": "'ta_'", "key_hash": "NULL, claimed_at = NULL"}
PROVISIONING = ["PROVISION_LICENSES", "DOWNLOAD_THEME_FILES", "ACCESS_API"]
STATES = {
    "ACTIVE": {},
    "UNCLAIMED": UNCLAIMED,
    "EXPIRED": {"expires_at": "now()"},
    "REVOKED": {"revoked_at": "now(), expires_at = now()"},
}


async def shown(person: Person, **filter: Any) -> list[dict[str, Any]]:
    found = (await person.ask(KEYS, filter=filter))["account"]["apiKeys"]
    assert found["totalCount"] == len(found["nodes"])
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes


async def names(person: Person, **filter: Any) -> str:
    return " ".join(node["name"] for node in await shown(person, **filter))


async def keys_of_everybody(world: World) -> dict[str, str]:
    return {role: await store_api_key(world, world.people[role].member_id, role) for role in ROLES}


async def test_admins_see_every_key_and_anyone_else_their_own(world: World) -> None:
    stranger = await world.found("Other", "stranger@example.com")
    account = (await stranger.ask("{ account { id } }"))["account"]["id"]
    await store_api_key(world, stranger.member_id, "STRANGER", account_id=account)
    ids = await keys_of_everybody(world)

    assert [await names(world.people[role]) for role in ROLES] == ["VIEWER MEMBER ADMIN", "MEMBER", "VIEWER"]
    assert await names(stranger) == "STRANGER"
    for role in ROLES:
        for whose, id in ids.items():
            answer = await world.people[role].post(NODE, id=id)
            if role in ("ADMIN", whose):
                assert answer["data"]["node"]["name"] == whose
            else:
                assert answer["data"]["node"] is None
                assert [error["extensions"] for error in answer["errors"]] == [
                    {"code": "FORBIDDEN", "permission": "GENERATE_API_KEYS"}
                ]
        assert await stranger.ask(NODE, id=ids[role]) == {"node": None}


async def test_filters(world: World) -> None:
    await keys_of_everybody(world)
    for name, columns in STATES.items():
        await store_api_key(world, world.member.member_id, name, **columns)

    assert await names(world.admin, statuses=["EXPIRED"]) == "EXPIRED"
    assert await names(world.admin, statuses=["UNCLAIMED", "REVOKED"]) == "REVOKED UNCLAIMED"
    assert await names(world.admin, statuses=[]) == ""
    assert await names(world.admin, memberIds=[world.viewer.member_id]) == "VIEWER"
    two = [world.viewer.member_id, world.admin.member_id]
    assert await names(world.admin, memberIds=two) == "VIEWER ADMIN"
    assert await names(world.viewer, memberIds=two) == "VIEWER"
    assert await names(world.admin, memberIds=two, statuses=["REVOKED"]) == ""


@pytest.mark.parametrize("state", STATES)
async def test_what_a_key_says(world: World, state: str) -> None:
    await store_api_key(world, world.member.member_id, "Shop", "PROVISION", **STATES[state])

    (key,) = await shown(world.member)

    assert (key["status"], key["name"], key["scopes"]) == (state, "Shop", ["PROVISION"])
    assert key["prefix"] == ("ta_" if state == "UNCLAIMED" else "ta_Shop")
    assert (key["member"], key["createdBy"]) == ({"name": "Member"}, {"name": "Admin"})
    works = state == "ACTIVE"
    assert key["effectivePermissions"] == (PROVISIONING if works else [])


@pytest.mark.parametrize(
    ("state", "columns"),
    [*STATES.items(), ("EXPIRED", {**UNCLAIMED, "claim_expires_at": "now()"})],
)
async def test_the_database_tells_the_state_as_python_does(
    world: World, database: Database, state: str, columns: dict[str, str]
) -> None:
    id = await store_api_key(world, world.member.member_id, "Shop", **columns)
    statement = Statement(
        lambda: select(ApiKey.status_now(), ApiKey.works_or_may_yet()), across_accounts="there is one key"
    )

    (told,) = await database.fetch(statement.sql)
    row = await world.superuser.fetchrow("SELECT * FROM api_keys WHERE id = $1", uuid_of(id))

    assert row is not None
    assert told[0] == ApiKey.status_of(*(row[name] for name in ENDS)) == state
    assert told[1] == (state in ("ACTIVE", "UNCLAIMED"))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert ApiKey.status_of(None, tomorrow, tomorrow, None) == "UNCLAIMED"


async def test_a_key_shrinks_and_grows_with_its_member_s_role(world: World) -> None:
    admin = await world.join("ADMIN", "other@example.com")
    id = await store_api_key(world, admin.member_id, "Shop", "READ", "PROVISION")
    seen = {}
    for role in ("ADMIN", "VIEWER", "MEMBER"):
        await world.admin.change(CHANGE_ROLE, memberId=admin.member_id, role=role)
        seen[role] = (await world.admin.ask(NODE, id=id))["node"]["effectivePermissions"]

    assert seen["VIEWER"] == []
    assert seen["MEMBER"] == [
        *("BROWSE_CATALOG", "VIEW_ACTIVE_LICENSES", "DOWNLOAD_REPORTS", "VIEW_TEAM"),
        *("PROVISION_LICENSES", "DOWNLOAD_THEME_FILES", "VIEW_OWN_ACTIVITY", "ACCESS_API"),
    ]
    assert seen["ADMIN"] == [*seen["MEMBER"], "VIEW_AUDIT_LOG"]


@pytest.mark.parametrize("how", ["removed", "left"])
async def test_a_key_does_not_outlive_its_member(world: World, how: str) -> None:
    ids = await keys_of_everybody(world)
    unclaimed = await store_api_key(world, world.member.member_id, "Unclaimed", **UNCLAIMED)
    await store_api_key(world, world.member.member_id, "Over", **STATES["EXPIRED"])
    leave = "mutation ($input: LeaveAccountInput!) { leaveAccount(input: $input) { userErrors { code } } }"

    if how == "removed":
        await world.admin.change(REMOVE, memberId=world.member.member_id)
    else:
        await world.member.change(leave, accountId=world.account_id)

    assert await names(world.admin, statuses=["REVOKED"]) == "Unclaimed MEMBER"
    assert await names(world.admin, statuses=["ACTIVE"]) == "VIEWER ADMIN"
    by = {"removed": "Admin", "left": "Member"}[how]
    revoked = await shown(world.admin, statuses=["REVOKED"])
    assert {(key["revokedBy"]["name"], bool(key["revokedAt"])) for key in revoked} == {(by, True)}
    events = await world.events(actions=["API_KEY_REVOKED"])
    assert {event["targetId"]: (event["summary"], event["details"]) for event in events} == {
        id: (f"{by} revoked the API key {name} of Member", {"member": "Member", "prefix": prefix})
        for id, name, prefix in ((ids["MEMBER"], "MEMBER", "ta_MEMBER"), (unclaimed, "Unclaimed", "ta_"))
    }
    assert actions(await world.events())[0] == {"removed": "MEMBER_REMOVED", "left": "MEMBER_LEFT"}[how]
