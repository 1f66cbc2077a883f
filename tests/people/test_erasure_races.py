"""A person is erased while others write, read and prune the log, and while processes die."""

import asyncio
import json
from pathlib import Path

import pytest

from audit_proof.verification import verify
from models.database import Database
from resolvers.audit import operator as operator_audit
from resolvers.audit.operator import Exported, prune
from resolvers.people.erasing import begin, finish_erasures
from tests.audit.test_audit_export import exported
from tests.audit.test_audit_prune import KEY, PUBLIC_KEY, found, moment_of
from tests.support import chain
from tests.support.audit_streams import create, delivering, let_private, until_shown
from tests.support.changes import ERASE_VIEWER, INVITE_ONE, LEAVE, UPDATE_ACCOUNT
from tests.support.commands import folder, running
from tests.support.forked_commands import outcome
from tests.support.graphql_ws import connected
from tests.support.live import head
from tests.support.locks import locked
from tests.support.people import erased, joined, left, log
from tests.support.receiver import receiving
from tests.support.world import ACCEPT, REQUEST_SIGN_IN, SIGN_IN, Person, World

__all__ = ["folder"]

LEFT = "SELECT count(*) FROM audit_events WHERE audit_events::text LIKE '%Zenobia%'"


@pytest.fixture
async def zenobia(world: World) -> Person:
    person = await joined(world, "Zenobia", "zenobia@example.org", "ADMIN")
    for number in range(30):
        await person.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Acme {number}")
    return person


async def test_others_append_meanwhile(world: World, zenobia: Person) -> None:
    async def rename() -> None:
        for number in range(20):
            await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Apex {number}")

    await left(world, zenobia)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(rename())
        tasks.create_task(zenobia.change(ERASE_VIEWER, email=zenobia.email))

    assert await world.superuser.fetchval(LEFT) == 0
    await chain.assert_whole(world.superuser)


async def test_exports_meanwhile_verify(world: World, zenobia: Person, tmp_path: Path) -> None:
    """Each is of one moment: before the erasure, or after it."""
    await left(world, zenobia)
    erasing = asyncio.create_task(zenobia.change(ERASE_VIEWER, email=zenobia.email))
    exports = [await exported(world, tmp_path / str(number)) for number in range(3)]
    await erasing

    for export in exports:
        assert verify(export).events > 30
        assert export.read_text().count("Zenobia") == 0 or "PERSON_ERASED" not in export.read_text()


async def test_two_erasures_at_once_are_one(world: World, zenobia: Person) -> None:
    await left(world, zenobia)

    answers = await asyncio.gather(
        *(zenobia.post(ERASE_VIEWER, input={"email": zenobia.email}) for _ in range(5))
    )

    done = [answer for answer in answers if answer.get("data", {}).get("eraseViewer") == {"userErrors": []}]
    assert len(done) == 1
    assert [event["action"] for event in await log(world)].count("PERSON_ERASED") == 1


async def test_who_is_being_erased_joins_nothing(world: World) -> None:
    """25 rounds of accepting an invitation against erasing: either the person is a member and was not
    erased, or it was erased and is no member."""
    for number in range(25):
        email = f"person{number}@example.org"
        await world.superuser.execute("DELETE FROM limit_buckets")
        person = await world.sign_in(email)
        await world.admin.change(INVITE_ONE, accountId=world.account_id, email=email, role="VIEWER")
        token = await world.token_for(email)

        await asyncio.gather(
            person.post(ACCEPT, input={"token": token}),
            person.post(ERASE_VIEWER, input={"email": email}),
        )

        (row,) = await world.superuser.fetch(
            "SELECT (SELECT count(*) FROM members JOIN users ON users.id = user_id"
            "  WHERE erased_at IS NOT NULL AND removed_at IS NULL) AS ghosts,"
            " (SELECT count(*) FROM members WHERE email = $1) AS members,"
            " (SELECT count(*) FROM users WHERE email = $1) AS users",
            email,
        )
        assert row["ghosts"] == 0
        assert row["members"] <= row["users"] <= 1


async def test_events_are_pruned_meanwhile(
    world: World, zenobia: Person, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_audit, "_BATCH", 3)
    await left(world, zenobia)
    export = Exported.of(verify(await exported(world, tmp_path), PUBLIC_KEY))
    before = await moment_of(world, 25)
    owner = Database(owner_url)

    pruned, answer = await asyncio.gather(
        prune(owner, "acme", before, export, KEY),
        zenobia.change(ERASE_VIEWER, email=zenobia.email),
    )
    await owner.close()

    assert (pruned.events, answer) == (24, {"userErrors": []})
    assert await world.superuser.fetchval(LEFT) == 0
    assert (await found(world)).verified


async def test_an_audit_stream_that_is_behind_delivers_the_events_as_they_are_then(
    world: World, zenobia: Person
) -> None:
    let_private(world)
    async with receiving() as receiver:
        await create(world, receiver.url, afterSequence=0)
        await erased(world, zenobia)
        async with delivering(world):
            await until_shown(world, undeliveredEvents=0)

    bodies = b"".join(request.body for request in receiver.requests)
    assert b"Zenobia" not in bodies
    assert bodies.count(b'"summary":{"commitment":') > 30


async def test_a_subscription_goes_on(world: World, zenobia: Person) -> None:
    await left(world, zenobia)
    async with connected(world.settings.public_url, world.admin.token) as socket:
        sequence = await head(world)
        subscription = await socket.subscribe(
            f'subscription {{ auditLogAppended(accountId: "{world.account_id}", afterSequence: {sequence})'
            " { action } }"
        )
        await zenobia.change(ERASE_VIEWER, email=zenobia.email)

        assert await subscription.next() == {"action": "PERSON_ERASED"}


async def test_a_command_is_killed_between_two_accounts_and_run_again(
    world: World, zenobia: Person, folder: Path, superuser_url: str
) -> None:
    """An account is erased as a whole or not at all."""
    await world.found("Second", "second@example.com")
    await left(world, zenobia)
    await join_second_and_leave(world, zenobia)
    url = world.database.url
    second = "SELECT count(*) FROM audit_events WHERE account_id = $1 AND audit_events::text LIKE '%Zenobia%'"
    first_id, second_id = [
        row[0] for row in await world.superuser.fetch("SELECT id FROM accounts ORDER BY id")
    ]
    number = await world.superuser.fetchval(second, second_id)

    async with locked(superuser_url, "SELECT FROM accounts WHERE id = $1 FOR UPDATE", second_id):
        with running(folder, "people", "erase", zenobia.email, DATABASE_URL=url):
            async with asyncio.timeout(30):
                while await world.superuser.fetchval(second, first_id):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    assert await world.superuser.fetchval(second, second_id) == number > 0
    code, out, err = await asyncio.to_thread(
        outcome, folder, "people", "erase", zenobia.email, "--json", DATABASE_URL=url
    )
    assert (code, err) == (0, "")
    assert json.loads(out) == {"memberships_ended": 0, "accounts": 1, "invoices_kept": 0}
    assert await world.superuser.fetchval(LEFT) == 0
    await chain.assert_whole(world.superuser)


async def join_second_and_leave(world: World, person: Person) -> None:
    owner = await world.sign_in("second@example.com")
    data = await owner.ask("{ viewer { memberships { account { id } } } }")
    account_id = data["viewer"]["memberships"][0]["account"]["id"]
    await owner.change(INVITE_ONE, accountId=account_id, email=person.email, role="VIEWER")
    await person.change(ACCEPT, token=await world.token_for(person.email))
    await person.change(LEAVE, accountId=account_id)


async def test_the_job_finishes_what_a_server_began(world: World, zenobia: Person) -> None:
    await left(world, zenobia)
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = $1", zenobia.email)
    await begin(world.database, user_id, by_operator=False)
    assert await finish_erasures(world.database) == 0

    await world.superuser.execute("UPDATE erasures SET requested_at = now() - interval '2 minutes'")
    assert await finish_erasures(world.database) == 1

    assert await world.superuser.fetchval(LEFT) == 0
    assert await world.superuser.fetchval("SELECT email FROM erasures") is None
    await chain.assert_whole(world.superuser)


async def test_who_signs_in_meanwhile_has_no_session_afterwards(world: World) -> None:
    """25 rounds. The link opens a session of the erased person, which ends, or one of a new person, or
    none."""
    for number in range(25):
        email = f"person{number}@example.org"
        await world.superuser.execute("DELETE FROM limit_buckets")
        person = await world.sign_in(email)
        await world.nobody.change(REQUEST_SIGN_IN, email=email)
        token = await world.token_for(email)

        await asyncio.gather(
            world.nobody.post(SIGN_IN, input={"token": token}),
            person.post(ERASE_VIEWER, input={"email": email}),
        )

    ghosts = (
        "SELECT count(*) FROM sessions JOIN users ON users.id = user_id"
        " WHERE erased_at IS NOT NULL AND (ended_at IS NULL OR ip IS NOT NULL)"
    )
    assert await world.superuser.fetchval(ghosts) == 0
    assert await world.superuser.fetchval("SELECT count(*) FROM users WHERE erased_at IS NOT NULL") == 25
