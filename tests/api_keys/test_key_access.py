"""Requests with an API key: its viewer, its permissions, and its refusals."""

import asyncio
import binascii
import struct
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from permissions.tokens import is_api_key, new_api_key
from tests.support.changes import CHANGE_ROLE, REMOVE
from tests.support.downloads import a_license, a_link, told
from tests.support.locks import until_waiting
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import INVITE, PROVISION, World

WHO = """{ viewer { user { email } memberships { id account { id } }
  credential { __typename ... on ApiKey { name prefix lastUsedIp } } sessions { isCurrent } }
  account { viewerPermissions } }"""
LICENSES = "{ account { licenses { nodes { site status key } } } }"
UPDATE_PROFILE = 'mutation { updateProfile(input: { name: "X" }) { user { name } } }'
REQUEST_REPORT = """mutation ($input: RequestReportInput!) { requestReport(input: $input) {
  download { url } } }"""


async def answer_to(world: World, token: str, query: str = WHO, **headers: str) -> tuple[int, dict[str, Any]]:
    response = await world.http.post(
        "/graphql", json={"query": query}, headers={"authorization": f"Bearer {token}", **headers}
    )
    return response.status_code, response.json()


async def user_error(world: World, token: str) -> tuple[int, str, str]:
    status, answer = await answer_to(world, token)
    (error,) = answer["errors"]
    return status, error["extensions"]["code"], error["message"]


async def test_a_key_is_its_member_in_its_account(world: World) -> None:
    script = await with_key(world, world.member)

    told = await script.ask(WHO)

    assert told["viewer"]["user"] == {"email": world.member.email}
    assert told["viewer"]["memberships"] == [
        {"id": world.member.member_id, "account": {"id": world.account_id}}
    ]
    assert told["viewer"]["credential"] == {
        "__typename": "ApiKey", "name": "Script", "prefix": "ta_Script", "lastUsedIp": "127.0.0.1"
    }  # fmt: skip
    assert told["viewer"]["sessions"] == []


async def test_a_key_reaches_no_other_account_of_its_member(world: World) -> None:
    other = await world.found("Other", world.member.email)
    account_id = (await other.ask("{ viewer { memberships { account { id name } } } }"))["viewer"]
    (elsewhere,) = (
        each["account"]["id"] for each in account_id["memberships"] if each["account"]["name"] == "Other"
    )
    script = await with_key(world, world.member)

    assert (await script.ask("query ($id: ID!) { node(id: $id) { id } }", id=elsewhere)) == {"node": None}
    assert len((await script.ask(WHO))["viewer"]["memberships"]) == 1


@pytest.mark.parametrize("role", ["MEMBER", "ADMIN"])
async def test_a_key_with_read_sees_what_its_member_sees(
    world: World, role: str, themes: dict[str, str]
) -> None:
    for person, site in ((world.admin, "one.example"), (world.member, "two.example")):
        payload = await person.change(
            PROVISION, accountId=world.account_id, themeId=themes["aurora"], site=site
        )
        assert payload["userErrors"] == []
    person = world.people[role]
    script = await with_key(world, person)

    assert await script.post(LICENSES) == await person.post(LICENSES)
    assert (await script.ask(WHO))["account"]["viewerPermissions"] == [
        each
        for each in (await person.ask(WHO))["account"]["viewerPermissions"]
        if each.startswith(("VIEW_", "BROWSE_", "ACCESS_API", "DOWNLOAD_REPORTS"))
    ]


async def test_a_key_with_read_changes_nothing(world: World, themes: dict[str, str]) -> None:
    script = await with_key(world, world.admin)
    await script.ask(WHO)  # Which notes when it was last used.
    before = await world.rows()

    for mutation, input, permission in (
        (PROVISION, {"themeId": themes["aurora"], "site": "a.example"}, "PROVISION_LICENSES"),
        (INVITE, {"email": "x@example.com", "role": "MEMBER"}, "INVITE_MEMBERS"),
    ):
        refused = await script.errors(mutation, input={"accountId": world.account_id, **input})
        assert refused == [{"code": "FORBIDDEN", "permission": permission}]
        (_call, event, *_) = await world.events(outcome="DENIED")
        assert event["actor"]["credential"] == {"kind": "API_KEY", "id": script.member_id, "label": "Script"}
        assert event["details"]["permission"] == permission
    assert await script.errors(UPDATE_PROFILE) == [{"code": "FORBIDDEN"}]

    assert await world.rows() == before


async def test_a_key_with_provision_provisions_and_reads_the_payload_alone(
    world: World, themes: dict[str, str]
) -> None:
    script = await with_key(world, world.member, "PROVISION")
    payload = await script.change(
        PROVISION, accountId=world.account_id, themeId=themes["aurora"], site="a.example"
    )

    assert payload["userErrors"] == []
    assert payload["license"]["site"] == "a.example"
    assert payload["license"]["holder"] == {"id": world.member.member_id}
    link = await a_link(world, payload["license"]["id"], by=script)
    assert (await world.http.get(link)).status_code == 200
    (event,) = await told(world)
    assert event["actor"]["credential"]["kind"] == "API_KEY"
    for query in (WHO, "{ account { auditLog { totalCount } } }", "{ account { apiKeys { totalCount } } }"):
        answer = await script.post(query)
        assert answer.keys() == {"errors"}
        assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
        assert "READ" in answer["errors"][0]["message"]
    beyond = PROVISION.replace("holder {", "holder { account { auditLog { nodes { id } } }")
    answer = await script.post(
        beyond, input={"accountId": world.account_id, "themeId": themes["aurora"], "site": "b.example"}
    )
    assert "data" not in answer
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "FORBIDDEN"}]


async def test_keys_that_do_not_work_are_told_why(world: World) -> None:
    script = await with_key(world, world.member)
    key = script.token or ""
    states = {
        "revoked_at = now()": "This API key was revoked.",
        "revoked_at = NULL, expires_at = now()": "This API key has expired.",
    }

    for columns, message in states.items():
        await world.superuser.execute(f"UPDATE api_keys SET {columns}")
        assert await user_error(world, key) == (401, "UNAUTHENTICATED", message)
    unknown, _ = new_api_key()
    assert "Unknown API key" in (await user_error(world, unknown))[2]
    for wrong in (f"{key[:-1]}{'B' if key[-1] == 'A' else 'A'}", key[:-1], key[:20], f"{key}A", "ta_"):
        assert "expected `ta_` followed by 49 characters" in (await user_error(world, wrong))[2]


async def test_a_key_shrinks_to_nothing_with_its_member_s_role_and_comes_back(world: World) -> None:
    script = await with_key(world, world.member)
    await script.ask(WHO)

    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="VIEWER")
    status, answer = await answer_to(world, script.token or "")
    await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role="MEMBER")

    assert status == 403
    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN", "permission": "ACCESS_API"}
    assert "is now a Viewer" in answer["errors"][0]["message"]
    await script.ask(WHO)


async def test_a_key_does_not_outlive_its_member_nor_its_account(world: World) -> None:
    script = await with_key(world, world.member)
    await world.admin.change(REMOVE, memberId=world.member.member_id)

    assert (await user_error(world, script.token or ""))[:2] == (401, "UNAUTHENTICATED")
    await world.superuser.execute(
        f"""BEGIN; SET LOCAL session_replication_role = replica;
        DELETE FROM accounts WHERE id = '{uuid_of(world.account_id)}'; COMMIT"""
    )
    assert await user_error(world, script.token or "") == (
        401,
        "UNAUTHENTICATED",
        "Unknown API key: it does not exist, or its secret was replaced by a rotation.",
    )


async def test_the_header_wins_over_the_cookie(world: World) -> None:
    script = await with_key(world, world.member)

    status, answer = await answer_to(world, script.token or "", cookie=f"ta_session={world.admin.token}")
    assert (status, answer["data"]["viewer"]["user"]) == (200, {"email": world.member.email})
    status, _ = await answer_to(world, new_api_key()[0], cookie=f"ta_session={world.admin.token}")
    assert status == 401


async def test_a_link_dies_with_the_key_that_asked_for_it(world: World, themes: dict[str, str]) -> None:
    script = await with_key(world, world.member, "PROVISION")
    link = await a_link(world, await a_license(world, themes["aurora"]), by=script)

    await world.superuser.execute("UPDATE api_keys SET revoked_at = now()")

    assert (await world.http.get(link)).status_code == 403


async def test_the_secret_before_a_rotation_works_until_its_time_is_over(world: World) -> None:
    before = await with_key(world, world.member)
    key, key_hash = new_api_key()
    rotate = """UPDATE api_keys SET previous_key_hash = key_hash, key_hash = $1,
        previous_expires_at = now() + $2 * interval '1 second'"""

    await world.superuser.execute(rotate, key_hash, 60)
    for token in (before.token or "", key):
        assert (await answer_to(world, token))[0] == 200
    await world.superuser.execute("UPDATE api_keys SET previous_expires_at = now()")
    assert (await user_error(world, before.token or ""))[2].endswith("its secret was replaced by a rotation.")
    assert (await answer_to(world, key))[0] == 200


def test_what_a_key_is_made_of() -> None:
    key, _ = new_api_key()

    assert len(key) == 52
    assert is_api_key(key)
    assert not is_api_key(key.swapcase())
    checksum = urlsafe_b64encode(struct.pack(">I", binascii.crc32(b"A" * 43))).decode()
    assert is_api_key(f"ta_{'A' * 43}{checksum[:6]}")


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_a_key_in_a_browser_s_cookie_is_nobody_on_the_pages(world: World, role: str) -> None:
    script = await with_key(world, world.people[role])
    cookie = {"cookie": f"ta_session={script.token}"}
    before = await world.rows()

    pages = [await world.http.get(path, headers=cookie) for path in ("/", "/join/x", "/claim/x")]
    pages += [await world.http.post(path, headers=cookie) for path in ("/sign-out", "/join/x/switch")]

    assert [page.status_code for page in pages] == [200, 404, 404, 200, 303]
    assert world.people[role].email not in "".join(page.text for page in pages)
    assert await world.rows() == before


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE api_keys SET revoked_at = now()",
        "UPDATE api_keys SET expires_at = clock_timestamp()",
        "UPDATE api_keys SET key_hash = sha256('another'::bytea)",
        "UPDATE sessions SET ended_at = now()",
    ],
)
async def test_what_ends_while_a_change_waits_for_its_account_changes_nothing_more(
    world: World, themes: dict[str, str], ending: str
) -> None:
    person = await with_key(world, world.member, "PROVISION") if "keys" in ending else world.member
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example"}
    async with world.superuser.transaction():
        await world.superuser.execute("SELECT FROM accounts FOR UPDATE")
        asking = asyncio.create_task(person.post(PROVISION, input=input))
        await until_waiting(world.superuser)
        await world.superuser.execute(ending)

    answer = await asking

    assert [error["extensions"] for error in answer["errors"]] == [{"code": "UNAUTHENTICATED"}]
    assert not await world.superuser.fetchval("SELECT count(*) FROM licenses")
