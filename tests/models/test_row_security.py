"""The app's role can write rows of its transaction's account only."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from engine.fair_share import Claim
from models import grants
from models.audited import account_tables, audited_columns
from models.database import Database
from tests.support.beginnings import Beginnings
from tests.support.changes import SET_MEMBER_LIMITS, UPDATE_BILLING
from tests.support.rewriting import act_for
from tests.support.stage import set_stage
from tests.support.world import World

NOBODY = "00000000-0000-0000-0000-000000000000"
WRITTEN = {table: granted for table, granted in grants.TABLES.items() if table in account_tables()}
INSERTED = sorted(table for table, granted in WRITTEN.items() if "INSERT" in granted)
UPDATED = sorted(
    (table, grants.COLUMNS.get(table, (list(account_tables()[table].columns)[-1].name,))[0])
    for table, granted in WRITTEN.items()
    if "UPDATE" in granted or table in grants.COLUMNS
)
# Of each account: limits of its members, former keys of its licenses, a verification, a link that is valid,
# and one that is over.
OTHER_ROWS = (
    "INSERT INTO member_limits (account_id, member_id, max_active_licenses, theme_ids)"
    " SELECT account_id, id, 5, '{}' FROM members ON CONFLICT DO NOTHING",
    "INSERT INTO former_license_keys (account_id, key_hash, license_id, replaced_at)"
    " SELECT account_id, sha256(convert_to(key, 'UTF8')), id, now() FROM licenses",
    "INSERT INTO audit_verifications (account_id, verified_through, verified_hash, walked_through,"
    " walked_hash, walked_at) SELECT id, 0, '', 0, '', now() FROM accounts",
    *(
        "INSERT INTO download_links (token_hash, account_id, member_id, credential_kind, credential_id,"
        " credential_label, kind, subject, created_at, expires_at)"
        f" SELECT sha256(convert_to('{minutes} ' || id, 'UTF8')), account_id, id,"
        " 'SESSION', id, 'x', 'REPORT', '{}', now(),"
        f" now() + interval '{minutes} minutes' FROM members"
        for minutes in (5, -5)
    ),
)


@pytest.fixture
async def account_id(world: World, themes: dict[str, str], beginnings: Beginnings) -> UUID:
    """Of an account that has rows in each table that the app's role writes. There is another one, too."""

    async def arrange() -> UUID:
        await set_stage(world, themes)
        await world.admin.change(UPDATE_BILLING, accountId=world.account_id, company="Acme", country="DE")
        limits = {"maxActiveLicenses": 2, "themeIds": [themes["aurora"]]}
        await world.admin.change(SET_MEMBER_LIMITS, memberId=world.member.member_id, **limits)
        await world.found("Other", "other@example.com")
        for statement in OTHER_ROWS:
            await world.superuser.execute(statement)
        return UUID(world.account_id[-32:])

    return await beginnings.begin("two_accounts", world, arrange)


@pytest.fixture
async def app(database_url: str, account_id: UUID) -> AsyncIterator[asyncpg.Connection]:
    """As the app's role, for no account."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def other_id(world: World) -> UUID:
    id: UUID = await world.superuser.fetchval("SELECT id FROM accounts WHERE name = 'Other'")
    return id


def key_of(table: str) -> str:
    return "id" if table == "accounts" else "account_id"


@pytest.mark.parametrize(("table", "column"), UPDATED)
async def test_an_update_reaches_the_rows_of_its_account_alone(
    app: asyncpg.Connection, world: World, account_id: UUID, table: str, column: str
) -> None:
    update = f"UPDATE {table} SET {column} = {column}"
    theirs = await world.superuser.fetchval(
        f"SELECT count(*) FROM {table} WHERE {key_of(table)} = $1", await other_id(world)
    )
    own = await world.superuser.fetchval(
        f"SELECT count(*) FROM {table} WHERE {key_of(table)} = $1", account_id
    )

    assert await app.execute(update) == "UPDATE 0"
    assert await app.fetch(f"SELECT FROM {table} FOR UPDATE") == []
    await act_for(app, NOBODY)
    assert await app.execute(update) == "UPDATE 0"
    await act_for(app, await other_id(world))
    assert await app.execute(update) == f"UPDATE {theirs}"
    await act_for(app, account_id)
    assert await app.execute(update) == f"UPDATE {own}"
    assert own > 0


@pytest.mark.parametrize("table", [table for table, _ in UPDATED if table not in grants.COLUMNS])
async def test_no_row_is_given_to_another_account(
    app: asyncpg.Connection, world: World, account_id: UUID, table: str
) -> None:
    """Audited rows never move, by a trigger of their own."""
    await act_for(app, account_id)
    before = await world.rows()
    refused = "never moves to another account" if table in audited_columns() else "row-level security policy"

    with pytest.raises(asyncpg.PostgresError, match=refused):
        await app.execute(f"UPDATE {table} SET {key_of(table)} = $1", await other_id(world))

    assert await world.rows() == before


@pytest.mark.parametrize("table", INSERTED)
async def test_no_row_is_added_for_another_account(
    app: asyncpg.Connection, world: World, account_id: UUID, table: str
) -> None:
    """A copy, which nothing else would refuse before."""
    before = await world.rows()
    columns = await world.superuser.fetchval(
        "SELECT string_agg(attname, ', ') FROM pg_attribute"
        " WHERE attrelid = ($1::text)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        table,
    )
    of_account = f"WHERE {key_of(table)} = '{account_id}' LIMIT 1"
    copy = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} {of_account}"
    if table == "audit_events":
        copy = copy.replace("LIMIT", "AND action NOT IN ('API_CALLED', 'MEMBER_SIGNED_IN') LIMIT")

    for account in (None, NOBODY, await other_id(world)):
        if account is not None:
            await act_for(app, account)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security policy"):
            await app.execute(copy)

    assert await world.rows() == before


async def test_no_row_is_deleted_for_another_account(
    app: asyncpg.Connection, world: World, account_id: UUID
) -> None:
    await act_for(app, await other_id(world))
    await app.execute("DELETE FROM download_links")

    left = await world.superuser.fetch("SELECT expires_at > now() AS is_valid FROM download_links")
    assert left
    assert all(link["is_valid"] for link in left)


async def test_reads_are_as_they_were(app: asyncpg.Connection, world: World, account_id: UUID) -> None:
    """What is read is bound to its account by each statement: the policies add nothing to it."""
    for table in account_tables():
        count = f"SELECT count(*) FROM {table}"
        assert await app.fetchval(count) == await world.superuser.fetchval(count)
    plan = "EXPLAIN SELECT * FROM members WHERE account_id = gen_random_uuid() AND lower(name) > 'a'"
    theirs, ours = await world.superuser.fetch(plan), await app.fetch(plan)
    assert [row[0].partition("(cost")[0] for row in ours] == [row[0].partition("(cost")[0] for row in theirs]


async def test_the_setting_ends_with_its_transaction(
    database: Database, world: World, account_id: UUID
) -> None:
    setting = "SELECT current_setting('team_access.account_id', true)"
    for end in (None, RuntimeError()):
        try:
            async with database.transaction(Claim(account_id)) as transaction:
                assert await transaction.fetchval(setting) == str(account_id)
                if end is not None:
                    raise end
        except RuntimeError:
            assert end is not None
        async with database.transaction() as transaction:
            assert not await transaction.fetchval(setting)
