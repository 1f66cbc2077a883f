"""`team-access people erase`, in a process of its own."""

import asyncio
import json
from pathlib import Path

from resolvers.people.erasing import begin
from tests.support import chain
from tests.support.changes import PROVISION_LICENSE, nothing_changes
from tests.support.commands import assert_one_sentence
from tests.support.dump import found_in_dump
from tests.support.forked_commands import outcome
from tests.support.people import joined, log
from tests.support.world import GENERATE_API_KEY, World

EMAIL = "zenobia@example.org"
NOBODY = "There is no such person with the address {}."


async def run(world: World, folder: Path, *arguments: str) -> tuple[int, str, str]:
    return await asyncio.to_thread(
        outcome, folder, "people", "erase", *arguments, DATABASE_URL=world.database.url
    )


def assert_refused(result: tuple[int, str, str], message: str) -> None:
    code, out, err = result
    assert (code, out, " ".join(err.split())) == (1, "", message)
    assert_one_sentence(err)


async def test_a_member_is_removed_and_erased(
    world: World, themes: dict[str, str], superuser_url: str, tmp_path: Path
) -> None:
    await world.grant("aurora", 2)
    person = await joined(world, "Zenobia", EMAIL, "ADMIN")
    wanted = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
    await person.change(PROVISION_LICENSE, **wanted)
    await person.change(GENERATE_API_KEY, accountId=world.account_id, name="Script")

    code, out, err = await run(world, tmp_path, "Zenobia@Example.org", "--json")

    assert (code, err) == (0, "")
    assert json.loads(out) == {"memberships_ended": 1, "accounts": 1, "invoices_kept": 0}
    erased, removed, revoked = (await log(world))[:3]
    assert (erased["summary"], erased["actor"]["name"]) == ("The operator erased a person", "The operator")
    assert removed["summary"] == "The operator removed Erased person, and 1 license went to Admin"
    assert revoked["summary"] == "The operator revoked the API key Erased person of Erased person"
    assert await found_in_dump(superuser_url, "zenobia", "Zenobia") == []
    await chain.assert_whole(world.superuser)


async def test_an_owner_is_not_erased(world: World, tmp_path: Path) -> None:
    async with nothing_changes(world):
        result = await run(world, tmp_path, "admin@example.com")

    assert_refused(result, "admin@example.com owns acme: another member must become the owner first.")


async def test_nobody_has_the_address(world: World, tmp_path: Path) -> None:
    async with nothing_changes(world):
        result = await run(world, tmp_path, "nobody@example.org")
        invalid = await run(world, tmp_path, "nobody")

    assert_refused(result, NOBODY.format("nobody@example.org"))
    assert_refused(invalid, "This is not an email address, such as name@example.com.")


async def test_the_second_time_there_is_nobody(world: World, tmp_path: Path) -> None:
    await joined(world, "Zenobia", EMAIL, "ADMIN")

    assert (await run(world, tmp_path, EMAIL))[0] == 0
    assert_refused(await run(world, tmp_path, EMAIL), NOBODY.format(EMAIL))


async def test_the_person_who_has_the_address_now_is_erased_too(world: World, tmp_path: Path) -> None:
    """Where an earlier erasure has not ended."""
    await world.sign_in(EMAIL)
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = $1", EMAIL)
    await begin(world.database, user_id, by_operator=False)
    await world.sign_in(EMAIL)

    code, _, err = await run(world, tmp_path, EMAIL)

    assert (code, err) == (0, "")
    assert await world.superuser.fetchval("SELECT count(*) FROM users WHERE email = $1", EMAIL) == 0
