"""Read connections are shared in turn between accounts and their members under load."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from engine import read_loans, reading_shares
from engine.fair_queue import FairSemaphore, Requester, requester
from engine.read_loans import Loan
from engine.reading_shares import ReadingShares
from models.database import Database
from models.notifications import AUDIT, AuditAnnouncer
from resolvers.accounts import operator
from tests.support.limited import limited
from tests.support.locks import locked
from tests.support.raw_connections import WAIT_SECONDS
from tests.support.world import Person, World

BUSY, ALIASES = 40, 29
HOLD = "SELECT pg_advisory_xact_lock(1)"
HELD = "SELECT pg_advisory_xact_lock_shared(1), pg_sleep($1)"
"""Statement that waits for the end of `HOLD`."""
MEMBERS = "{ account { members(first: 1) { nodes { id } } } }"
CONNECTIONS = 3


def counts(account_id: str) -> str:
    """Query of many statements."""
    fields = " ".join(f"c{number}: licenses(first: 0) {{ totalCount }}" for number in range(ALIASES))
    return f'{{ account(id: "{account_id}") {{ {fields} }} }}'


def take(shares: ReadingShares, account: str, attempt: int = 0) -> Loan:
    loan = Loan(Requester(account), attempt)
    shares.take(loan)
    return loan


def waiting_in(database: Database) -> int:
    persons = [each for queue in database.reading._queues for each in queue.accounts.values()]
    return sum(len(queue) for queues in persons for queue in queues.values())


async def waiting_become(database: Database, number: int) -> None:
    while waiting_in(database) < number:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("other", ["account", "colleague"])
async def test_reads_of_one_viewer_do_not_delay_those_of_others(
    world: World, superuser: asyncpg.Connection, other: str
) -> None:
    await operator.create_account(world.database, "Other", "other@example.com")
    other_token = (await world.sign_in("other@example.com")).token
    token = other_token if other == "account" else world.member.token
    done: list[int] = []

    async with limited(world, database_pool_size=2, operation_timeout_seconds=60) as (there, state):
        reader = Person(there.http, token=token)
        await reader.ask(MEMBERS)

        async def read(number: int) -> None:
            await there.viewer.ask(counts(world.account_id))
            done.append(number)

        async with superuser.transaction():
            await superuser.execute("LOCK TABLE licenses IN ACCESS EXCLUSIVE MODE")
            reads = [asyncio.create_task(read(number)) for number in range(BUSY)]
            await waiting_become(state.database, BUSY)
            other_read = asyncio.create_task(reader.ask(MEMBERS))
            await waiting_become(state.database, waiting_in(state.database) + 1)
        await other_read
        done_before = len(done)
        await asyncio.gather(*reads)

    assert done_before <= BUSY // 4
    assert len(done) == BUSY


async def read(
    database: Database, account: object, done: list[object], sql: str = "SELECT 1", seconds: float = 0
) -> None:
    requester.set(Requester(account))
    await database.fetch(sql, *([seconds] if sql == HELD else []))
    done.append(account)


async def test_an_account_leaves_a_connection_for_another_one(database_url: str, superuser_url: str) -> None:
    database, busy = Database(database_url, CONNECTIONS), uuid4()
    done: list[object] = []

    async with locked(superuser_url, HOLD):
        reads = [asyncio.create_task(read(database, busy, done, HELD)) for _ in range(20)]
        await asyncio.sleep(0)
        connections_in_use = len(reads) - waiting_in(database)
        await asyncio.wait_for(read(database, uuid4(), done), WAIT_SECONDS)
    await asyncio.gather(*reads)
    await database.close()

    assert connections_in_use == CONNECTIONS - 1


async def test_an_account_with_long_statements_has_a_fifth_of_the_connections(
    database_url: str, superuser_url: str
) -> None:
    database, slow, done = Database(database_url, 10), uuid4(), list[object]()

    def lent() -> int:
        return database.reading.lent

    async with locked(superuser_url, HOLD):
        first = [asyncio.create_task(read(database, slow, done, HELD, seconds=0.4)) for _ in range(20)]
        await asyncio.sleep(0)
        at_first = lent()
        await asyncio.sleep(0.2)
        others = [uuid4() for _ in range(5)]
        await asyncio.wait_for(
            asyncio.gather(*(read(database, other, done) for other in others)), WAIT_SECONDS
        )
    while len(done) < 5 + 8:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    afterwards = lent()
    await asyncio.gather(*first)
    await database.close()

    assert at_first == 8
    assert {*done[:5]} == {*others}
    assert afterwards == 2


async def test_an_account_is_slow_for_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    time = 1_000.0
    for module in (reading_shares, read_loans):
        monkeypatch.setattr(module, "monotonic", lambda: time)
    shares = ReadingShares(10)
    start = take(shares, "slow")
    time += 0.2
    shares.give_back(start)

    def taken() -> int:
        starts = []
        while shares.may_take("slow"):
            starts.append(take(shares, "slow"))
        for each in starts:
            shares.give_back(each)
        return len(starts)

    at_once = taken()
    time += 9
    before = taken()
    time += 2
    after = taken()

    assert (at_once, before, after) == (2, 2, 8)
    assert shares.free == 10


async def test_slow_accounts_leave_two_connections_for_lighter_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    time = 1_000.0
    for module in (reading_shares, read_loans):
        monkeypatch.setattr(module, "monotonic", lambda: time)
    shares = ReadingShares(10)
    heavy = [f"heavy {number}" for number in range(5)]
    for accounts, seconds in ((heavy, 5.0), (["light"], 0.2)):
        taken = [take(shares, account) for account in accounts]
        time += seconds
        for share in taken:
            shares.give_back(share)

    held = [take(shares, account) for account in heavy[:4] for _ in range(2)]
    time += 0.01

    assert len(held) == 8
    assert not shares.may_take("heavy 4")
    assert shares.may_take("heavy 4", instead_of=held[0])
    assert shares.may_take("light")
    assert shares.may_take("new")


async def test_repeated_statements_have_half_of_the_connections() -> None:
    shares = ReadingShares(10)

    def taken(attempt: int) -> int:
        count = 0
        while shares.may_take(f"{attempt} {count}", attempt):
            take(shares, f"{attempt} {count}", attempt)
            count += 1
        return count

    last, second, first = taken(2), taken(1), taken(0)

    assert (last, second, first) == (2, 3, 5)


async def test_announcements_of_changes_do_not_wait_in_the_turn_of_one_account(
    database_url: str, superuser: asyncpg.Connection, superuser_url: str
) -> None:
    database, busy, heard = Database(database_url, CONNECTIONS), uuid4(), asyncio.Event()
    announcer = AuditAnnouncer(database)
    done: list[object] = []

    def hear(*_: object) -> None:
        heard.set()

    await superuser.add_listener(AUDIT, hear)
    async with locked(superuser_url, HOLD):
        reads = [asyncio.create_task(read(database, busy, done, HELD)) for _ in range(40)]
        await asyncio.sleep(0)
        requester.set(Requester(busy))
        announcer.grown(busy)
        await asyncio.wait_for(heard.wait(), WAIT_SECONDS)
        before = len(done)
    await superuser.remove_listener(AUDIT, hear)
    await asyncio.gather(*reads)
    await announcer.close()
    await database.close()

    assert before == 0


async def test_a_semaphore_s_places_are_given_in_turn() -> None:
    semaphore, order = FairSemaphore(1), []

    async def use(account: str, person: str = "") -> None:
        requester.set(Requester(account, person))
        async with semaphore.place():
            order.append(account + person)
            await asyncio.sleep(0)

    names = [*["A1"] * 3, "A2", "B1", "B1"]
    await asyncio.gather(*(use(*name) for name in names))

    assert order == ["A1", "A1", "B1", "A2", "B1", "A1"]


async def test_a_place_that_is_used_for_long_goes_to_another_task() -> None:
    semaphore, order, ends = FairSemaphore(1), list[str](), asyncio.Event()

    async def use(name: str) -> None:
        async with semaphore.place(seconds=0.01):
            order.append(name)
            if name == "long":
                await ends.wait()

    long = asyncio.create_task(use("long"))
    await asyncio.gather(*(use(f"other {number}") for number in range(3)))
    ends.set()
    await long

    assert order == ["long", "other 0", "other 1", "other 2"]
    assert semaphore._free == 1


async def test_who_gives_up_waiting_takes_no_place_along() -> None:
    semaphore = FairSemaphore(2)

    async def use() -> None:
        async with semaphore.place():
            await asyncio.sleep(0.02)

    patient = [asyncio.create_task(use()) for _ in range(2)]
    impatient = [asyncio.create_task(use()) for _ in range(9)]
    await asyncio.sleep(0)
    for task in impatient[:5]:
        task.cancel()
    await asyncio.gather(*patient)
    for task in impatient[5:]:
        task.cancel()  # Some of them were given a place in this very moment.
    await asyncio.wait(impatient)
    await asyncio.gather(*(use() for _ in range(4)))

    assert semaphore._free == 2


async def test_a_place_that_is_assigned_to_a_cancelled_task_goes_to_the_next() -> None:
    semaphore, has_begun = FairSemaphore(1), []

    async def work(name: str) -> None:
        async with semaphore.place():
            has_begun.append(name)
            await asyncio.sleep(0)
        if name == "first":
            cancelled.cancel()  # It has the place already, and has not run since.

    first, cancelled, last = (asyncio.create_task(work(name)) for name in ("first", "cancelled", "last"))
    await asyncio.wait([first, cancelled, last], timeout=10)

    assert cancelled.cancelled()
    assert has_begun == ["first", "last"]
