"""A job verifies long logs in rounds."""

from typing import Any
from uuid import UUID

import pytest

from models.database import Database
from resolvers.audit import integrity
from resolvers.audit import jobs as integrity_jobs
from resolvers.audit.jobs import verify_long_logs
from tests.audit.test_integrity import integrity as asked
from tests.support import rewriting
from tests.support.beginnings import Beginnings
from tests.support.changes import INVITE_MANY, nothing_changes
from tests.support.rewriting import rewrite
from tests.support.world import World

EVENTS = 50


@pytest.fixture(autouse=True)
def _all_is_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long is a log of more than 20 events; a run goes through 3 slices of 10."""
    monkeypatch.setattr(integrity, "MOST_AT_ONCE", 20)
    monkeypatch.setattr(integrity_jobs, "_SLICE", 10)
    monkeypatch.setattr(integrity_jobs, "_SLICES", 3)


@pytest.fixture
async def log(world: World, beginnings: Beginnings) -> World:
    await beginnings.begin("invitations", world, lambda: append(world, EVENTS - 8))
    return world


async def append(world: World, count: int) -> None:
    tag = await world.superuser.fetchval("SELECT max(sequence) FROM audit_events")
    rows = [{"email": f"p{tag}-{number}@example.com", "role": "VIEWER"} for number in range(count)]
    await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)


async def found(world: World) -> tuple[bool, int, int | None]:
    answer = await asked(world)
    return answer["verified"], answer["checkedEvents"], answer["firstBrokenSequence"]


async def run(world: World, times: int = 1) -> list[int]:
    return [await verify_long_logs(world.database, None) for _ in range(times)]


async def marks(world: World) -> Any:
    return await world.superuser.fetchrow(
        "SELECT verified_through, walked_through, first_broken_sequence FROM audit_verifications"
    )


async def test_it_is_verified_once_the_job_has_caught_up(log: World) -> None:
    assert await found(log) == (False, 20, None)

    assert await run(log) == [30]

    assert await found(log) == (True, EVENTS, None)
    assert tuple(await marks(log)) == (30, 30, None)


async def test_short_logs_are_left_to_who_asks(world: World, database: Database) -> None:
    assert await run(world) == [0]
    assert await marks(world) is None


async def test_it_goes_round_and_round(log: World) -> None:
    assert await run(log, 3) == [30, 30, 30]

    assert tuple(await marks(log)) == (EVENTS, 40, None)


async def test_what_is_new_comes_before_the_round(log: World) -> None:
    await run(log, 2)
    await append(log, 40)

    await run(log)

    assert tuple(await marks(log)) == (80, 10, None)
    assert await found(log) == (True, EVENTS + 40, None)


async def test_nothing_but_its_own_notes_is_written(log: World) -> None:
    async with nothing_changes(log):
        await run(log, 3)


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        (rewriting.changed("summary", 4), 4),
        (rewriting.dropped(1), 1),
        (rewriting.dropped(10), 10),
        (rewriting.dropped(11), 11),
        ("DELETE FROM audit_events WHERE sequence BETWEEN 5 AND 45", 5),
        (rewriting.swapped(10, 11), 10),
        (rewriting.swapped(4, 44), 4),
    ],
)
async def test_what_is_done_to_what_was_verified_is_found_in_a_round(
    log: World, statement: str, sequence: int
) -> None:
    await run(log, 2)
    assert (await found(log))[0]

    await rewrite(log.superuser, statement)
    await run(log, 2)

    assert (await found(log))[::2] == (False, sequence)
    await run(log)
    assert (await found(log))[::2] == (False, sequence)


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        (rewriting.dropped(EVENTS), EVENTS),
        (rewriting.changed("details", EVENTS - 3), EVENTS - 3),
        ("UPDATE audit_heads SET sequence = sequence - 1", EVENTS),
        (rewriting.changed("hash", 30), 30),
        (rewriting.dropped(30), 30),
    ],
)
async def test_what_is_new_and_where_it_begins_is_looked_at_at_once(
    log: World, statement: str, sequence: int
) -> None:
    await run(log)
    assert (await found(log))[0]

    await rewrite(log.superuser, statement)

    answer = await found(log)
    assert (answer[0], answer[2]) == (False, sequence)


async def test_a_log_that_was_made_anew_as_a_whole(log: World) -> None:
    """It is whole in itself: only who has kept a hash can tell."""
    await run(log)

    await rewrite(log.superuser, remade(30))

    assert (await found(log))[::2] == (False, 30)


def remade(since: int) -> str:
    """Each hash from there on, as whoever has all rights would make them, and the head's."""
    one = "UPDATE audit_events SET previous_hash = (SELECT hash FROM audit_events WHERE sequence = {0})"
    following = ";".join(
        f"{one.format(number - 1)} WHERE sequence = {number}; {rewriting.rehashed(number)}"
        for number in range(since + 1, EVENTS + 1)
    )
    head = f"UPDATE audit_heads SET hash = (SELECT hash FROM audit_events WHERE sequence = {EVENTS})"
    return f"{rewriting.changed('summary', since)}; {rewriting.rehashed(since)}; {following}; {head}"


async def test_what_was_mended_is_whole_again(log: World) -> None:
    await run(log, 2)
    summary = await log.superuser.fetchval("SELECT summary FROM audit_events WHERE sequence = 7")
    await rewrite(log.superuser, rewriting.changed("summary", 7))
    await run(log, 2)
    assert (await found(log))[2] == 7

    await rewrite(
        log.superuser,
        f"UPDATE audit_events SET summary = $${summary}$$ WHERE sequence = 7",
    )
    await run(log, 3)

    assert await found(log) == (True, EVENTS, None)


async def test_several_long_logs_take_turns(log: World) -> None:
    other = await log.found("Other", "other@example.com")
    account_id = (await other.ask("{ account { id } }"))["account"]["id"]
    rows = [{"email": f"o{number}@example.com", "role": "VIEWER"} for number in range(45)]
    await other.change(INVITE_MANY, accountId=account_id, invitations=rows)

    await run(log, 3)

    marks = await log.superuser.fetch("SELECT account_id, verified_through FROM audit_verifications")
    assert {row["account_id"] for row in marks} == {UUID(id[-32:]) for id in (account_id, log.account_id)}
    assert all(row["verified_through"] >= 30 for row in marks)
