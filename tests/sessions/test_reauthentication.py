"""An account requires a new sign-in: of sessions older than its policy, and of a member whose sessions were
ended. Other accounts of the person do not."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.support.changes import (
    END_SESSIONS,
    REMOVE,
    REQUEST_PERSONAL_DATA,
    REVOKE_API_KEY,
    SET_SECURITY_POLICY,
    TRANSFER_OWNERSHIP,
    UPDATE_ACCOUNT,
    UPDATE_PROFILE,
    nothing_changes,
    user_error,
)
from tests.support.keys import claimed, generated
from tests.support.links import Opened, emailed_link, session_of
from tests.support.stored_keys import with_key
from tests.support.world import ACCEPT, INVITE, Person, World

ACCOUNT = "query ($id: ID) { account(id: $id) { name members { nodes { name } } } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
ACCOUNTS = """{ viewer { memberships { id role account {
  id name slug reauthenticationRequired viewerPermissions viewerMember { id name } } } } }"""
EVENTS = "SELECT summary, outcome FROM audit_events WHERE action = 'MEMBER_SESSIONS_ENDED' ORDER BY sequence"
EMAIL = "member@example.com"


@dataclass
class Two:
    """A person in two accounts: a Member of the first one, and the owner of the second one."""

    world: World
    person: Person
    first: str
    second: str

    @property
    def error(self) -> dict[str, str]:
        return {"code": "REAUTHENTICATION_REQUIRED", "accountId": self.first}

    async def reads(self, person: Person, account_id: str) -> bool:
        """Whether the account answers. If it does not, the answer has the error of reauthentication only."""
        answer = await person.post(ACCOUNT, id=account_id)
        if "errors" not in answer:
            return bool(answer["data"]["account"]["members"]["nodes"])
        assert answer["data"] == {"account": None}
        assert [error["extensions"] for error in answer["errors"]] == [self.error]
        assert answer["errors"][0]["message"] == "This account requires you to sign in again."
        return False

    async def end_sessions(self) -> None:
        payload = await self.world.admin.change(END_SESSIONS, memberId=self.world.member.member_id)
        assert not payload["userErrors"], payload


@pytest_asyncio.fixture
async def two(world: World) -> Two:
    person = await world.found("Beta", EMAIL)
    memberships = (await person.ask(ACCOUNTS))["viewer"]["memberships"]
    ids = {each["account"]["name"]: each["account"]["id"] for each in memberships}
    return Two(world, person, ids["Acme"], ids["Beta"])


async def age(world: World, email: str, seconds: int) -> None:
    await world.superuser.execute(
        "UPDATE sessions SET created_at = sessions.created_at - $2 * interval '1 second' FROM users"
        " WHERE users.id = user_id AND email = $1",
        email,
        seconds,
    )


async def begin_anew(world: World, email: str) -> None:
    await world.superuser.execute(
        "UPDATE sessions SET created_at = clock_timestamp() FROM users"
        " WHERE users.id = user_id AND email = $1",
        email,
    )


async def set_policy(world: World, seconds: int | None) -> Any:
    """Sets it by an Admin whose session has just begun: the tests' sessions may be older than the policy."""
    await begin_anew(world, world.admin.email)
    return await world.admin.change(
        SET_SECURITY_POLICY, accountId=world.account_id, maxSessionAgeSeconds=seconds
    )


# Reads


async def test_a_session_older_than_the_policy_is_refused_by_this_account_alone(two: Two) -> None:
    await set_policy(two.world, 3_600)
    script = await claimed(two.world, two.world.member)
    assert await two.reads(two.person, two.first)

    await age(two.world, EMAIL, 3_601)

    assert not await two.reads(two.person, two.first)
    assert await two.reads(two.person, two.second)
    assert await two.reads(two.world.admin, two.first)
    assert await two.reads(script, two.first)
    assert await two.reads(await two.world.sign_in(EMAIL), two.first)
    await set_policy(two.world, None)
    assert await two.reads(two.person, two.first)


@pytest.mark.usefixtures("each_executor")
async def test_the_account_is_listed_so_that_a_client_can_offer_to_sign_in(two: Two) -> None:
    await two.end_sessions()

    memberships = (await two.person.ask(ACCOUNTS))["viewer"]["memberships"]

    first, second = (each["account"] for each in memberships)
    assert first == {
        "id": two.first,
        "name": "Acme",
        "slug": first["slug"],
        "reauthenticationRequired": True,
        "viewerPermissions": [],
        "viewerMember": {"id": two.world.member.member_id, "name": "Member"},
    }
    assert (second["id"], second["reauthenticationRequired"]) == (two.second, False)
    assert "MANAGE_ACCOUNT" in second["viewerPermissions"]


GUARDED = [
    *("members { totalCount }", "licenses { totalCount }", "entitlements { totalCount }"),
    *(
        "apiKeys { totalCount }",
        "auditLog { totalCount }",
        "billing { __typename }",
        "invitations { totalCount }",
    ),
    *("securityPolicy { maxSessionAgeSeconds }", "auditStreams { nodes { id } }"),
    *("viewerMember { email }", "viewerMember { licenses { totalCount } }"),
    *("viewerMember { activity { totalCount } }", "owner { name }", "limits { activeLicenses }"),
]


@pytest.mark.usefixtures("each_executor")
@pytest.mark.parametrize("field", GUARDED)
async def test_nothing_else_of_the_account_is_shown_through_the_list(two: Two, field: str) -> None:
    await two.end_sessions()

    answer = await two.person.post(f"{{ viewer {{ memberships {{ account {{ id {field} }} }} }} }}")

    assert two.error in [error["extensions"] for error in answer["errors"]]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"REAUTHENTICATION_REQUIRED"}
    assert "Admin" not in str(answer["data"])


@pytest.mark.usefixtures("each_executor")
async def test_rows_of_the_account_are_refused_by_id(two: Two) -> None:
    world = two.world
    ids = [two.first, world.admin.member_id, world.member.member_id]
    await two.end_sessions()

    for id in ids:
        assert await two.person.errors(NODE, id=id) == [two.error], id
    answer = await two.person.post("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[*ids, two.second])
    assert answer["data"]["nodes"] == [None, None, None, {"id": two.second}]
    assert [error["extensions"] for error in answer["errors"]] == [two.error] * 3
    # Without an id, there are still two accounts to choose from.
    assert (await two.person.ask(ACCOUNT))["account"] is None


@pytest.mark.usefixtures("each_executor")
async def test_the_only_account_of_a_person(world: World) -> None:
    await world.admin.change(END_SESSIONS, memberId=world.viewer.member_id)

    for query in (ACCOUNT, "{ catalog { totalCount } }", '{ theme(slug: "aurora") { name } }'):
        assert await world.viewer.errors(query) == [
            {"code": "REAUTHENTICATION_REQUIRED", "accountId": world.account_id}
        ]


# Changes


async def test_the_account_is_not_changed_and_others_are(two: Two) -> None:
    world = two.world
    admin = await world.join("ADMIN", "second@example.com")
    await world.admin.change(END_SESSIONS, memberId=admin.member_id)
    renaming = {"accountId": two.first, "name": "Mine"}

    async with nothing_changes(world):
        assert await admin.errors(UPDATE_ACCOUNT, input=renaming) == [two.error]
        assert await admin.errors(REMOVE, input={"memberId": world.viewer.member_id}) == [two.error]
        own = {"memberId": admin.member_id}
        assert await admin.errors(END_SESSIONS, input=own) == [two.error]
    await two.end_sessions()
    payload = await two.person.change(UPDATE_ACCOUNT, accountId=two.second, name="Gamma")
    assert not payload["userErrors"]


async def test_what_concerns_all_accounts_needs_all_of_them(two: Two) -> None:
    await two.end_sessions()

    async with nothing_changes(two.world):
        assert await two.person.errors(UPDATE_PROFILE, input={"name": "New"}) == [two.error]
        assert await two.person.errors(REQUEST_PERSONAL_DATA) == [two.error]

    again = await two.world.sign_in(EMAIL)
    assert not (await again.change(UPDATE_PROFILE, name="New"))["userErrors"]


# The policy


async def test_who_sets_the_policy_signs_in_again_at_once(world: World) -> None:
    await age(world, world.admin.email, 7_200)
    error = {"code": "REAUTHENTICATION_REQUIRED", "accountId": world.account_id}
    input = {"accountId": world.account_id, "maxSessionAgeSeconds": 3_600}

    answer = await world.admin.post(SET_SECURITY_POLICY, input=input)

    # The rule is set, and already holds for what the payload shows.
    assert answer["data"]["setSecurityPolicy"] == {"account": {"securityPolicy": None}, "userErrors": []}
    assert [each["extensions"] for each in answer["errors"]] == [error]
    assert await world.superuser.fetchval("SELECT max_session_age_seconds FROM accounts") == 3_600
    lifting = input | {"maxSessionAgeSeconds": None}
    assert await world.admin.errors(SET_SECURITY_POLICY, input=lifting) == [error]
    admin = await world.sign_in(world.admin.email)
    assert not (await admin.change(SET_SECURITY_POLICY, **lifting))["userErrors"]
    assert (await world.admin.ask(ACCOUNT))["account"]["name"] == "Acme"


async def test_the_owner_revokes_a_key_that_sets_the_shortest_age_again_and_again(world: World) -> None:
    second = await world.join("ADMIN", "second@example.com")
    thief = await with_key(world, second, "ACCOUNT")
    ages = [{"accountId": world.account_id, "maxSessionAgeSeconds": seconds} for seconds in (60, 61)]

    async def shorten() -> None:
        while "errors" not in await thief.post(SET_SECURITY_POLICY, input=ages[0]):
            await thief.post(SET_SECURITY_POLICY, input=ages[1])

    await thief.post(SET_SECURITY_POLICY, input=ages[0])
    await age(world, world.admin.email, 60)
    async with asyncio.timeout(30), asyncio.TaskGroup() as loop:
        loop.create_task(shorten())
        owner = await world.sign_in(world.admin.email)
        revoked = await owner.change(REVOKE_API_KEY, apiKeyId=thief.member_id)

    assert revoked["apiKey"]["status"] == "REVOKED"


# Ending a member's sessions


async def test_an_admin_ends_the_sessions_of_a_member(two: Two) -> None:
    world = two.world
    script = await claimed(world, world.member)

    payload = await world.admin.change(END_SESSIONS, memberId=world.member.member_id)

    assert payload == {"member": {"id": world.member.member_id, "name": "Member"}, "userErrors": []}
    for session in (world.member, two.person):
        assert not await two.reads(session, two.first)
        assert await two.reads(session, two.second)
    for other in (script, world.admin, world.viewer, await world.sign_in(EMAIL)):
        assert await two.reads(other, two.first)
    (event,) = await world.superuser.fetch(EVENTS)
    assert event["summary"] == "Admin ended the sessions of Member"


async def test_a_second_click_changes_nothing_until_the_member_has_signed_in_again(two: Two) -> None:
    await two.end_sessions()
    async with nothing_changes(two.world):
        await two.end_sessions()
    again = await two.world.sign_in(EMAIL)

    await two.end_sessions()

    assert not await two.reads(again, two.first)
    assert len(await two.world.superuser.fetch(EVENTS)) == 2


async def test_sessions_that_were_too_old_when_they_were_ended_stay_ended(two: Two) -> None:
    await age(two.world, EMAIL, 120)
    await set_policy(two.world, 60)
    await two.end_sessions()

    await set_policy(two.world, None)

    assert not await two.reads(two.person, two.first)
    assert len(await two.world.superuser.fetch(EVENTS)) == 1


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER", "VIEWER"])
async def test_everybody_ends_its_own_sessions(world: World, role: str) -> None:
    person = world.people[role]

    payload = await person.change(END_SESSIONS, memberId=person.member_id)

    assert payload["member"]["id"] == person.member_id
    assert await person.errors(ACCOUNT) == [
        {"code": "REAUTHENTICATION_REQUIRED", "accountId": world.account_id}
    ]
    assert (await (await world.sign_in(person.email)).ask(ACCOUNT))["account"]["name"] == "Acme"
    (event,) = await world.superuser.fetch(EVENTS)
    assert event["summary"] == f"{role.title()} ended their own sessions"


async def test_only_the_owner_ends_the_sessions_of_the_owner(world: World) -> None:
    second = await world.join("ADMIN", "second@example.com")
    script = await with_key(world, second, "TEAM")

    async with nothing_changes(world):
        payload = await second.change(END_SESSIONS, memberId=world.admin.member_id)
    assert user_error(payload) == ("OWNER_PROTECTED", ["memberId"])
    payload = await script.change(END_SESSIONS, memberId=world.admin.member_id)
    assert user_error(payload) == ("OWNER_PROTECTED", ["memberId"])

    assert not await world.superuser.fetch(EVENTS)
    assert (await world.admin.ask(ACCOUNT))["account"]["name"] == "Acme"
    await world.admin.change(TRANSFER_OWNERSHIP, accountId=world.account_id, memberId=second.member_id)
    assert not (await second.change(END_SESSIONS, memberId=world.admin.member_id))["userErrors"]
    assert await world.admin.errors(ACCOUNT) == [
        {"code": "REAUTHENTICATION_REQUIRED", "accountId": world.account_id}
    ]


async def test_no_key_ends_the_sessions_of_its_own_member(world: World) -> None:
    second = await world.join("ADMIN", "second@example.com")

    for member in (world.admin, second):
        script = await with_key(world, member, "READ", "TEAM")
        refused = await script.errors(END_SESSIONS, input={"memberId": member.member_id})
        assert [error["code"] for error in refused] == ["FORBIDDEN"]

        assert (await member.ask(ACCOUNT))["account"]["name"] == "Acme"
    assert [event["outcome"] for event in await world.superuser.fetch(EVENTS)] == ["DENIED", "DENIED"]


async def test_whose_sessions_cannot_be_ended(two: Two) -> None:
    world = two.world
    script = Person(world.http, token=(await generated(world))[1])
    stranger = await world.found("Third", "stranger@example.com")
    removed = await world.join("VIEWER", "removed@example.com")
    await world.admin.change(REMOVE, memberId=removed.member_id)

    async with nothing_changes(world):
        for id in (stranger.member_id, "x", two.first):
            payload = await world.admin.change(END_SESSIONS, memberId=id)
            assert user_error(payload) == ("NOT_FOUND", ["memberId"])
        payload = await world.admin.change(END_SESSIONS, memberId=removed.member_id)
        assert user_error(payload) == ("NOT_ACTIVE", ["memberId"])
        nobody = await world.nobody.errors(END_SESSIONS, input={"memberId": world.admin.member_id})
        assert [error["code"] for error in nobody] == ["UNAUTHENTICATED"]
    own = await script.errors(END_SESSIONS, input={"memberId": world.admin.member_id})
    assert [error["code"] for error in own] == ["FORBIDDEN"]
    others = await world.viewer.errors(END_SESSIONS, input={"memberId": world.admin.member_id})
    assert others == [{"code": "FORBIDDEN", "permission": "REMOVE_MEMBERS"}]


# Pages


async def test_signing_in_through_the_same_browser_replaces_the_session(two: Two) -> None:
    world = two.world
    await two.end_sessions()
    link = Opened(f"/sign-in/{await emailed_link(world, EMAIL)}", session=two.person.token)

    answer = await (await link.opened(world.http)).by(world.http, "POST")

    assert await two.reads(session_of(answer, world), two.first)
    assert [error["code"] for error in await two.person.errors(ACCOUNTS)] == ["UNAUTHENTICATED"]


async def test_pages_of_a_person_who_must_sign_in_again(world: World) -> None:
    await world.admin.change(INVITE, accountId=world.account_id, email="new@example.com", role="VIEWER")
    token = await world.token_for("new@example.com")
    joined = await world.nobody.change(ACCEPT, token=token)
    await world.admin.change(END_SESSIONS, memberId=joined["member"]["id"])

    page = await Opened(f"/join/{token}", session=joined["sessionToken"]).by(world.http, "GET")
    assert (page.status_code, "Acme" in page.text) == (200, True)
    for path in ("/", "/graphql"):
        opened = Opened(path, session=joined["sessionToken"])
        assert (await opened.by(world.http, "GET", accept="text/html")).status_code == 200


async def test_sessions_that_were_ended_stay_so_when_the_member_joins_again(world: World) -> None:
    old, invited = world.member, {"email": EMAIL, "role": "ADMIN"}
    await world.admin.change(END_SESSIONS, memberId=old.member_id)
    await world.admin.change(REMOVE, memberId=old.member_id)
    await world.admin.change(INVITE, accountId=world.account_id, **invited)
    await world.nobody.change(ACCEPT, token=await world.token_for(EMAIL))

    (refused,) = await old.errors(NODE, id=world.account_id)

    assert refused["code"] == "REAUTHENTICATION_REQUIRED"
    assert "errors" not in await (await world.sign_in(EMAIL)).post(NODE, id=world.account_id)
