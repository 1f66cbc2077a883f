"""Keys of licenses are rotated: who can, what the old key is from then on, and who is told."""

from hashlib import sha256

import pytest

from resolvers.licenses.keys import license_key_of, new_license_key
from tests.licenses.test_license_changes import make, provision
from tests.licenses.test_license_checks import TOLD, key_of, verify
from tests.processes.test_concurrency import at_once, outcome
from tests.support import chain
from tests.support.changes import ROTATE_LICENSE_KEY, codes, nothing_changes
from tests.support.limited import limited
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import Person, World

SITE = "a.example.com"


async def rotate(person: Person, license_id: str, **input: str) -> str:
    payload = await person.change(ROTATE_LICENSE_KEY, licenseId=license_id, **input)
    assert not codes(payload), payload
    return str(payload["license"]["key"])


async def status_of(world: World, key: str) -> str:
    answer = await verify(world, key, SITE)
    assert answer["status"] == "VALID" or all(answer[name] is None for name in TOLD)
    return str(answer["status"])


@pytest.mark.parametrize("role", ["ADMIN", "MEMBER"])
async def test_the_new_key_works_at_once_and_the_old_one_is_revoked(
    world: World, themes: dict[str, str], role: str
) -> None:
    id = await provision(world, themes["aurora"])
    first = await key_of(world)
    assert await status_of(world, first) == "VALID"

    second = await rotate(world.people[role], id)
    third = await rotate(world.people[role], id)

    assert len({first, second, third}) == 3
    assert license_key_of(third) == third == await key_of(world)
    keys = (first, second, third, new_license_key())
    told = [await status_of(world, key) for key in keys]
    assert told == ["REVOKED", "REVOKED", "VALID", "UNKNOWN"]
    event = (await world.events())[0]
    name = {"ADMIN": "Admin", "MEMBER": "Member"}[role]
    assert event["summary"] == f"{name} rotated the key of Aurora for {SITE}"
    assert (event["targetId"], event["details"]) == (id, {})


async def test_an_old_key_stays_revoked_whatever_becomes_of_the_license(
    world: World, themes: dict[str, str]
) -> None:
    id = await provision(world, themes["aurora"])
    old = await key_of(world)
    new = await rotate(world.member, id)

    for change, due in (("suspend", "SUSPENDED"), ("reinstate", "VALID"), ("revoke", "REVOKED")):
        await make(world, id, change)
        assert [await status_of(world, key) for key in (old, new)] == ["REVOKED", due]


async def test_of_an_old_key_only_the_hash_is_stored(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])
    old = await key_of(world)

    await rotate(world.admin, id)

    ((license_id, key_hash),) = await world.superuser.fetch(
        "SELECT license_id, key_hash FROM former_license_keys"
    )
    assert (license_id, key_hash) == (uuid_of(id), sha256(old.encode()).digest())
    for table in ("licenses", "former_license_keys", "audit_events", "pgqueuer", "idempotency_keys"):
        assert not await world.superuser.fetchval(
            f"SELECT count(*) FROM {table} t WHERE strpos(t::text, $1) > 0", old.removeprefix("TL-")
        )


@pytest.mark.parametrize(("role", "scope"), [("MEMBER", "PROVISION"), ("ADMIN", "LICENSES")])
async def test_an_api_key_without_read_is_shown_the_new_key(
    world: World, themes: dict[str, str], role: str, scope: str
) -> None:
    id = await provision(world, themes["aurora"])
    script = await with_key(world, world.people[role], scope)

    first = await rotate(script, id, idempotencyKey="once")
    again = await rotate(script, id, idempotencyKey="once")

    assert first == again == await key_of(world)
    assert await world.superuser.fetchval("SELECT count(*) FROM former_license_keys") == 1


async def test_a_repeated_request_rotates_once(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])
    key = await rotate(world.member, id, idempotencyKey="once")

    async with nothing_changes(world):
        assert await rotate(world.member, id, idempotencyKey="once") == key
    other = await provision(world, themes["aurora"], "b.example.com")
    async with nothing_changes(world):
        payload = await world.member.change(ROTATE_LICENSE_KEY, licenseId=other, idempotencyKey="once")
        assert codes(payload) == ["IDEMPOTENCY_CONFLICT"]


async def test_many_rotations_at_once_leave_one_key(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])
    first = await key_of(world)
    posts = [
        person.post(ROTATE_LICENSE_KEY, input={"licenseId": id})
        for person in (world.admin, world.member)
        for _ in range(3)
    ]

    answers = await at_once(*posts)

    assert {outcome(answer) for answer in answers} == {"OK"}
    keys = [answer["data"]["rotateLicenseKey"]["license"]["key"] for answer in answers]
    assert len({first, *keys}) == 7
    valid = {key for key in (first, *keys) if await status_of(world, key) == "VALID"}
    assert valid == {await key_of(world)}
    assert await world.superuser.fetchval("SELECT count(*) FROM former_license_keys") == 6
    await chain.assert_whole(world.superuser)


async def test_an_old_key_does_not_use_up_the_limit_of_the_new_one(
    world: World, themes: dict[str, str]
) -> None:
    id = await provision(world, themes["aurora"])
    old = await key_of(world)
    new = await rotate(world.admin, id)

    async with limited(world, license_checks_per_minute=3) as (there, _):
        answers = [
            await there.http.post("/licenses/verify", json={"key": old, "site": SITE}) for _ in range(4)
        ]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert await status_of(there, new) == "VALID"


async def test_the_holder_is_told_if_somebody_else_rotated(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])
    await world.superuser.execute("DELETE FROM pgqueuer")

    await rotate(world.member, id)
    assert await world.emails() == []
    key = await rotate(world.admin, id)

    (email,) = await world.emails()
    assert email.to == world.member.email
    assert email.subject == "New key for the license Aurora for a.example.com of Acme".replace(
        "a.example.com", "a.\u2060example.\u2060com"
    )
    assert "Admin rotated its key in Acme." in email.text
    assert key not in email.text + email.html
