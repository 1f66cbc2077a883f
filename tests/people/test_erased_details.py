"""Names, networks and addresses in the details of events, which leave them with their person."""

from pathlib import Path

import pytest

from audit_proof.verification import verify
from tests.api_keys.test_leaked_keys import finding, report
from tests.audit.test_audit_export import exported
from tests.support import chain
from tests.support.changes import (
    CHANGE_ROLES,
    ERASE_VIEWER,
    REMOVE_MANY,
    UPDATE_API_KEY,
    UPDATE_BILLING,
    codes,
)
from tests.support.documents import report as requested_report
from tests.support.documents import told
from tests.support.dump import found_in_dump
from tests.support.keys import generate
from tests.support.people import erased, joined, left, log
from tests.support.personal_data import personal_data
from tests.support.world import Person, World

NAME, EMAIL = "Quillonia Fernandez", "quillonia@example.com"
HOME, OFFICE = "203.0.113.77", "203.0.113.78"
AS_TEXT = ("Quillonia", "quillonia", HOME, OFFICE)


@pytest.fixture
async def person(world: World) -> Person:
    return await joined(world, NAME, EMAIL, "ADMIN")


async def _key(world: World, person: Person, **input: object) -> Person:
    payload = await generate(world, by=person, name=f"Laptop of {NAME}", allowedNetworks=[HOME], **input)
    assert not payload["userErrors"]
    return Person(world.http, token=payload["secret"], member_id=payload["apiKey"]["id"])


@pytest.mark.parametrize("is_own", [True, False], ids=["by itself", "by an Admin"])
async def test_names_and_networks_of_keys(
    world: World, person: Person, superuser_url: str, is_own: bool
) -> None:
    key = await _key(world, person)
    by = person if is_own else world.admin
    changed = {"name": f"Desk of {NAME}", "allowedNetworks": [OFFICE]}
    payload = await by.change(UPDATE_API_KEY, apiKeyId=key.member_id, **changed)
    assert not payload["userErrors"]

    await erased(world, person)

    assert await found_in_dump(superuser_url, *AS_TEXT) == []
    for action in ("API_KEY_GENERATED", "API_KEY_UPDATED"):
        (event,) = await log(world, actions=[action])
        assert "details.allowedNetworks" in event["erasedFields"]
    await chain.assert_whole(world.superuser)


async def test_networks_of_another_member_s_key_stay(world: World, person: Person) -> None:
    await generate(world, by=person, memberId=world.member.member_id, allowedNetworks=[HOME])

    await erased(world, person)

    (event,) = await log(world, actions=["API_KEY_GENERATED"])
    assert event["details"]["allowedNetworks"] == [f"{HOME}/32"]
    assert event["actor"]["name"] == "Erased person"
    assert await world.superuser.fetchval("SELECT allowed_networks FROM api_keys") == [f"{HOME}/32"]


async def test_the_place_where_a_key_leaked(world: World, person: Person, superuser_url: str) -> None:
    key = await _key(world, person)
    found = {"url": "https://git.example/quillonia/dotfiles", "source": "commit of Quillonia"}
    await report(world, finding(key.token, **found))

    await erased(world, person)

    assert await found_in_dump(superuser_url, *AS_TEXT, without=("pgqueuer",)) == []
    await chain.assert_whole(world.superuser)


async def test_what_the_person_looked_for_in_a_report(
    world: World, person: Person, superuser_url: str
) -> None:
    await requested_report(world, "AUDIT_LOG", "NDJSON", person, auditFilter={"text": NAME, "ip": HOME})
    await told(world, "REPORT_DOWNLOADED")

    await erased(world, person)

    assert await found_in_dump(superuser_url, *AS_TEXT) == []
    (event,) = await log(world, actions=["REPORT_DOWNLOADED"])
    assert event["details"]["kind"] == "AUDIT_LOG"
    await chain.assert_whole(world.superuser)


async def test_an_address_that_another_looked_for_in_a_report(
    world: World, person: Person, superuser_url: str
) -> None:
    await requested_report(world, "AUDIT_LOG", "NDJSON", auditFilter={"text": EMAIL})
    await told(world, "REPORT_DOWNLOADED")

    await erased(world, person)

    assert await found_in_dump(superuser_url, EMAIL, without=("download_links",)) == []
    await chain.assert_whole(world.superuser)


async def test_a_name_in_the_lines_of_a_billing_address(
    world: World, person: Person, superuser_url: str
) -> None:
    for lines in ([NAME, "Street 1"], ["Street 2"]):
        payload = await person.change(UPDATE_BILLING, accountId=world.account_id, addressLines=lines)
        assert not payload["userErrors"]

    await erased(world, person)

    assert await found_in_dump(superuser_url, *AS_TEXT) == []
    newest, oldest = await log(world, actions=["BILLING_DETAILS_CHANGED"])
    assert oldest["details"]["addressLines"] == [[], ["Erased person", "Street 1"]]
    assert newest["details"]["addressLines"] == [["Erased person", "Street 1"], ["Street 2"]]
    await chain.assert_whole(world.superuser)


async def test_an_export_without_details_has_none_of_them(
    world: World, person: Person, tmp_path: Path
) -> None:
    key = await _key(world, person)
    await person.change(UPDATE_API_KEY, apiKeyId=key.member_id, name="Desk", allowedNetworks=[OFFICE])
    withheld = ["SUMMARY", "ACTOR_NAME", "TARGET_NAME", "CREDENTIAL_LABEL", "DETAILS"]

    path = await exported(world, tmp_path, withhold=withheld)

    assert not [text for text in AS_TEXT if text in path.read_text()]
    assert verify(path).withheld > 0


async def test_the_person_s_document_has_them(world: World, person: Person) -> None:
    key = await _key(world, person)
    await world.admin.change(UPDATE_API_KEY, apiKeyId=key.member_id, allowedNetworks=[HOME, OFFICE])

    document = await personal_data(world, person)

    (own,) = (each for each in document["auditEvents"] if each["action"] == "API_KEY_GENERATED")
    assert own["details"]["allowedNetworks"] == [f"{HOME}/32"]
    (by_other,) = (each for each in document["auditEventsByOthers"] if each["action"] == "API_KEY_UPDATED")
    assert by_other["personalDetails"] == {
        "details.member": NAME,
        "details.allowedNetworks.0.0": f"{HOME}/32",
        "details.allowedNetworks.1.0": f"{HOME}/32",
        "details.allowedNetworks.1.1": f"{OFFICE}/32",
    }
    assert "allowedNetworks" not in by_other["details"]


async def test_an_address_within_a_line_of_a_billing_address(
    world: World, person: Person, superuser_url: str
) -> None:
    lines = ["Street 1", f"c/o {EMAIL.upper()}"]
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, company=EMAIL, addressLines=lines)

    await erased(world, person)

    assert await found_in_dump(superuser_url, EMAIL, EMAIL.upper()) == []
    row = await world.superuser.fetchrow("SELECT company, address_lines FROM billing_details")
    assert row is not None
    assert tuple(row) == (None, ["Street 1"])
    await chain.assert_whole(world.superuser)


@pytest.mark.parametrize("is_removal", [False, True], ids=["roles", "removal"])
async def test_the_stored_answer_to_a_change_of_many_members(
    world: World, superuser_url: str, is_removal: bool
) -> None:
    """It has the errors of single members: who has left, and who is in the list twice."""
    gone, there = await joined(world, NAME, EMAIL), await joined(world, NAME, "twin@example.com")
    await left(world, gone)
    ids = [gone.member_id, there.member_id, there.member_id]
    members = [{"memberId": id, "role": "VIEWER"} for id in ids]
    named = {"memberIds": ids} if is_removal else {"members": members}
    changing = REMOVE_MANY if is_removal else CHANGE_ROLES

    payload = await world.admin.change(changing, accountId=world.account_id, idempotencyKey="k", **named)
    assert [codes(each) for each in payload["results"]] == [["NOT_ACTIVE"], [], ["INVALID"]]
    if not is_removal:
        await left(world, there)
    for person in (gone, there):
        assert await person.change(ERASE_VIEWER, email=person.email) == {"userErrors": []}

    assert await found_in_dump(superuser_url, "Quillonia") == []
    again = await world.admin.change(changing, accountId=world.account_id, idempotencyKey="k", **named)
    assert [codes(each) for each in again["results"]] == [["NOT_ACTIVE"], [], ["INVALID"]]
