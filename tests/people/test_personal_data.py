"""The document with a person's data: what it has, what it leaves out, and who gets it."""

from collections.abc import AsyncIterator

import orjson
import pytest

from tests.support.beginnings import Beginnings
from tests.support.changes import (
    CHANGE_ROLE,
    INVITE_ONE,
    LEAVE,
    PROVISION_LICENSE,
    REVOKE_LICENSE,
    TRANSFER_LICENSE,
    UPDATE_BILLING,
    UPDATE_PROFILE,
)
from tests.support.credentials import ADA, TwoAccounts, two_accounts
from tests.support.downloads import a_license, all_told
from tests.support.people import joined, left
from tests.support.personal_data import personal_data
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import INVITE, World

SESSIONS = "{ viewer { sessions { id isCurrent createdAt ip userAgent } memberships { id role } } }"


@pytest.fixture
async def accounts(world: World, themes: dict[str, str], beginnings: Beginnings) -> TwoAccounts:
    """Ada, who owns the second account and is an Admin of the first one."""
    return await beginnings.begin("ada", world, lambda: two_accounts(world, themes))


@pytest.fixture(autouse=True)
async def _ends(world: World) -> AsyncIterator[None]:
    yield
    await all_told(world)


async def test_the_document_says_what_the_api_says(accounts: TwoAccounts) -> None:
    ada, world = accounts.ada, accounts.world
    shown = (await ada.ask("{ viewer { user { id email name createdAt } } }"))["viewer"]["user"]
    viewer = (await ada.ask(SESSIONS))["viewer"]

    document = await personal_data(world, ada)

    assert (document["format"], document["version"]) == ("team-access-personal-data", 1)
    assert document["user"] == shown
    live = {each["id"]: each for each in document["sessions"] if each["endedAt"] is None}
    assert {id: live[id]["ip"] for id in live} == {each["id"]: each["ip"] for each in viewer["sessions"]}
    for session in viewer["sessions"]:
        assert live[session["id"]]["createdAt"] == session["createdAt"]
        assert live[session["id"]]["userAgent"] == session["userAgent"]
    assert {each["id"]: each["role"] for each in document["memberships"]} == {
        each["id"]: each["role"] for each in viewer["memberships"]
    }
    assert {each["account"]["name"] for each in document["memberships"]} == {"Acme", "Second"}
    assert {each["email"] for each in document["invitationsReceived"]} == {ADA}
    assert "waiting@example.com" in {each["email"] for each in document["invitationsSent"]}
    (invoice,) = document["invoices"]
    assert invoice["relations"] == ["OWNER", "PURCHASER"]
    assert invoice["billedTo"]["owner"]["email"] == ADA
    assert {each["to"] for each in document["queuedEmails"]} == {ADA}
    assert {each["memberId"] for each in document["auditEvents"]} == {
        each["id"] for each in document["memberships"]
    }


async def test_own_events_are_those_of_the_log(accounts: TwoAccounts) -> None:
    ada, world = accounts.ada, accounts.world
    query = """query ($id: ID!) { account(id: $id) { viewerMember { activity(first: 100) { nodes {
        id sequence occurredAt action outcome summary targetId targetName ip userAgent requestId details
        actor { kind name member { id } credential { kind id label } } } } } } }"""
    shown = []
    for account in (accounts.second.ids["account"], world.account_id):
        shown += (await ada.ask(query, id=account))["account"]["viewerMember"]["activity"]["nodes"][::-1]

    document = await personal_data(world, ada)

    assert len(shown) > 5
    for event, found in zip(shown, document["auditEvents"], strict=True):
        actor = event.pop("actor")
        assert {name: found[name] for name in event} == {**event, "sequence": int(event["sequence"])}
        assert (found["actorKind"], found["actorName"]) == (actor["kind"], actor["name"])
        assert found["memberId"] == actor["member"]["id"]
        credential = actor["credential"]
        assert [found["credentialKind"], found["credentialId"], found["credentialLabel"]] == list(
            credential.values()
        )


async def test_an_event_of_another_person_shows_neither_address_nor_device(accounts: TwoAccounts) -> None:
    world, ada = accounts.world, accounts.ada
    await world.admin.change(CHANGE_ROLE, memberId=accounts.member_id, role="MEMBER")

    document = await personal_data(world, ada)

    created, *events = document["auditEventsByOthers"]
    assert (created["action"], created["personalDetails"]) == ("ACCOUNT_CREATED", {"details.owner": "Ada"})
    assert [event["action"] for event in events] == ["MEMBER_INVITED", "MEMBER_ROLE_CHANGED"]
    assert events[1]["summary"] == "Admin changed the role of Ada from Admin to Member"
    assert events[1]["actorName"] == "Admin"
    for event in events:
        assert event["ip"] is event["userAgent"] is None
        assert "credentialLabel" not in event
        assert "requestId" not in event


async def test_an_event_that_names_the_person_among_others_shows_its_own_name_in_the_details(
    accounts: TwoAccounts,
) -> None:
    """The sentence has the names that it had for those who read the log."""
    world, ada = accounts.world, accounts.ada
    license_id = await a_license(world, accounts.second.ids["theme"])
    moved = await world.admin.change(TRANSFER_LICENSE, licenseId=license_id, toMemberId=accounts.member_id)
    assert not moved["userErrors"]
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email=ADA)
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email="books@example.com")

    events = (await personal_data(world, ada))["auditEventsByOthers"]

    transferred = next(event for event in events if event["action"] == "LICENSE_TRANSFERRED")
    assert transferred["summary"].startswith("Admin transferred Aurora for a.example.com from Member to Ada")
    assert transferred["namedIn"] == ["details.holder.1"]
    assert transferred["personalDetails"] == {"details.holder.1": "Ada"}
    billing = [event for event in events if event["action"] == "BILLING_DETAILS_CHANGED"]
    assert [event["personalDetails"] for event in billing] == [
        {"details.email.1": ADA},
        {"details.email.0": ADA},
    ]
    assert "books@example.com" not in str(events)


async def test_an_account_that_only_names_the_address_is_found(accounts: TwoAccounts) -> None:
    world = accounts.world
    stranger = await world.sign_in("stranger@example.net")
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email="stranger@example.net")
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email=None)

    document = await personal_data(world, stranger)

    assert document["memberships"] == document["billingDetails"] == []
    assert [event["action"] for event in document["auditEventsByOthers"]] == ["BILLING_DETAILS_CHANGED"] * 2


async def test_what_was_done_with_ones_own_invitation_shows_its_address(
    accounts: TwoAccounts,
) -> None:
    world = accounts.world
    invited = await world.admin.change(
        INVITE, accountId=world.account_id, email="elsewhere@example.com", role="VIEWER"
    )
    assert not invited["userErrors"]
    decline = """mutation ($input: DeclineInvitationInput!) { declineInvitation(input: $input) {
        userErrors { code } } }"""
    await world.nobody.change(decline, token=await world.token_for("elsewhere@example.com"))
    person = await world.found("Elsewhere", "elsewhere@example.com")

    events = (await personal_data(world, person))["auditEventsByOthers"]

    assert sorted((event["action"], event["ip"]) for event in events) == [
        ("ACCOUNT_CREATED", None),
        ("INVITATION_DECLINED", "127.0.0.1"),
        ("MEMBER_INVITED", None),
    ]


async def test_a_person_in_no_account_has_a_document(world: World) -> None:
    person = await world.sign_in("alone@example.com")

    document = await personal_data(world, person)

    assert document["user"]["email"] == "alone@example.com"
    assert len(document["sessions"]) == len(document["signInLinks"]) == 1
    assert document["memberships"] == document["auditEvents"] == document["auditEventsByOthers"] == []


async def test_of_an_account_that_was_left_what_was_stored_remains(accounts: TwoAccounts) -> None:
    world, ada = accounts.world, accounts.ada
    theme_id = accounts.second.ids["theme"]
    provision = """mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) {
        license { id key } userErrors { code } } }"""
    license = (
        await ada.change(provision, accountId=world.account_id, themeId=theme_id, site="ada.example.com")
    )["license"]
    before = await personal_data(world, ada)
    left = await ada.change(LEAVE, accountId=world.account_id)
    assert not left["userErrors"]

    after = await personal_data(world, ada)

    (held,) = (each for each in before["licenses"] if each["id"] == license["id"])
    (passed,) = (each for each in after["licenses"] if each["id"] == license["id"])
    assert (held["key"], held["relations"]) == (license["key"], ["HOLDER", "PROVISIONER"])
    assert (passed["key"], passed["relations"]) == (None, ["PROVISIONER"])
    (membership,) = (each for each in after["memberships"] if each["id"] == accounts.member_id)
    assert membership["removedAt"]
    assert membership["account"]["name"] == "Acme"
    assert "MEMBER_LEFT" in {event["action"] for event in after["auditEvents"]}


async def test_a_name_of_a_company_opens_no_billing_details(accounts: TwoAccounts) -> None:
    """Anybody can take any name. An address was proven by signing in."""
    world, ada = accounts.world, accounts.ada
    details = {"company": "Acme Limited", "taxId": None, "country": "DE", "addressLines": ["Secret Street 1"]}
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, **details)
    await world.admin.change(CHANGE_ROLE, memberId=accounts.member_id, role="MEMBER")
    stranger = await world.sign_in("stranger@example.com")
    for person in (ada, stranger):
        await person.change(UPDATE_PROFILE, name="Acme LIMITED")

    found = [(await personal_data(world, person))["billingDetails"] for person in (ada, stranger)]
    await world.admin.change(CHANGE_ROLE, memberId=accounts.member_id, role="ADMIN")
    as_admin = (await personal_data(world, ada))["billingDetails"]
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email="stranger@example.com")
    by_address = (await personal_data(world, stranger))["billingDetails"]

    assert found == [[], []]
    assert [each["addressLines"] for each in as_admin] == [["Secret Street 1"]]
    assert [each["email"] for each in by_address] == ["stranger@example.com"]


async def test_an_invoice_shows_each_person_its_part(accounts: TwoAccounts) -> None:
    """The owner all; the address that it was sent to all but the owner's address; the purchaser its name."""
    world, ada = accounts.world, accounts.ada
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email="books@example.com")
    purchase = """mutation ($input: PurchaseLicensesInput!) { purchaseLicenses(input: $input) {
        invoice { id } userErrors { code } } }"""
    item = {"themeId": accounts.second.ids["theme"], "quantity": 1}
    bought = await ada.change(purchase, accountId=world.account_id, items=[item])
    books = await world.sign_in("books@example.com")

    found = {}
    for name, person in {"purchaser": ada, "owner": world.admin, "recipient": books}.items():
        invoices = (await personal_data(world, person))["invoices"]
        (found[name],) = (each for each in invoices if each["id"] == bought["invoice"]["id"])

    assert found["purchaser"]["billedTo"] == {"purchasedBy": "Ada"}
    assert found["purchaser"]["relations"] == ["PURCHASER"]
    assert found["owner"]["billedTo"]["owner"] == {"name": "Admin", "email": "admin@example.com"}
    assert found["recipient"]["billedTo"]["owner"] == {"name": "Admin"}
    assert found["recipient"]["billedTo"]["email"] == "books@example.com"
    assert found["recipient"]["relations"] == ["RECIPIENT"]


async def test_limits_count_the_person_by_its_address_and_its_ids(accounts: TwoAccounts) -> None:
    world, ada = accounts.world, accounts.ada
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = $1", ADA)
    own = {
        f"accounts of {user_id}",
        f"invitations by {user_id} in new accounts",
        f"API keys for {uuid_of(accounts.member_id)}",
        f"sign-in emails to tags of {ADA}",
    }
    others = {"invitations to xada@example.com", f"{ADA} x", "sign-in emails for 127.0.0.1"}
    await world.superuser.execute("DELETE FROM limit_buckets")
    for subject in own | others:
        await world.superuser.execute("INSERT INTO limit_buckets VALUES ($1, now())", subject)

    document = await personal_data(world, ada)

    assert {each["subject"] for each in document["limitBuckets"]} == own


async def test_a_key_of_another_member_shows_no_address_of_its_use(accounts: TwoAccounts) -> None:
    world, ada = accounts.world, accounts.ada
    script = await with_key(world, world.admin)
    await script.ask("{ viewer { user { id } } }")
    await world.superuser.execute(
        "UPDATE api_keys SET created_by_id = $1 WHERE id = $2",
        accounts.member_id[-32:],
        script.member_id[-32:],
    )

    theirs = (await personal_data(world, ada))["apiKeys"]
    own = (await personal_data(world, world.admin))["apiKeys"]

    (created,) = (each for each in theirs if each["id"] == script.member_id)
    (used,) = (each for each in own if each["id"] == script.member_id)
    assert (created["relations"], created["lastUsedAt"], created["lastUsedIp"]) == (["CREATOR"], None, None)
    assert (used["relations"], used["lastUsedIp"]) == (["MEMBER"], "127.0.0.1")


async def test_who_has_left_does_not_learn_what_happened_since(world: World, themes: dict[str, str]) -> None:
    await world.grant("aurora", 1)
    ada = await joined(world, "Ada", "ada@example.com", "ADMIN")
    wanted = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
    license_id = (await ada.change(PROVISION_LICENSE, **wanted))["license"]["id"]
    await ada.change(INVITE_ONE, accountId=world.account_id, email="bo@example.com", role="VIEWER")
    await world.admin.change(TRANSFER_LICENSE, licenseId=license_id, toMemberId=world.member.member_id)
    before = await personal_data(world, ada)
    await left(world, ada)
    await world.admin.change(REVOKE_LICENSE, licenseId=license_id, reason="A secret of the account.")

    after = await personal_data(world, ada)

    for document, statuses in ((before, ("ACTIVE", "PENDING")), (after, (None, None))):
        (license,), (invitation,) = document["licenses"], document["invitationsSent"]
        assert (license["status"], invitation["status"]) == statuses
    assert after["licenses"][0]["revokedReason"] is None
    assert "A secret" not in orjson.dumps(after["licenses"]).decode()
