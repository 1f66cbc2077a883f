"""Attacks on the audit log with the app's connection, and mistakes in our own code."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import delete, insert, update
from sqlmodel import col

from embedded import server as embedded
from engine.snapshots import new_row
from engine.statements import Statement
from engine.tables import table_of
from models.accounts import Account
from models.audit import AuditEvent, AuditHead
from models.audit_actions import AuditAction
from models.database import Database
from models.licenses import Entitlement
from models.members import Member, Role, User
from resolvers.change import system_change
from resolvers.events import OPERATOR
from resolvers.unaudited import personal_change
from tests.support import chain
from tests.support.changes import nothing_changes
from tests.support.rewriting import act_for
from tests.support.world import World


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """As the app's role."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


TABLES = ["audit_events", "audit_heads", "audit_cuts"]
FORBIDDEN = [
    "UPDATE {table} SET account_id = account_id",
    "UPDATE {table} SET hash = ''",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "TRUNCATE {table} CASCADE",
    "DROP TABLE {table} CASCADE",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} RENAME TO gone",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "ALTER TABLE {table} ADD COLUMN more text",
    "CREATE RULE nothing AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
]
FORBIDDEN_ANYWHERE = [
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "REASSIGN OWNED BY {owner} TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "GRANT {owner} TO CURRENT_USER",
    "ALTER TABLE audit_events DISABLE TRIGGER audit_events_append",
    "ALTER TABLE audit_events DISABLE TRIGGER audit_events_keep",
    "DROP TRIGGER audit_events_keep ON audit_events",
    "DROP FUNCTION audit_append() CASCADE",
    "ALTER FUNCTION audit_append() OWNER TO CURRENT_USER",
    "ALTER FUNCTION audit_append() RENAME TO gone",
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE OR REPLACE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE OR REPLACE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql AS $$ SELECT '' $$",
    # Where it would be found before the real one.
    "CREATE FUNCTION public.audit_field(value varchar) RETURNS text LANGUAGE sql AS $$ SELECT '' $$",
    "CREATE SCHEMA mine",
    "ALTER DATABASE {database} SET session_replication_role = replica",
    "INSERT INTO audit_cuts SELECT id, 9, 'x' FROM accounts",
    "INSERT INTO audit_heads SELECT gen_random_uuid(), 1, 'x', now()",
    "DELETE FROM accounts",
    "DELETE FROM members",
]


async def test_the_app_s_role_may_not(app: asyncpg.Connection, world: World, database_name: str) -> None:
    names = {"{owner}": embedded.OWNER_ROLE, "{database}": database_name}
    statements = [statement.format(table=table) for table in TABLES for statement in FORBIDDEN]
    for statement in FORBIDDEN_ANYWHERE:
        for name, value in names.items():
            statement = statement.replace(name, value)
        statements.append(statement)

    async with nothing_changes(world):
        refused = [statement for statement in statements if await is_refused(app, statement)]

    assert refused == statements
    await chain.assert_whole(world.superuser)


async def is_refused(app: asyncpg.Connection, statement: str) -> bool:
    try:
        await app.execute(statement, timeout=5)
    except asyncpg.InsufficientPrivilegeError:
        return True
    finally:
        await app.execute("ROLLBACK")
    return False


async def test_even_the_owner_of_the_tables_is_stopped_by_the_triggers(owner_url: str, world: World) -> None:
    owner = await asyncpg.connect(owner_url)
    try:
        for statement in ("UPDATE audit_events SET sequence = 9", "DELETE FROM audit_events"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="cannot be rewritten"):
                await owner.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="cannot be rewritten"):
            await owner.execute("TRUNCATE audit_events")
    finally:
        await owner.close()


async def test_the_app_s_role_is_nobody(app: asyncpg.Connection, superuser: asyncpg.Connection) -> None:
    role = await app.fetchrow(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert role is not None
    assert not any(role)
    # No error, but a warning: what one does not have one cannot give.
    await app.execute("GRANT ALL ON audit_events, audit_heads TO CURRENT_USER")
    privileges = await app.fetch(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = current_user AND table_name LIKE 'audit%' AND table_name <> 'audit_streams'"
    )
    assert {tuple(row) for row in privileges} == {
        ("audit_cuts", "SELECT"),
        ("audit_events", "SELECT"),
        ("audit_events", "INSERT"),
        ("audit_heads", "SELECT"),
        ("audit_verifications", "SELECT"),
        ("audit_verifications", "INSERT"),
        ("audit_verifications", "UPDATE"),
    }
    for query in (
        "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = $1",
        "SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) = $1",
        "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = $1",
        "SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = $1",
        "SELECT roleid::regrole FROM pg_auth_members WHERE member = ($1::text)::regrole",
    ):
        assert await superuser.fetch(query, embedded.APP_ROLE) == []


async def test_a_forged_event_gets_its_own_place_time_and_hash(app: asyncpg.Connection, world: World) -> None:
    account_id = UUID(world.account_id[-32:])
    before = await world.superuser.fetchval("SELECT max(sequence) FROM audit_events")
    await act_for(app, account_id)

    for sequence in (1, before, before + 100, -1, None):
        await app.execute(
            "INSERT INTO audit_events (account_id, sequence, id, occurred_at, action, outcome, summary,"
            " actor_kind, actor_name, details, previous_hash, hash)"
            " VALUES ($1, $2, $3, $4, 'MEMBER_INVITED', 'ALLOWED', 'Forged', 'SYSTEM', 'x', '{}', $5, $5)",
            account_id,
            sequence,
            uuid4(),
            datetime(2001, 1, 1, tzinfo=UTC),
            bytes(32),
        )

    forged = await world.superuser.fetch(
        "SELECT sequence, occurred_at FROM audit_events WHERE summary = 'Forged' ORDER BY sequence"
    )
    assert [row["sequence"] for row in forged] == list(range(before + 1, before + 6))
    assert all((datetime.now(UTC) - row["occurred_at"]).total_seconds() < 10 for row in forged)
    await chain.assert_whole(world.superuser)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("summary", "'Nothing happened'"),
        ("details", "'{}'"),
        ("actor_name", "'Somebody else'"),
        ("occurred_at", "occurred_at - interval '1 microsecond'"),
        ("outcome", "'DENIED'"),
        ("ip", "NULL"),
        ("id", "gen_random_uuid()"),
    ],
)
async def test_what_a_superuser_rewrites_shows_in_the_chain(world: World, column: str, value: str) -> None:
    await world.superuser.execute(
        "BEGIN; SET LOCAL session_replication_role = replica;"
        f"UPDATE audit_events SET {column} = {value} WHERE sequence = 3; COMMIT"
    )
    events = await world.superuser.fetch("SELECT * FROM audit_events ORDER BY sequence")
    assert chain.first_broken([dict(event) for event in events]) == 3


async def test_what_a_superuser_deletes_shows_in_the_chain(world: World) -> None:
    await world.superuser.execute(
        "BEGIN; SET LOCAL session_replication_role = replica;"
        "DELETE FROM audit_events WHERE sequence = 2; COMMIT"
    )
    events = await world.superuser.fetch("SELECT * FROM audit_events ORDER BY sequence")
    assert chain.first_broken([dict(event) for event in events]) == 2


# Our own mistakes


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET name = 'x'",
        "DELETE FROM sign_in_links",
        "INSERT INTO audit_events DEFAULT VALUES",
        "SELECT * FROM members FOR UPDATE",
        "CREATE TABLE mine (id int)",
    ],
)
async def test_reading_connections_cannot_write(database: Database, world: World, statement: str) -> None:
    async with nothing_changes(world):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await database.fetch(statement)


MEMBER: dict[str, Any] = {
    "account_id": uuid4(),
    "user_id": uuid4(),
    "name": "Eve",
    "email": "e@example.com",
    "role": Role.ADMIN,
}

NOBODYS = uuid4()


@pytest.mark.parametrize(
    "statement",
    [
        update(Member).where(col(Member.account_id) == NOBODYS).values(role=Role.ADMIN),
        update(Account).where(col(Account.id) == NOBODYS).values(name="x"),
        update(Entitlement).where(col(Entitlement.account_id) == NOBODYS).values(purchased=9),
        delete(Member).where(col(Member.account_id) == NOBODYS),
        insert(Member).values(**MEMBER),
        insert(AuditEvent).values(account_id=uuid4(), summary="x"),
        update(AuditHead).where(col(AuditHead.account_id) == NOBODYS).values(sequence=1),
        update(table_of(Member)).where(col(Member.account_id) == NOBODYS).values(role="ADMIN"),
        insert(table_of(AuditEvent)).values(account_id=uuid4(), summary="x"),
    ],
    ids=lambda statement: str(statement)[:60],
)
async def test_what_is_personal_keeps_out_of_accounts(
    database: Database, world: World, statement: Any
) -> None:
    async with nothing_changes(world):
        with pytest.raises(RuntimeError, match="only change"):  # noqa: PT012 - it may fail at its end
            async with personal_change(database) as writer:
                await writer.insert(new_row(User, email="new@example.com", name="New"))
                await writer.fetch(Statement(lambda: statement))


async def test_what_is_personal_keeps_rows_of_accounts_as_they_are(database: Database, world: World) -> None:
    async with nothing_changes(world):
        with pytest.raises(RuntimeError, match="only change"):
            async with personal_change(database) as writer:
                await writer.insert(new_row(Member, **MEMBER))
        with pytest.raises(RuntimeError, match="only change"):  # noqa: PT012 - it may fail at its end
            async with personal_change(database) as writer:
                account = await writer.find(Account, UUID(world.account_id[-32:]))
                assert account is not None
                await writer.update(account, name="Mine")


async def test_a_change_without_an_event_stores_nothing(database: Database, world: World) -> None:
    account_id = UUID(world.account_id[-32:])
    async with nothing_changes(world):
        with pytest.raises(RuntimeError, match="ACCOUNT_UPDATED left its change without an audit event"):
            async with system_change(database, account_id, AuditAction.ACCOUNT_UPDATED, OPERATOR) as tx:
                await tx.update(tx.account, name="Mine")


async def test_an_event_whose_change_fails_is_not_stored(database: Database, world: World) -> None:
    account_id = UUID(world.account_id[-32:])
    async with nothing_changes(world):
        with pytest.raises(asyncpg.CheckViolationError):  # noqa: PT012 - it may fail at its end
            async with system_change(database, account_id, AuditAction.ACCOUNT_UPDATED, OPERATOR) as tx:
                tx.record(tx.account, "Acme", "renamed the account")
                await tx.update(tx.account, max_active_licenses=-1)
