"""The database commits no change of an account's rows without an event of that account."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from models.audited import UNAUDITED_COLUMNS, UNAUDITED_TABLES, account_tables, audited_columns
from tests.support.beginnings import Beginnings
from tests.support.changes import SET_MEMBER_LIMITS, UPDATE_BILLING
from tests.support.rewriting import act_for
from tests.support.stage import set_stage
from tests.support.world import World

REFUSED = "needs an event of its account in the same transaction"
EVENT = """INSERT INTO audit_events
    (account_id, id, action, outcome, summary, actor_kind, actor_name, details)
  VALUES ($1, gen_random_uuid(), 'ACCOUNT_UPDATED', 'ALLOWED', 'x', 'SYSTEM', 'x', '{}')"""
# Another value for each column, where "the same text and one letter more" will not do.
ANOTHER_MEMBER = (
    "(SELECT id FROM members AS other WHERE other.account_id = {table}.account_id AND NOT is_owner"
    " AND other.id IS DISTINCT FROM {table}.{name} LIMIT 1)"
)
OTHER: dict[str, str] = {
    "accounts.currency": "'USD'",
    "accounts.max_active_licenses": "99",
    "accounts.max_monthly_spend": "99",
    "api_keys.allowed_networks": "ARRAY['10.0.0.0/8']",
    "api_keys.scopes": "ARRAY['READ']",
    "api_keys.key_hash": "sha256(key_hash)",
    "audit_streams.actions": "ARRAY['MEMBER_JOINED']",
    "audit_streams.previous_secrets": "ARRAY['x'::bytea]",
    "audit_streams.secret": "sha256(secret)",
    "audit_streams.status": "'PAUSED'",
    "audit_streams.deleted_at": "now(), secret = NULL",
    "billing_details.address_lines": "ARRAY['x']",
    "billing_details.country": "'FR'",
    "entitlements.provisioned": "purchased",
    "entitlements.purchased": "purchased + 1",
    "invitations.accepted_by_id": ANOTHER_MEMBER,
    "invitations.access_until": "expires_at",
    "invitations.emails": "emails + 1",
    "invitations.role": "'ADMIN'",
    "invitations.status": "'REVOKED'",
    "invoices.status": "'PAID'",
    "licenses.status": "'SUSPENDED'",
    "member_limits.theme_ids": "ARRAY[]::uuid[]",
    "members.role": "'ADMIN'",
    "members.user_id": "(SELECT users.id FROM users WHERE email = 'nobody@example.com')",
}
BY_TYPE = {
    "VARCHAR": "coalesce({name}, '') || 'x'",
    "TEXT": "{name} || 'x'",
    "DATETIME": "coalesce({name}, now()) + interval '1 second'",
    "BLOB": "sha256(coalesce({name}, ''))",
    "UUID": ANOTHER_MEMBER,
}
# What each table's own keys, triggers and grants refuse already, whatever the events.
FIXED = {
    *((table, "account_id") for table in audited_columns()),
    *((table, "id") for table in audited_columns()),
    *((table, column) for table, column in (("licenses", "theme_id"), ("entitlements", "theme_id"))),
    *(
        (table, column)
        for table in ("former_license_keys", "invoice_lines")
        for column in audited_columns()[table]
    ),
    *(
        ("invoices", column)
        for column in audited_columns()["invoices"]
        if column not in ("status", "paid_at")
    ),
}
COLUMNS = [
    (table, column)
    for table, columns in audited_columns().items()
    for column in columns
    if (table, column) not in FIXED
]
UNAUDITED = [(table, column) for table, columns in UNAUDITED_COLUMNS.items() for column in columns]


@pytest.fixture
async def account_id(world: World, themes: dict[str, str], beginnings: Beginnings) -> UUID:
    """Of an account that has at least a row in each audited table."""

    async def arrange() -> UUID:
        await set_stage(world, themes)
        await world.admin.change(UPDATE_BILLING, accountId=world.account_id, company="Acme", country="DE")
        limits = {"maxActiveLicenses": 2, "themeIds": [themes["aurora"]]}
        await world.admin.change(SET_MEMBER_LIMITS, memberId=world.member.member_id, **limits)
        await world.superuser.execute(
            "INSERT INTO users (id, email, name, created_at)"
            " VALUES (gen_random_uuid(), 'nobody@example.com', 'Nobody', now())"
        )
        return UUID(world.account_id[-32:])

    return await beginnings.begin("audited", world, arrange)


@pytest.fixture
async def app(database_url: str, account_id: UUID) -> AsyncIterator[asyncpg.Connection]:
    """As the app's role, acting for the account."""
    connection = await asyncpg.connect(database_url)
    await act_for(connection, account_id)
    yield connection
    await connection.close()


def update_of(table: str, column: str) -> str:
    """Of one row: the last one, since the first member is the owner."""
    if (table, column) == ("members", "is_owner"):
        return "UPDATE members SET is_owner = false WHERE is_owner"
    type_name = str(account_tables()[table].columns[column].type).partition("(")[0].split()[0]
    other = OTHER.get(f"{table}.{column}") or BY_TYPE.get(type_name, "coalesce({name}, 0) + 1")
    name = account_tables()[table].columns[column].name
    key = "id" if "id" in account_tables()[table].columns else "account_id"
    assert not (other.startswith("coalesce({name}, 0)") and type_name not in ("INTEGER", "BIGINT", "NUMERIC"))
    return (
        f"UPDATE {table} SET {name} = {other.format(table=table, name=name)}"
        f" WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1)"
    )


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[".".join(each) for each in COLUMNS])
async def test_no_audited_column_changes_without_an_event(
    app: asyncpg.Connection, world: World, account_id: UUID, table: str, column: str
) -> None:
    before = await world.rows()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=f"change of {table} {REFUSED}"):
        await app.execute(update_of(table, column))

    assert await world.rows() == before
    async with app.transaction():
        assert await app.execute(update_of(table, column)) == "UPDATE 1"
        await app.execute(EVENT, account_id)
    assert await world.rows() != before


@pytest.mark.parametrize(("table", "column"), UNAUDITED, ids=[".".join(each) for each in UNAUDITED])
async def test_other_columns_change_without_an_event(
    app: asyncpg.Connection, account_id: UUID, table: str, column: str
) -> None:
    lease = "gen_random_uuid(), leased_until = now()"
    others = {"delivery": "'SENT'", "lease_id": lease, "leased_until": "now(), lease_id = gen_random_uuid()"}
    value = others.get(column)
    statement = f"UPDATE {table} SET {column} = {value}" if value else update_of(table, column)

    assert await app.execute(statement) != "UPDATE 0"


async def test_an_event_of_another_account_does_not_count(
    app: asyncpg.Connection, world: World, account_id: UUID
) -> None:
    await world.found("Other", "other@example.com")
    other_id = await world.superuser.fetchval("SELECT id FROM accounts WHERE name = 'Other'")
    before = await world.rows()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=REFUSED):  # noqa: PT012 - at its end
        async with app.transaction():
            await app.execute("UPDATE members SET role = 'ADMIN' WHERE account_id = $1", account_id)
            await act_for(app, other_id)
            await app.execute(EVENT, other_id)

    assert await world.rows() == before


async def test_an_earlier_event_does_not_count(
    app: asyncpg.Connection, world: World, account_id: UUID
) -> None:
    await app.execute(EVENT, account_id)
    before = await world.rows()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=REFUSED):
        await app.execute("UPDATE accounts SET max_active_licenses = 9 WHERE id = $1", account_id)

    assert await world.rows() == before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO entitlements SELECT accounts.id, gen_random_uuid(), themes.id, 9, 0"
        " FROM accounts, themes WHERE themes.slug = 'basalt'",
        "INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at)"
        " SELECT accounts.id, gen_random_uuid(), users.id, 'Eve', users.email, 'ADMIN', false, now()"
        " FROM accounts, users WHERE users.email = 'nobody@example.com'",
        "SET team_access.account_id = '00000000-0000-0000-0000-000000000001';"
        "INSERT INTO accounts (id, name, slug, currency, created_at)"
        " VALUES ('00000000-0000-0000-0000-000000000001', 'Eve', 'eve', 'EUR', now())",
    ],
)
async def test_no_row_is_added_without_an_event(
    app: asyncpg.Connection, world: World, account_id: UUID, statement: str
) -> None:
    await world.superuser.execute("DELETE FROM entitlements WHERE provisioned = 0")
    before = await world.rows()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=REFUSED):
        await app.execute(statement)

    assert await world.rows() == before


async def test_the_owner_of_the_tables_deletes_nothing_without_an_event(
    owner_url: str, world: World, account_id: UUID
) -> None:
    owner = await asyncpg.connect(owner_url)
    before = await world.rows()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=f"licenses {REFUSED}"):
        await owner.execute("DELETE FROM licenses")
    await owner.close()

    assert await world.rows() == before


async def test_no_row_moves_to_another_account(owner_url: str, world: World, account_id: UUID) -> None:
    owner = await asyncpg.connect(owner_url)
    await world.found("Other", "other@example.com")
    other_id = await world.superuser.fetchval("SELECT id FROM accounts WHERE name = 'Other'")
    before = await world.rows()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never moves to another"):  # noqa: PT012
        async with owner.transaction():
            await owner.execute(EVENT, account_id)
            await owner.execute(EVENT, other_id)
            await owner.execute("UPDATE entitlements SET account_id = $1", other_id)
    await owner.close()

    assert await world.rows() == before


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "ALTER TABLE members DISABLE TRIGGER ALL",
        "DROP TRIGGER members_audited ON members",
        "SET CONSTRAINTS ALL IMMEDIATE; UPDATE members SET role = 'ADMIN'",
    ],
)
async def test_the_app_s_role_cannot_switch_it_off(
    app: asyncpg.Connection, world: World, statement: str
) -> None:
    before = await world.rows()

    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.IntegrityConstraintViolationError)):
        await app.execute(f"BEGIN; {statement}; COMMIT")

    await app.execute("ROLLBACK")
    assert await world.rows() == before


async def test_every_table_of_an_account_is_audited_or_says_why_not(
    superuser: asyncpg.Connection, account_id: UUID
) -> None:
    triggers = await superuser.fetch(
        "SELECT tgrelid::regclass::text AS table, tgname, tgdeferrable AND tginitdeferred AS deferred,"
        " array_remove(string_to_array(encode(tgargs, 'escape'), '\\000'), '') AS unaudited"
        " FROM pg_trigger WHERE tgfoid = 'audit_require_event'::regproc AND tgenabled = 'O'"
    )

    assert all(trigger["deferred"] for trigger in triggers)
    audited = {(trigger["table"], trigger["tgname"].removeprefix(trigger["table"])) for trigger in triggers}
    assert audited == {
        (table, kind) for table in audited_columns() for kind in ("_audited", "_audited_update")
    }
    assert set(UNAUDITED_TABLES) <= set(account_tables())
    for trigger in triggers:
        assert set(trigger["unaudited"]) == set(UNAUDITED_COLUMNS.get(trigger["table"], {})), trigger["table"]
