"""Connections for changes are shared fairly between accounts under load."""

import asyncio
from uuid import UUID, uuid4

import pytest

from engine.fair_share import Claim, FairShare
from resolvers.accounts import operator
from tests.permissions.test_refusals import UPDATE
from tests.support.changes import INVITE_MANY
from tests.support.limited import limited
from tests.support.world import Person, World

BULKS, ROWS = 18, 200
ACCOUNTS = "{ viewer { memberships { account { id name } } } }"


async def accounts(world: World, *, persons: int) -> list[tuple[Person, str]]:
    """Accounts of so many persons: who may invite there, and the account's id."""
    names = [f"Account {number}" for number in range(BULKS)]
    emails = [f"founder{number % persons}@example.com" for number in range(BULKS)]
    for name, email in zip(names, emails, strict=True):
        await operator.create_account(world.database, name, email)
    signed_in = {email: await world.sign_in(email) for email in dict.fromkeys(emails)}
    ids = {}
    for person in signed_in.values():
        memberships = (await person.ask(ACCOUNTS))["viewer"]["memberships"]
        ids.update({each["account"]["name"]: each["account"]["id"] for each in memberships})
    return [(signed_in[email], ids[name]) for name, email in zip(names, emails, strict=True)]


@pytest.mark.parametrize("persons", [1, BULKS])
async def test_many_bulk_invitations_leave_connections_for_other_accounts(world: World, persons: int) -> None:
    inviting = await accounts(world, persons=persons)
    done: list[int] = []

    async with limited(world, database_pool_size=10, operation_timeout_seconds=60) as (there, state):
        state.database._changes._waiting_seconds = 60  # The last ones wait for all others, on a slow machine.

        async def invite(number: int) -> None:
            person, id = inviting[number]
            rows = [{"email": f"{number}-{row}@example.com", "role": "VIEWER"} for row in range(ROWS)]
            payload = await Person(there.http, token=person.token).change(
                INVITE_MANY, accountId=id, invitations=rows
            )
            assert len(payload["results"]) == ROWS
            done.append(number)

        bulks = [asyncio.create_task(invite(number)) for number in range(BULKS)]
        await asyncio.wait(bulks, return_when=asyncio.FIRST_COMPLETED)
        before = len(done)
        for name in ("One", "Two", "Three"):
            payload = await there.admin.change(UPDATE, accountId=world.account_id, name=name)
            assert payload["account"]["name"] == name
        meanwhile = len(done) - before
        await asyncio.gather(*bulks)

    assert meanwhile <= 4
    assert len(done) == BULKS


async def test_accounts_take_turns_for_the_places_that_come_free() -> None:
    share, order = FairShare(1), []
    busy, quiet = Claim(uuid4()), Claim(uuid4())
    await share.take(Claim(uuid4()))

    async def change(claim: Claim) -> None:
        await share.take(claim)
        order.append(claim)
        await asyncio.sleep(0)
        share.give_back(claim)

    waiting = [asyncio.create_task(change(claim)) for claim in (*[busy] * 5, quiet)]
    await asyncio.sleep(0)
    share.give_back(Claim(uuid4()))
    await asyncio.gather(*waiting)

    assert order == [busy, quiet, *[busy] * 4]


@pytest.mark.parametrize(
    ("claims", "most"),
    [
        ([Claim(UUID(int=1)) for _ in range(20)], 3),
        ([Claim(UUID(int=number), UUID(int=99)) for number in range(20)], 5),
        ([Claim(UUID(int=number), is_long=True) for number in range(20)], 2),
        ([Claim() for _ in range(20)], 5),
    ],
    ids=["account", "person", "long", "no account"],
)
async def test_nobody_takes_all_of_the_places(claims: list[Claim], most: int) -> None:
    share, taken = FairShare(10), []

    async def hold(claim: Claim) -> None:
        await share.take(claim)
        taken.append(claim)

    holding = [asyncio.create_task(hold(claim)) for claim in claims]
    await asyncio.sleep(0)
    assert len(taken) == most
    await share.take(Claim(uuid4()))

    for _ in range(len(claims) - most):
        share.give_back(taken.pop(0))
        await asyncio.sleep(0)
    await asyncio.gather(*holding)
    assert len(taken) == most


async def test_who_gives_up_waiting_leaves_its_place_to_others() -> None:
    share, account_id = FairShare(2), uuid4()
    first, second = Claim(account_id), Claim(uuid4())
    await share.take(first)
    await share.take(second)
    impatient = [asyncio.create_task(share.take(Claim(UUID(int=number)))) for number in range(20)]
    patient = asyncio.create_task(share.take(Claim(UUID(int=5))))
    await asyncio.sleep(0)

    for number, task in enumerate(impatient):
        if number % 2:
            share.give_back(first) if number == 1 else None  # In the same moment as it gives up.
        task.cancel()
    await asyncio.wait(impatient)
    await patient

    share.give_back(Claim(UUID(int=5)))
    share.give_back(second)
    assert (share._free, share._held, share._queues) == (2, {}, {})


async def test_a_change_that_may_not_go_on_yet_holds_up_no_other_one_of_its_account() -> None:
    share, account_id, busy = FairShare(10), uuid4(), uuid4()
    for number in range(2):
        await share.take(Claim(UUID(int=number), is_long=True))
    for number in range(3):
        await share.take(Claim(UUID(int=10 + number), busy))
    long = asyncio.create_task(share.take(Claim(account_id, is_long=True)))
    await asyncio.sleep(0)

    first = asyncio.create_task(share.take(Claim(account_id)))
    await asyncio.wait([first], timeout=10)
    assert first.done()
    assert not long.done()
    second = asyncio.create_task(share.take(Claim(account_id)))
    await asyncio.sleep(0)
    share.give_back(Claim(account_id))
    await asyncio.wait([second], timeout=10)
    assert second.done()
    assert not long.done()
    share.give_back(Claim(UUID(int=0), is_long=True))
    share.give_back(Claim(account_id))
    await asyncio.wait_for(long, 10)
