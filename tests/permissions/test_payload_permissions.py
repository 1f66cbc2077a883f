"""Permissions apply to payloads of mutations and events of subscriptions."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets import ClientConnection, Subprotocol, connect

from tests.support.contracts import ROLES, permissions_of
from tests.support.stage import Stage
from tests.support.world import INVITE, Person

pytestmark = pytest.mark.usefixtures("each_executor")

ACCOUNT = """account { name viewerPermissions viewerMember { role } owner { name email }
  members { totalCount } invitations { totalCount } auditLog { totalCount } }"""
PROVISION = f"""mutation ($input: ProvisionLicenseInput!) {{ provisionLicense(input: $input) {{
  license {{ site key holder {{ name email activity {{ totalCount }} }}
    provisionedBy {{ email activity {{ totalCount }} }} {ACCOUNT} }} userErrors {{ code }} }} }}"""
ACCEPT = f"""mutation ($input: AcceptInvitationInput!) {{ acceptInvitation(input: $input) {{
  member {{ email permissions activity {{ totalCount }} {ACCOUNT} }} userErrors {{ code }} }} }}"""
DEMOTE = f"""mutation ($input: ChangeMemberRoleInput!) {{ changeMemberRole(input: $input) {{
  member {{ role email {ACCOUNT} }} userErrors {{ code }} }} }}"""
REMOVE = f"""mutation ($input: RemoveMemberInput!) {{ removeMember(input: $input) {{
  member {{ email removedAt permissions {ACCOUNT} }} userErrors {{ code }} }} }}"""
LEAVE = f"""mutation ($input: LeaveAccountInput!) {{ leaveAccount(input: $input) {{
  member {{ email removedAt permissions {ACCOUNT} }} userErrors {{ code }} }} }}"""
CREATE = f"""mutation ($input: CreateAccountInput!) {{ createAccount(input: $input) {{
  {ACCOUNT} userErrors {{ code }} }} }}"""
OF_AN_ACCOUNT = [
    ("owner.email", "INVITE_MEMBERS"),
    ("invitations", "INVITE_MEMBERS"),
    ("auditLog", "VIEW_AUDIT_LOG"),
]
"""What is refused of `ACCOUNT` to all but Admins."""


async def test_a_member_who_provisions_for_another(stage: Stage) -> None:
    input = {
        "accountId": stage.ids["account"],
        "themeId": stage.ids["theme"],
        "site": "a.example.com",
        "holderId": stage.ids["owner"],
    }

    answer = await stage.people["MEMBER"].post(PROVISION, input=input)

    license = answer["data"]["provisionLicense"]["license"]
    assert license["holder"]["name"] == "Admin"
    assert license["provisionedBy"] == {"email": "member@example.com", "activity": {"totalCount": 3}}
    assert license["account"]["viewerPermissions"] == permissions_of("MEMBER")
    assert _refused(answer, "provisionLicense.license") == {
        ("key", "REVOKE_LICENSES"),
        ("holder.email", "INVITE_MEMBERS"),
        ("holder.activity", "VIEW_AUDIT_LOG"),
        *((f"account.{field}", permission) for field, permission in OF_AN_ACCOUNT),
    }


@pytest.mark.parametrize("role", ROLES)
async def test_somebody_who_joins_has_the_new_role_at_once(stage: Stage, role: str) -> None:
    email = "new@example.com"
    await stage.owner.change(INVITE, accountId=stage.ids["account"], email=email, role=role)

    answer = await stage.world.nobody.post(ACCEPT, input={"token": await stage.world.token_for(email)})

    member = answer["data"]["acceptInvitation"]["member"]
    assert (member["email"], member["permissions"]) == (email, permissions_of(role))
    due = {("account." + field, permission) for field, permission in OF_AN_ACCOUNT if role != "ADMIN"}
    own = {("activity", "VIEW_OWN_ACTIVITY")} if role == "VIEWER" else set()
    assert _refused(answer, "acceptInvitation.member") == due | own


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_an_admin_who_demotes_itself_reads_by_the_new_role(stage: Stage, role: str) -> None:
    admin = stage.people["ADMIN"]

    answer = await admin.post(DEMOTE, input={"memberId": admin.member_id, "role": role})

    member = answer["data"]["changeMemberRole"]["member"]
    assert (member["role"], member["email"]) == (role, "second@example.com")
    assert member["account"]["viewerPermissions"] == permissions_of(role)
    assert _refused(answer, "changeMemberRole.member.account") == set(OF_AN_ACCOUNT)


@pytest.mark.parametrize("mutation", [LEAVE, REMOVE], ids=["leaveAccount", "removeMember"])
async def test_whoever_goes_is_shown_the_account_a_last_time(stage: Stage, mutation: str) -> None:
    admin = stage.people["ADMIN"]
    input = {"memberId": admin.member_id} if mutation is REMOVE else {"accountId": stage.ids["account"]}

    ((_, payload),) = (await admin.ask(mutation, input=input)).items()

    assert payload["member"]["removedAt"]
    assert payload["member"]["permissions"] == []
    assert payload["member"]["email"] == "second@example.com"
    assert payload["member"]["account"]["name"] == "Acme"
    data = await admin.ask(f'{{ account {{ name }} node(id: "{admin.member_id}") {{ id }} }}')
    assert data == {"account": None, "node": None}


async def test_a_member_who_leaves_reads_no_more_than_before(stage: Stage) -> None:
    answer = await stage.people["MEMBER"].post(LEAVE, input={"accountId": stage.ids["account"]})

    assert answer["data"]["leaveAccount"]["member"]["email"] == "member@example.com"
    assert _refused(answer, "leaveAccount.member.account") == set(OF_AN_ACCOUNT)


async def test_a_viewer_is_admin_of_an_account_of_its_own(stage: Stage) -> None:
    payload = await stage.people["VIEWER"].change(CREATE, name="Their own")

    assert payload["account"]["viewerPermissions"] == permissions_of("ADMIN")
    assert payload["account"]["auditLog"] == {"totalCount": 1}


@pytest.mark.parametrize("role", ROLES)
async def test_the_log_is_streamed_to_whom_it_is_shown(stage: Stage, role: str) -> None:
    log = "subscription ($id: ID!) { auditLogAppended(accountId: $id, afterSequence: 0) { sequence } }"

    message = await _first(stage.people[role], log, id=stage.ids["account"])

    if role == "ADMIN":
        assert message["payload"]["data"] == {"auditLogAppended": {"sequence": 1}}
    else:
        assert [error["extensions"] for error in message["payload"]["errors"]] == [
            {"code": "FORBIDDEN", "permission": "VIEW_AUDIT_LOG"}
        ]


async def test_a_stream_of_the_log_ends_with_the_permission(stage: Stage) -> None:
    """Not even the event of the demotion gets through."""
    admin = stage.people["ADMIN"]
    (newest, *_) = await stage.world.events()
    log = f"""subscription ($id: ID!) {{
      auditLogAppended(accountId: $id, afterSequence: {newest["sequence"] - 1}) {{ sequence }} }}"""

    async with _subscribed(admin, log, id=stage.ids["account"]) as socket:
        first = await _received(socket)
        await stage.owner.ask(DEMOTE, input={"memberId": admin.member_id, "role": "MEMBER"})
        second = await _received(socket)

    assert first["payload"]["data"] == {"auditLogAppended": {"sequence": newest["sequence"]}}
    assert "data" not in second["payload"] or second["payload"]["data"] is None
    assert [error["extensions"] for error in second["payload"]["errors"]] == [
        {"code": "FORBIDDEN", "permission": "VIEW_AUDIT_LOG"}
    ]


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_a_stream_of_one_s_own_membership_opens_nothing_else(stage: Stage, role: str) -> None:
    own = f"subscription ($id: ID!) {{ viewerMemberChanged(accountId: $id) {{ email {ACCOUNT} }} }}"

    message = await _first(stage.people[role], own, id=stage.ids["account"])

    assert message["payload"]["data"]["viewerMemberChanged"]["email"] == stage.people[role].email
    assert _refused(message["payload"], "viewerMemberChanged.account") == set(OF_AN_ACCOUNT)


@pytest.mark.parametrize("field", ["auditLogAppended", "viewerMemberChanged"])
async def test_streams_of_another_account_are_not_found(stage: Stage, field: str) -> None:
    neighbour = await stage.world.found("Other", "neighbour@example.com")
    operation = f"subscription ($id: ID!) {{ {field}(accountId: $id) {{ id }} }}"

    not_found = await _first(neighbour, operation, id=stage.ids["account"])
    nobody = await _first(stage.world.nobody, operation, id=stage.ids["account"])

    assert [error["extensions"] for error in not_found["payload"]["errors"]] == [{"code": "NOT_FOUND"}]
    assert [error["extensions"] for error in nobody["payload"]["errors"]] == [{"code": "UNAUTHENTICATED"}]


def _refused(answer: dict[str, Any], below: str) -> set[tuple[str, str]]:
    """Where, and for want of which permission. What is refused is null, and each refusal is there once."""
    found = set()
    for error in answer.get("errors", []):
        value = answer["data"]
        for key in error["path"]:
            value = value[key]
        at = ".".join(map(str, error["path"]))
        assert value is None
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert at.startswith(f"{below}.")
        found.add((at.removeprefix(f"{below}."), error["extensions"]["permission"]))
    assert len(found) == len(answer.get("errors", []))
    return found


async def _first(person: Person, operation: str, **variables: str) -> dict[str, Any]:
    """The first message about the operation."""
    async with _subscribed(person, operation, **variables) as socket:
        return await _received(socket)


@asynccontextmanager
async def _subscribed(person: Person, operation: str, **variables: str) -> AsyncIterator[ClientConnection]:
    url = str(person.http.base_url.join("/graphql")).replace("http", "ws", 1)
    headers = {"authorization": f"Bearer {person.token}"} if person.token else {}
    protocol = Subprotocol("graphql-transport-ws")
    # Without max_queue=None, closing waits 10 s for the answer if more messages have come than fit the queue.
    async with connect(url, subprotocols=[protocol], additional_headers=headers, max_queue=None) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert (await _received(socket))["type"] == "connection_ack"
        payload = {"query": operation, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        yield socket


async def _received(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 5))
    if isinstance(message.get("payload"), list):
        message["payload"] = {"errors": message["payload"]}
    return message
