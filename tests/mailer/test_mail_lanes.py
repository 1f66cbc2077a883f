"""Order of emails: sign-in emails first, then accounts in turn."""

import pytest

from tests.mailer.test_delivery import Work, until
from tests.support.changes import INVITE_MANY
from tests.support.limited import limited
from tests.support.smtp import smtp_server, some_settings
from tests.support.world import INVITE, REQUEST_SIGN_IN, Person, World

BULK = 400
IN_HAND = 8 + 4
"""Emails that a worker has taken from the queue already when another one is enqueued."""


@pytest.fixture
def work(database_url: str) -> Work:
    return Work(database_url)


def rows(prefix: str, count: int) -> list[dict[str, str]]:
    return [{"email": f"{prefix}{number}@example.com", "role": "VIEWER"} for number in range(count)]


async def sent_by(work: Work, count: int) -> list[str]:
    """The recipients in the order in which their emails arrive, until there are so many."""
    async with smtp_server() as server, work.on(some_settings(server.port)):
        await until(lambda: len(server.emails) >= count, 60)
        return [str(email["To"]) for email in server.emails]


async def without_emails(world: World) -> World:
    await world.superuser.execute("DELETE FROM pgqueuer")
    return world


async def other_account(world: World) -> tuple[Person, str]:
    owner = await world.found("Other", "other@example.com")
    account = (await owner.ask("{ account { id } }"))["account"]
    await without_emails(world)
    return owner, account["id"]


async def test_a_sign_in_email_goes_out_before_the_invitations_that_wait(world: World, work: Work) -> None:
    await without_emails(world)
    await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows("bulk", BULK))
    await world.nobody.change(REQUEST_SIGN_IN, email="ada@example.com")

    recipients = await sent_by(work, 20)

    assert recipients.index("ada@example.com") < IN_HAND


async def test_the_emails_of_two_accounts_take_turns(world: World, work: Work) -> None:
    owner, account_id = await other_account(world)
    await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows("bulk", BULK))
    await owner.change(INVITE_MANY, accountId=account_id, invitations=rows("other", 20))

    recipients = await sent_by(work, 60)

    theirs = [number for number, to in enumerate(recipients) if to.startswith("other")]
    assert len(theirs) >= 18
    assert all(place <= 2 * turn + IN_HAND for turn, place in enumerate(theirs))


async def test_an_account_that_has_sent_many_is_not_put_behind_those_that_come_later(
    world: World, work: Work
) -> None:
    owner, account_id = await other_account(world)
    await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows("first", 100))
    await sent_by(work, 60)
    work.stop.clear()
    left = await world.superuser.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'deliver_email'")
    await owner.change(INVITE_MANY, accountId=account_id, invitations=rows("later", 100))

    recipients = await sent_by(work, 30)

    assert left >= 20
    assert len([to for to in recipients[:30] if to.startswith("first")]) >= 10


async def test_the_invitations_of_one_account_keep_their_order(world: World) -> None:
    await without_emails(world)
    for number in range(30):
        await world.admin.change(
            INVITE, accountId=world.account_id, email=f"{number}@example.com", role="VIEWER"
        )

    order = await world.superuser.fetch("SELECT id, priority FROM pgqueuer ORDER BY priority DESC, id")

    assert [row["id"] for row in order] == sorted(row["id"] for row in order)
    assert len({row["priority"] for row in order}) == 30


@pytest.mark.parametrize("addresses", ["198.51.100.1", "2001:db8::{0}"])
async def test_the_sign_in_emails_that_one_client_asks_for_do_not_delay_those_of_others(
    world: World, work: Work, addresses: str
) -> None:
    await without_emails(world)
    async with limited(world, trusted_proxies=("127.0.0.1",), sign_in_emails_per_hour=100) as (there, _):

        async def ask(email: str, ip: str) -> None:
            there.http.headers["x-forwarded-for"] = ip
            payload = await there.nobody.change(REQUEST_SIGN_IN, email=email)
            assert payload["userErrors"] == []

        for number in range(50):
            await ask(f"flood{number}@example.com", addresses.format(number))
        await ask("ada@example.com", "198.51.100.2")

    recipients = await sent_by(work, 30)

    assert recipients.index("ada@example.com") < IN_HAND
