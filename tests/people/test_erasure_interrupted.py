"""What happens between the beginning of an erasure and its end, and events at which it stops."""

import asyncio
import json
import re
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from resolvers.people.erasing import begin, finish_erasures
from tests.audit.test_audit_export import exported
from tests.support import chain
from tests.support.changes import INVITE_ONE, UPDATE_ACCOUNT
from tests.support.commands import assert_one_sentence
from tests.support.forked_commands import outcome
from tests.support.people import joined, left, log
from tests.support.rewriting import rewrite
from tests.support.world import ACCEPT, Person, World

EMAIL = "zenobia@example.org"
LEFT = "SELECT count(*) FROM audit_events WHERE audit_events::text ILIKE '%zenobia%'"
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


async def begun(world: World) -> UUID:
    """An erasure whose process died."""
    user_id: UUID = await world.superuser.fetchval("SELECT id FROM users WHERE email = $1", EMAIL)
    await begin(world.database, user_id, by_operator=False)
    return user_id


async def resumed(world: World) -> None:
    await world.superuser.execute("UPDATE erasures SET requested_at = now() - interval '2 minutes'")
    assert await finish_erasures(world.database) == 1


async def test_an_invitation_that_is_sent_meanwhile_is_revoked_with_its_email(world: World) -> None:
    person = await joined(world, "Zenobia", EMAIL)
    await left(world, person)
    await begun(world)
    invited = {"accountId": world.account_id, "email": EMAIL, "role": "VIEWER"}
    assert (await world.admin.change(INVITE_ONE, **invited))["userErrors"] == []
    token = await world.token_for(EMAIL)

    await resumed(world)

    assert await world.emails(EMAIL) == []
    assert await world.superuser.fetchval(LEFT) == 0
    newest = "SELECT email, status FROM invitations ORDER BY id DESC LIMIT 1"
    assert tuple(await world.superuser.fetchrow(newest) or ()) == ("Erased person", "REVOKED")
    refused = await world.nobody.change(ACCEPT, token=token, name="Zenobia")
    assert [error["code"] for error in refused["userErrors"]] == ["INVITATION_REVOKED"]
    await chain.assert_whole(world.superuser)

    again = await world.admin.change(INVITE_ONE, **invited)

    assert again["userErrors"] == []
    assert len(await world.emails(EMAIL)) == 1


async def test_who_joins_meanwhile_with_the_same_address_is_another_person(world: World) -> None:
    person = await joined(world, "Zenobia", EMAIL)
    await left(world, person)
    user_id = await begun(world)
    await joined(world, "Another", EMAIL)
    before = (await log(world))[:2]

    await resumed(world)

    kept = "SELECT status FROM invitations WHERE email = $1 ORDER BY id DESC LIMIT 1"
    assert await world.superuser.fetchval(kept, EMAIL) == "ACCEPTED"
    assert (await log(world))[1:3] == before
    names = await world.superuser.fetch("SELECT name FROM members WHERE user_id = $1", user_id)
    assert [row["name"] for row in names] == ["Erased person"]
    await chain.assert_whole(world.superuser)


@pytest.fixture
async def stopped_at(world: World, tmp_path: Path) -> int:
    """Sequence of an event of the person whose User-Agent was changed past the triggers."""
    person = await joined(world, "Zenobia", EMAIL, "ADMIN")
    await person.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Palmyra")
    await second(world, person)
    await left(world, person)
    sequence: int = await world.superuser.fetchval(
        "SELECT sequence FROM audit_events WHERE action = 'ACCOUNT_UPDATED' AND actor_name = 'Zenobia'"
    )
    await rewrite(world.superuser, f"UPDATE audit_events SET user_agent = 'other' WHERE {is_event(sequence)}")
    return sequence


def is_event(sequence: int) -> str:
    return f"sequence = {sequence} AND account_id = (SELECT id FROM accounts WHERE slug = 'acme')"


async def second(world: World, person: Person) -> None:
    """The person has left another account too, whose id is greater."""
    await world.found("Second", "second@example.com")
    owner = await world.sign_in("second@example.com")
    data = await owner.ask("{ viewer { memberships { account { id } } } }")
    account_id = data["viewer"]["memberships"][0]["account"]["id"]
    await owner.change(INVITE_ONE, accountId=account_id, email=EMAIL, role="VIEWER")
    await person.change(ACCEPT, token=await world.token_for(EMAIL))


async def run(world: World, folder: Path) -> tuple[int, str, str]:
    return await asyncio.to_thread(
        outcome, folder, "people", "erase", EMAIL, "--json", DATABASE_URL=world.database.url
    )


async def assert_stopped(world: World, folder: Path, sequence: int) -> None:
    code, out, err = await run(world, folder)
    assert (code, out) == (1, "")
    assert_one_sentence(err)
    assert " ".join(err.split()) == (
        f"The erasure is not complete: event {sequence} of the audit log of acme was changed in the database."
        " Follow `An erasure stops at a changed event` in docs/operations.md."
    )


def statements() -> list[str]:
    """The SQL of the procedure in docs/operations.md, a block each."""
    _, section = OPERATIONS.read_text("utf-8").split("### An erasure stops at a changed event\n")
    return re.findall(r"```sql\n(.*?)```", section.partition("\n#")[0], re.DOTALL)


async def test_a_changed_event_stops_the_erasure_in_its_account_alone(
    world: World, stopped_at: int, tmp_path: Path
) -> None:
    await assert_stopped(world, tmp_path, stopped_at)

    accounts = "SELECT DISTINCT slug FROM audit_events JOIN accounts ON accounts.id = account_id WHERE {}"
    left = await world.superuser.fetch(accounts.format("audit_events::text ILIKE '%zenobia%'"))
    assert [row["slug"] for row in left] == ["acme"]
    await assert_stopped(world, tmp_path, stopped_at)


async def test_the_event_is_restored_as_the_procedure_says(
    world: World, stopped_at: int, tmp_path: Path, superuser_url: str
) -> None:
    await assert_stopped(world, tmp_path, stopped_at)
    restoring, _ = statements()
    others = f"SELECT user_agent FROM audit_events WHERE action = 'MEMBER_LEFT' AND sequence > {stopped_at}"
    agent = await world.superuser.fetchval(others)

    await executed(superuser_url, restoring, {"17": str(stopped_at), "Firefox": agent})

    code, out, err = await run(world, tmp_path)
    assert (code, err) == (0, "")
    assert json.loads(out)["accounts"] == 1
    assert await world.superuser.fetchval(LEFT) == 0
    await chain.assert_whole(world.superuser)


async def executed(url: str, sql: str, values: dict[str, str]) -> None:
    """Executes it with other values in the place of those of the example."""
    for example, value in values.items():
        assert example in sql
        sql = sql.replace(example, value)
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


async def test_the_event_is_erased_as_the_procedure_says(
    world: World, stopped_at: int, tmp_path: Path, superuser_url: str
) -> None:
    """Where nobody has the original values. The log still shows that the event was changed."""
    await assert_stopped(world, tmp_path, stopped_at)
    _, erasing = statements()

    await executed(superuser_url, erasing, {"17": str(stopped_at)})

    code, out, err = await run(world, tmp_path)
    assert (code, err) == (0, "")
    assert json.loads(out)["accounts"] == 1
    assert await world.superuser.fetchval(LEFT) == 0
    integrity = await world.admin.ask("{ account { auditIntegrity { verified firstBrokenSequence } } }")
    assert integrity["account"]["auditIntegrity"] == {
        "verified": False,
        "firstBrokenSequence": stopped_at,
    }
    export = await exported(world, tmp_path)
    assert b"Zenobia" not in export.read_bytes()
