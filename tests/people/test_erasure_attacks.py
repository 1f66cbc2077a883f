"""The function that erases events, called by the app's role and by the tables' owner to change the log."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from tests.support import chain
from tests.support.people import joined, left, log
from tests.support.rewriting import act_for
from tests.support.stored_keys import uuid_of
from tests.support.world import Person, World

ERASE = "SELECT erase_events($1, $2, $3)"
BEGIN = (
    "INSERT INTO erasures (user_id, email, names, by_operator, requested_at)"
    " VALUES ($1, $2, $3, false, now())"
)
EVENTS = "SELECT array_agg(audit_events::text ORDER BY account_id, sequence) FROM audit_events"


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The role that owns the tables."""
    connection = await asyncpg.connect(owner_url)
    yield connection
    await connection.close()


@pytest.fixture
async def ada(world: World) -> Person:
    return await joined(world, "Ada", "ada@example.com")


async def user_of(world: World, person: Person) -> UUID:
    found: UUID = await world.superuser.fetchval(
        "SELECT user_id FROM members WHERE id = $1", uuid_of(person.member_id)
    )
    return found


async def test_a_present_member_is_not_erased(world: World, app: asyncpg.Connection, ada: Person) -> None:
    user, account = await user_of(world, ada), uuid_of(world.account_id)
    await app.execute(BEGIN, user, "ada@example.com", ["Ada"])
    await act_for(app, account)
    before = await world.superuser.fetchval(EVENTS)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="who has left the account"):
        await app.fetch(ERASE, account, user, True)

    assert await world.superuser.fetchval(EVENTS) == before


async def test_nobody_is_erased_whose_erasure_has_not_begun(
    world: World, app: asyncpg.Connection, ada: Person
) -> None:
    user, account = await user_of(world, ada), uuid_of(world.account_id)
    await left(world, ada)
    await act_for(app, account)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="whose erasure has begun"):
        await app.fetch(ERASE, account, user, True)


@pytest.mark.parametrize("named", ["", "00000000-0000-7000-8000-000000000009"])
async def test_only_the_account_of_the_transaction_is_changed(
    world: World, app: asyncpg.Connection, ada: Person, named: str
) -> None:
    user, account = await user_of(world, ada), uuid_of(world.account_id)
    await left(world, ada)
    await app.execute(BEGIN, user, "ada@example.com", ["Ada"])
    await act_for(app, named)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is not of account"):
        await app.fetch(ERASE, account, user, True)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT append_person_erased(account_id, false, '{}', '{}') FROM audit_heads",
        "UPDATE audit_events SET actor_name = 'Erased person'",
        "UPDATE audit_events SET commitments = '{}'",
    ],
)
async def test_the_parts_of_it_are_not_for_the_app(
    world: World, app: asyncpg.Connection, statement: str
) -> None:
    await act_for(app, uuid_of(world.account_id))

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)


async def test_a_false_address_erases_no_member_that_has_it(
    world: World, app: asyncpg.Connection, ada: Person
) -> None:
    """Someone who has left is erased, with the address of somebody who is a member."""
    await joined(world, "Bo", "bo@example.com")
    user, account = await user_of(world, ada), uuid_of(world.account_id)
    await left(world, ada)
    await app.execute(BEGIN, user, "bo@example.com", ["Bo"])
    await act_for(app, account)

    await app.fetch(ERASE, account, user, True)

    summaries = [event["summary"] for event in await log(world)]
    assert "Admin invited bo@example.com as Member" in summaries
    assert "Erased person joined as Member" in summaries
    assert summaries[0] == "Erased person was erased on request"
    await chain.assert_whole(world.superuser)


async def test_what_is_erased_has_an_event_even_if_nobody_asks_for_one(
    world: World, app: asyncpg.Connection, ada: Person
) -> None:
    user, account = await user_of(world, ada), uuid_of(world.account_id)
    await left(world, ada)
    await app.execute(BEGIN, user, None, [])
    await act_for(app, account)

    assert await app.fetchval(ERASE, account, user, False) > 0
    assert await app.fetchval(ERASE, account, user, False) == 0

    assert [event["action"] for event in await log(world)].count("PERSON_ERASED") == 1


_WITHHELD = "audit_withhold(audit_events, ARRAY['actorName', 'ip', 'targetName', 'credentialLabel'])"
_ERASED = {
    **{name: f"({_WITHHELD}).{name}" for name in ("salt", "field_salts", "commitments")},
    "actor_name": "'Erased person'",
    "ip": "NULL",
    "target_name": "'Erased person'",
    "credential_label": "'Erased person'",
}


def _update(**other: str) -> str:
    values = ", ".join(f"{name} = {value}" for name, value in {**_ERASED, **other}.items())
    return f"UPDATE audit_events SET {values} WHERE action = 'MEMBER_JOINED'"


@pytest.mark.parametrize(
    "statement",
    [
        _update(actor_name="'Mallory'"),
        _update(ip="'192.0.2.1'"),
        _update(target_name="'Mallory'"),
        _update(credential_label="'Mallory'"),
        _update(user_agent="'Mallory'"),
        _update(summary="'Mallory joined'"),
        _update(details='\'{"role":[null,"ADMIN"]}\''),
        _update(action="'MEMBER_LEFT'"),
        _update(occurred_at="occurred_at + interval '1 microsecond'"),
        _update(hash="sha256('')"),
        _update(previous_hash="sha256('')"),
        _update(request_id="NULL"),
        _update(actor_member_id="gen_random_uuid()"),
        _update(commitments="'{}'"),
        _update(commitments=f"regexp_replace(({_WITHHELD}).commitments::text, '[0-9]', 'f')::json"),
        "UPDATE audit_events SET sequence = sequence",
        "UPDATE audit_events SET named_ids = NULL, named_fields = NULL",
    ],
)
async def test_even_the_owner_of_the_tables_can_only_erase(
    world: World, owner: asyncpg.Connection, statement: str
) -> None:
    before = await world.superuser.fetchval(EVENTS)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="cannot be rewritten"):
        await owner.execute(statement)

    assert await world.superuser.fetchval(EVENTS) == before


async def test_what_the_owner_erases_keeps_its_hash(world: World, owner: asyncpg.Connection) -> None:
    await owner.execute(_update())

    await chain.assert_whole(world.superuser)
    assert {event["actor"]["name"] for event in await log(world, actions=["MEMBER_JOINED"])} == {
        "Erased person"
    }
