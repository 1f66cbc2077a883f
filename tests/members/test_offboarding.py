"""Objects that the removal of a member would affect, and what the removal does to them."""

from typing import Any

import pytest

from tests.licenses.test_license_changes import STATES, counted, in_state, make, provision
from tests.licenses.test_license_expiry import LATER, let_time_run_out
from tests.support.changes import INVITE_ONE, REMOVE, REVOKE_INVITATION, codes
from tests.support.stored_keys import store_api_key
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("each_executor")

OFFBOARDING = """activeLicenses activeApiKeys { id name member { name } }
  pendingInvitations { email invitedBy { name } account { name } }"""
OF_A_MEMBER = (
    f"query ($id: ID!) {{ node(id: $id) {{ ... on Member {{ offboarding {{ {OFFBOARDING} }} }} }} }}"
)
OF_ALL = f"""{{ account {{ members(filter: {{ includeRemoved: true }}) {{
  nodes {{ name offboarding {{ {OFFBOARDING} }} }} }} }} }}"""
NOTHING = {"activeLicenses": 0, "activeApiKeys": [], "pendingInvitations": []}


async def left_by(world: World, member_id: str) -> dict[str, Any]:
    offboarding: dict[str, Any] = (await world.admin.ask(OF_A_MEMBER, id=member_id))["node"]["offboarding"]
    return offboarding


async def invite(world: World, email: str) -> str:
    payload = await world.admin.change(INVITE_ONE, accountId=world.account_id, email=email, role="VIEWER")
    assert not codes(payload)
    id: str = payload["invitation"]["id"]
    return id


async def test_what_each_would_leave_behind(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    suspended = await provision(world, themes["aurora"], "suspended.example.com")
    await make(world, suspended, "suspend")
    await provision(world, themes["aurora"], "over.example.com", expiresAt=LATER)
    await let_time_run_out(world)
    await make(world, await provision(world, themes["aurora"], "viewer.example.com"), "transfer")
    works = await store_api_key(world, world.member.member_id, "Works")
    await store_api_key(world, world.member.member_id, "Revoked", revoked_at="now()")
    await store_api_key(world, world.member.member_id, "Over", expires_at="now()")
    for email in ("first@example.com", "second@example.com", "over@example.com"):
        await invite(world, email)
    await world.admin.change(REVOKE_INVITATION, invitationId=await invite(world, "revoked@example.com"))
    await world.superuser.execute("UPDATE invitations SET expires_at = now() WHERE email LIKE 'over%'")

    members = (await world.admin.ask(OF_ALL))["account"]["members"]["nodes"]

    invited = {"invitedBy": {"name": "Admin"}, "account": {"name": "Acme"}}
    assert {member["name"]: member["offboarding"] for member in members} == {
        "Admin": NOTHING
        | {
            "pendingInvitations": [
                {"email": email, **invited} for email in ("second@example.com", "first@example.com")
            ]
        },
        "Member": NOTHING
        | {
            "activeLicenses": 1,
            "activeApiKeys": [{"id": works, "name": "Works", "member": {"name": "Member"}}],
        },
        "Viewer": NOTHING | {"activeLicenses": 1},
    }
    for member in members:
        id = {person.email: person.member_id for person in world.people.values()}[
            f"{member['name'].lower()}@example.com"
        ]
        assert await left_by(world, id) == member["offboarding"]


async def test_of_two_accounts_each_has_its_own(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])
    await make(world, id, "transfer", toMemberId=world.admin.member_id)
    create = "mutation ($input: CreateAccountInput!) { createAccount(input: $input) { userErrors { code } } }"
    await world.admin.change(create, name="Second")

    data = await world.admin.ask(
        "{ viewer { memberships { account { name } offboarding { activeLicenses } } } }"
    )

    assert {
        membership["account"]["name"]: membership["offboarding"]["activeLicenses"]
        for membership in data["viewer"]["memberships"]
    } == {"Acme": 1, "Second": 0}


async def test_no_more_than_the_newest_hundred_are_shown(world: World) -> None:
    await world.superuser.execute(
        """INSERT INTO invitations (account_id, id, email, role, status, token_hash, invited_by_id,
             created_at, expires_at, emails, delivery)
           SELECT account_id, gen_random_uuid(), 'p' || n || '@example.com', 'VIEWER', 'PENDING',
             sha256(n::text::bytea), id, now() - n * interval '1 minute', now() + interval '1 day', 1, 'SENT'
           FROM members, generate_series(1, 150) n WHERE is_owner"""
    )

    invitations = (await left_by(world, world.admin.member_id))["pendingInvitations"]

    assert [each["email"] for each in invitations] == [f"p{number}@example.com" for number in range(1, 101)]


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_not_even_one_s_own_is_for_all(world: World, role: str) -> None:
    person = world.people[role]

    answer = await person.post(OF_A_MEMBER, id=person.member_id)

    assert answer["data"]["node"] == {"offboarding": None}
    assert [error["extensions"] for error in answer["errors"]] == [
        {"code": "FORBIDDEN", "permission": "REMOVE_MEMBERS"}
    ]


@pytest.mark.parametrize("heir", ["ADMIN", "VIEWER"])
@pytest.mark.parametrize("state", STATES)
async def test_what_is_live_goes_over_and_what_is_over_stays(
    world: World, themes: dict[str, str], state: str, heir: str
) -> None:
    await in_state(world, themes["aurora"], state)
    before = await counted(world)
    to = world.people[heir].member_id if heir != "ADMIN" else None

    payload = await world.admin.change(REMOVE, memberId=world.member.member_id, transferLicensesTo=to)

    assert not codes(payload)
    goes = state in ("ACTIVE", "SUSPENDED")
    holder = await world.superuser.fetchval("SELECT holder_id FROM licenses")
    assert f"member_{holder.hex}" == (world.people[heir] if goes else world.member).member_id
    assert await counted(world) == before
    (event,) = await world.events(actions=["MEMBER_REMOVED"])
    assert event["details"]["licenses"] == int(goes)
    assert await left_by(world, world.member.member_id) == NOTHING


async def test_who_is_removed_leaves_its_invitations(world: World) -> None:
    admin = await world.join("ADMIN", "other@example.com")
    await admin.change(INVITE_ONE, accountId=world.account_id, email="new@example.com", role="VIEWER")

    await world.admin.change(REMOVE, memberId=admin.member_id)

    (invitation,) = (await left_by(world, admin.member_id))["pendingInvitations"]
    assert invitation["email"] == "new@example.com"
    joined = await world.nobody.ask(
        "mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { member { name } } }",
        input={"token": await world.token_for("new@example.com")},
    )
    assert joined["acceptInvitation"]["member"] == {"name": "New"}
