"""The document has each value of the columns that the registry calls personal, and no secret."""

import re
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from models.personal_data import PERSONAL_COLUMNS, REFERENCES, Included
from resolvers.named_persons import address_id
from resolvers.people.personal_data import SECTIONS
from resolvers.people.personal_events import AUDIT_EVENTS, AUDIT_EVENTS_BY_OTHERS
from resolvers.people.personal_sections import USER
from tests.support.beginnings import Beginnings
from tests.support.changes import CHANGE_ROLE, CREATE_ACCOUNT, REVOKE_LICENSE, UPDATE_BILLING
from tests.support.credentials import ADA, TwoAccounts, two_accounts
from tests.support.downloads import all_told
from tests.support.personal_data import personal_data, personal_data_link
from tests.support.world import World

ALL_SECTIONS = {each.name: each for each in (USER, *SECTIONS, AUDIT_EVENTS, AUDIT_EVENTS_BY_OTHERS)}
# How a marker text is stored in a column that is no text.
STORED = {
    ("api_keys", "allowed_networks"): "ARRAY['{}']",
    ("billing_details", "address_lines"): "ARRAY['{}']",
    ("billing_details", "country"): "'ZZ'",
    ("invoices", "billed_to"): f"""'{{{{"note":"{{}}","owner":{{{{"email":"{ADA}"}}}}}}}}'""",
    ("download_links", "subject"): """'{{"note":"{}"}}'""",
    ("transfers", "facts"): """'{{"note":"{}","size":null}}'""",
    ("idempotency_keys", "answer"): """'{{"note":"{}"}}'""",
    ("audit_events", "personal_details"): """'{{"note":"{}"}}', named_ids = NULL, named_fields = NULL""",
    ("pgqueuer", "payload"): f"""'{{{{"to":"{ADA}","subject":"{{}}"}}}}'""",
}
FOUND_BY = {
    ("users", "email"),
    ("sign_in_links", "email"),
    ("invitations", "email"),
    ("billing_details", "email"),
    ("limit_buckets", "subject"),
}
"""Columns with the person's address, by which the rows are found. They keep it."""
EXPECTED = {
    "user.email": ADA,
    "signInLinks.email": ADA,
    "invitationsReceived.email": ADA,
    "invitationsSent.email": "waiting@example.com",
    "billingDetails.email": ADA,
    "billingDetails.country": "ZZ",
    "queuedEmails.to": ADA,
    "limitBuckets.subject": ADA,
    "auditEventsByOthers.personalDetails": "marker of audit_events personal_details",
}
"""What is found instead of a marker."""


@pytest.fixture
async def accounts(
    world: World, themes: dict[str, str], beginnings: Beginnings
) -> AsyncIterator[TwoAccounts]:
    """Ada, with at least one row in each section."""
    found = await beginnings.begin("ada", world, lambda: two_accounts(world, themes))
    ada, second = found.ada, found.second.ids
    details = {"company": "Ada", "email": ADA, "country": "DE", "addressLines": ["Street 1"], "taxId": None}
    await ada.change(UPDATE_BILLING, accountId=second["account"], **details)
    await ada.change(CREATE_ACCOUNT, name="Third", idempotencyKey="third")
    await ada.change(REVOKE_LICENSE, licenseId=second["license"], reason="Not used.")
    await world.admin.change(CHANGE_ROLE, memberId=found.member_id, role="MEMBER")
    await personal_data_link(ada)
    await world.superuser.execute(
        """INSERT INTO transfers (id, token_hash, ip, user_agent, bytes_sent, facts, started_at, seen_at)
           SELECT gen_random_uuid(), token_hash, '::1', 'curl', 0, '{}', now(), now() FROM download_links;
           INSERT INTO unrecorded_sign_ins (session_id, account_ids, request_id)
           SELECT id, '{}', 'one' FROM sessions"""
    )
    yield found
    await world.superuser.execute("DELETE FROM transfers WHERE request_id IS NULL")
    await all_told(world)


async def test_a_marker_in_each_personal_column_is_in_the_document(accounts: TwoAccounts) -> None:
    world = accounts.world
    for _, table, column in _included():
        if (table, column) not in FOUND_BY:
            value = STORED.get((table, column), "'{}'").format(_marker(table, column))
            await world.superuser.execute(
                "BEGIN; SET LOCAL session_replication_role = replica;"
                f" UPDATE {table} SET {column} = {value}; COMMIT"
            )

    document = await personal_data(world, accounts.ada)

    missing = [
        field
        for field, table, column in _included()
        if EXPECTED.get(field, _marker(table, column)) not in _values(document, field)
    ]
    assert missing == []


async def test_each_section_has_rows_of_the_person(accounts: TwoAccounts) -> None:
    document = await personal_data(accounts.world, accounts.ada)

    assert list(document) == ["format", "version", "generatedAt", *ALL_SECTIONS]
    for name, section in ALL_SECTIONS.items():
        rows = [document[name]] if name == "user" else document[name]
        assert rows, name
        fields = [field for field in section.fields if field != "generatedAt"]
        assert all(list(row) == fields for row in rows), name


async def test_no_secret_and_no_hash_of_one_is_in_the_document(accounts: TwoAccounts) -> None:
    world = accounts.world
    secrets = re.findall(
        r"/(?:join|sign-in|claim)/([\w-]+)", "\n".join(each.text for each in await world.emails())
    )
    columns = await world.superuser.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND udt_name IN ('bytea', '_bytea') AND table_name <> 'pgqueuer'"
    )
    hashes: list[bytes] = []
    for table, column in columns:
        for (value,) in await world.superuser.fetch(
            f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"
        ):
            hashes += value if isinstance(value, list) else [value]

    document = orjson.dumps(await personal_data(world, accounts.ada)).decode()

    assert len(secrets) > 5
    assert len(hashes) > 50
    assert [secret for secret in (*secrets, accounts.ada.token) if str(secret) in document] == []
    assert [value.hex() for value in hashes if value.hex() in document] == []


async def test_nothing_of_people_who_have_nothing_to_do_with_it(accounts: TwoAccounts) -> None:
    """A third account and a colleague who never acted on the person are not mentioned."""
    world = accounts.world
    stranger = await world.found("Stranger Limited", "stranger@example.net")
    await stranger.ask("{ viewer { user { id } } }")

    document = orjson.dumps(await personal_data(world, accounts.ada)).decode()
    theirs = await personal_data(world, stranger)

    for text in ("stranger@example.net", "Stranger Limited", "viewer@example.com", "admin@example.com"):
        assert text not in document, text
    assert [each["account"]["name"] for each in theirs["memberships"]] == ["Stranger Limited"]
    assert ADA not in orjson.dumps(theirs).decode()


async def test_each_row_that_refers_to_the_person_is_in_its_section(accounts: TwoAccounts) -> None:
    """By the columns of the registry: as many rows as the database has, at least."""
    world = accounts.world
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = $1", ADA)
    ids = await world.superuser.fetch(
        "SELECT id FROM members WHERE user_id = $1 UNION SELECT id FROM sessions WHERE user_id = $1", user_id
    )
    people = [user_id, address_id(ADA), *(row["id"] for row in ids)]

    document = await personal_data(world, accounts.ada)

    for table, columns in REFERENCES.items():
        for column, sections in columns.items():
            refers = f"{column} && $1" if column == "named_ids" else f"{column} = ANY($1::uuid[])"
            if table == "audit_events" and column != "actor_member_id":
                refers += " AND (actor_member_id = ANY($1::uuid[])) IS NOT TRUE"
            rows = await world.superuser.fetchval(f"SELECT count(*) FROM {table} WHERE {refers}", people)
            for section in sections:
                assert len(document[section]) >= rows, (table, column, section)


def _included() -> list[tuple[str, str, str]]:
    """Each field of the document that the registry names, with its table and column."""
    return [
        (field, table, column)
        for table, columns in PERSONAL_COLUMNS.items()
        for column, decision in columns.items()
        if isinstance(decision, Included)
        for field in decision.fields
    ]


def _marker(table: str, column: str) -> str:
    return f"marker of {table} {column}"


def _values(document: dict[str, Any], field: str) -> str:
    section, _, name = field.partition(".")
    rows = [document[section]] if section == "user" else document[section]
    return orjson.dumps([row[name] for row in rows]).decode()
