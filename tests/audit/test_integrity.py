"""`auditIntegrity` detects every change that a superuser makes to the log, and its first event."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from resolvers.audit import integrity as module
from tests.support import rewriting
from tests.support.changes import UPDATE_ACCOUNT
from tests.support.rewriting import CHANGES, rewrite
from tests.support.world import World

INTEGRITY = """{ account { auditIntegrity {
  verified checkedEvents headSequence headHash firstBrokenSequence } } }"""
EVENTS = 8
"""Of the log that a world begins with."""


async def integrity(world: World) -> dict[str, Any]:
    found: dict[str, Any] = (await world.admin.ask(INTEGRITY))["account"]["auditIntegrity"]
    return found


async def first_broken(world: World) -> int | None:
    found = await integrity(world)
    assert found["verified"] == (found["firstBrokenSequence"] is None)
    sequence: int | None = found["firstBrokenSequence"]
    return sequence


async def test_a_log_that_nobody_has_touched(world: World) -> None:
    head = await world.superuser.fetchrow("SELECT sequence, encode(hash, 'hex') AS hash FROM audit_heads")

    assert head is not None
    assert await integrity(world) == {
        "verified": True,
        "checkedEvents": EVENTS,
        "headSequence": head["sequence"],
        "headHash": head["hash"],
        "firstBrokenSequence": None,
    }


@pytest.mark.parametrize("column", CHANGES)
async def test_a_field_is_changed(world: World, column: str) -> None:
    await world.superuser.execute(
        "INSERT INTO accounts (id, name, slug, created_at, currency)"
        " SELECT gen_random_uuid(), name, 'other', created_at, currency FROM accounts"
    )

    await rewrite(world.superuser, rewriting.changed(column))

    assert await first_broken(world) == 3


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        (rewriting.dropped(1), 1),
        (rewriting.dropped(3), 3),
        (rewriting.dropped(EVENTS), EVENTS),
        ("DELETE FROM audit_events WHERE sequence < 4", 1),
        ("DELETE FROM audit_events", 1),
        (f"{rewriting.dropped(3)}; {rewriting.renumbered(4, -1)}", 3),
        (rewriting.inserted(3), 3),
        (rewriting.inserted(EVENTS + 1), EVENTS + 1),
        ("UPDATE audit_events SET sequence = 0 WHERE sequence = 1", 0),
        (rewriting.swapped(2, 3), 2),
        (rewriting.swapped(1, 4), 1),
        (rewriting.swapped(4, EVENTS), 4),
        (f"{rewriting.changed('summary')}; {rewriting.rehashed(3)}", 4),
        (f"{rewriting.changed('summary', EVENTS)}; {rewriting.rehashed(EVENTS)}", EVENTS),
        ("UPDATE audit_heads SET sequence = sequence - 1", EVENTS),
        ("UPDATE audit_heads SET sequence = sequence + 1", EVENTS + 1),
        ("UPDATE audit_heads SET hash = sha256(hash)", EVENTS),
        (
            "UPDATE audit_heads SET (sequence, hash) = (SELECT sequence, hash FROM audit_events"
            " WHERE sequence = 3)",
            4,
        ),
        ("DELETE FROM audit_heads", 1),
    ],
)
async def test_events_are_dropped_inserted_and_swapped(world: World, statement: str, sequence: int) -> None:
    await rewrite(world.superuser, statement)

    assert await first_broken(world) == sequence


SET_BACK = """UPDATE audit_heads
  SET (sequence, hash) = (SELECT sequence, hash FROM audit_events WHERE sequence = 3)"""


async def test_a_head_that_was_set_back_makes_no_fork(world: World) -> None:
    await rewrite(world.superuser, SET_BACK)
    assert await first_broken(world) == 4

    await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Apex")

    assert await first_broken(world) is None
    assert (await integrity(world))["headSequence"] == EVENTS + 1


async def test_two_events_that_follow_from_the_same_one(world: World) -> None:
    await rewrite(
        world.superuser,
        f"CREATE TEMP TABLE aside AS SELECT * FROM audit_events WHERE sequence = 4; {SET_BACK};"
        "DELETE FROM audit_events WHERE sequence >= 4",
    )
    await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Apex")

    await rewrite(
        world.superuser,
        "ALTER TABLE aside DROP COLUMN summary_folded; UPDATE aside SET sequence = 5;"
        "INSERT INTO audit_events SELECT * FROM aside; DROP TABLE aside;"
        "UPDATE audit_heads SET sequence = 5, hash = (SELECT hash FROM audit_events WHERE sequence = 5)",
    )

    assert await first_broken(world) == 5


async def test_times_that_go_back(world: World) -> None:
    """Even where all hashes from there on are made anew."""
    remake = ";".join(
        "UPDATE audit_events SET previous_hash ="
        f" (SELECT hash FROM audit_events WHERE sequence = {number - 1}) WHERE sequence = {number};"
        f"{rewriting.rehashed(number)}"
        for number in range(4, EVENTS + 1)
    )
    await rewrite(
        world.superuser,
        "UPDATE audit_events SET occurred_at = occurred_at - interval '1 year' WHERE sequence = 3;"
        f"{rewriting.rehashed(3)}; {remake};"
        f"UPDATE audit_heads SET hash = (SELECT hash FROM audit_events WHERE sequence = {EVENTS})",
    )

    assert await first_broken(world) == 3


async def test_what_happens_meanwhile_breaks_nothing(world: World) -> None:
    async def rename(number: int) -> None:
        await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Apex {number}")

    found, *_ = await asyncio.gather(
        asyncio.gather(*(integrity(world) for _ in range(10))), *(rename(number) for number in range(10))
    )

    assert all(each["verified"] and each["checkedEvents"] == each["headSequence"] for each in found)


async def test_another_account_s_log_has_no_say(world: World) -> None:
    other = await world.found("Other", "other@example.com")
    account_id = UUID(world.account_id[-32:])
    await rewrite(
        world.superuser, f"UPDATE audit_events SET summary = 'x' WHERE account_id <> '{account_id}'"
    )

    found = (await other.ask(INTEGRITY))["account"]["auditIntegrity"]

    assert (found["verified"], found["firstBrokenSequence"]) == (False, 1)
    assert await first_broken(world) is None


async def test_a_log_that_is_selected_twice_is_verified_once(
    world: World, each_executor: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, verified = module.verify, list[object]()

    async def counted(*arguments: Any) -> Any:
        verified.append(arguments)
        return await verify(*arguments)

    monkeypatch.setattr(module, "verify", counted)
    selected = INTEGRITY.replace("auditIntegrity", "first: auditIntegrity").replace(
        "} } }", "} second: auditIntegrity { verified checkedEvents } } }"
    )

    account = (await world.admin.ask(selected))["account"]

    assert account["second"] == {"verified": True, "checkedEvents": EVENTS}
    assert account["first"]["headSequence"] == EVENTS
    assert len(verified) == 1
