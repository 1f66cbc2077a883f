"""Pruning deletes exported events, signs the event that represents them, and keeps the log verifiable."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_proof.diagnosis import Damage, Kind
from audit_proof.keys import encoded, written
from audit_proof.verification import verify
from models.columns import now
from models.database import Database
from resolvers.audit import integrity
from resolvers.audit import operator as operator_audit
from resolvers.audit.integrity import Integrity
from resolvers.audit.operator import Exported, Pruned, prune
from resolvers.user_errors import UserErrors
from tests.audit.test_audit_export import exported
from tests.audit.test_audit_verify import UNSIGNED, by_node
from tests.support import rewriting
from tests.support.beginnings import Beginnings
from tests.support.changes import UPDATE_ACCOUNT, mutation
from tests.support.rewriting import rewrite
from tests.support.world import World

KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC_KEY = KEY.public_key()
EVENTS = 30
COUNT = "{ account { auditLog(first: 100) { totalCount nodes { sequence } } } }"


@pytest.fixture
async def owner(owner_url: str, database_url: str) -> AsyncIterator[Database]:
    """As the role that owns the tables."""
    database = Database(owner_url)
    yield database
    await database.close()


@pytest.fixture
async def log(world: World, beginnings: Beginnings, monkeypatch: pytest.MonkeyPatch) -> World:
    """Of 30 events, which are deleted by threes."""
    monkeypatch.setattr(operator_audit, "_BATCH", 3)

    async def arrange() -> None:
        for number in range(EVENTS - 8):
            await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=f"Apex {number}")

    await beginnings.begin("long_log", world, arrange)
    return world


async def moment_of(world: World, sequence: int) -> datetime:
    at: datetime = await world.superuser.fetchval(
        "SELECT occurred_at FROM audit_events WHERE sequence = $1", sequence
    )
    return at


async def sequences(world: World) -> list[int]:
    return [
        row["sequence"]
        for row in await world.superuser.fetch("SELECT sequence FROM audit_events ORDER BY sequence")
    ]


async def found(world: World, key: Ed25519PrivateKey = KEY) -> Integrity:
    account_id = UUID(world.account_id[-32:])
    return await integrity.integrity(world.database, account_id, key.public_key())


async def pruned(world: World, owner: Database, folder: Path, first_kept: int, **options: Any) -> Pruned:
    export = Exported.of(verify(await exported(world, folder), PUBLIC_KEY))
    before = await moment_of(world, first_kept)
    return await prune(owner, "acme", before, export, options.pop("key", KEY), **options)


async def test_the_old_goes_and_the_chain_stays(log: World, owner: Database, tmp_path: Path) -> None:
    result = await pruned(log, owner, tmp_path, 21)

    assert result == Pruned(20, 20)
    assert (await sequences(log))[0] == 21
    integrity_now = await found(log)
    assert integrity_now.verified
    assert integrity_now.checked_events == integrity_now.head_sequence - 20
    path = await exported(log, tmp_path)
    verified = verify(path, PUBLIC_KEY)
    assert (verified.first, verified.pruning and verified.pruning.pruned_through) == (21, 20)
    assert by_node(path, written(PUBLIC_KEY)).returncode == UNSIGNED
    assert by_node(path, written(OTHER_KEY.public_key())).returncode == 1
    assert by_node(path).returncode == 1


async def test_what_the_event_tells(log: World, owner: Database, tmp_path: Path) -> None:
    hash = await log.superuser.fetchval("SELECT encode(hash, 'hex') FROM audit_events WHERE sequence = 20")

    await pruned(log, owner, tmp_path, 21)

    (event,) = await log.events(actions=["AUDIT_LOG_PRUNED"])
    assert event["summary"] == "The operator pruned 20 events of the log, up to 20"
    details = event["details"]
    assert (details["prunedThrough"], details["hash"], details["count"]) == (20, hash, 20)
    assert len(details["exportSha256"]) == 64
    assert event["actor"]["credential"]["kind"] == "OPERATOR"


async def test_pages_and_counts_are_of_what_is_left(log: World, owner: Database, tmp_path: Path) -> None:
    await pruned(log, owner, tmp_path, 21)

    page = (await log.admin.ask(COUNT))["account"]["auditLog"]

    assert page["totalCount"] == len(page["nodes"]) == len(await sequences(log))
    assert page["nodes"][-1]["sequence"] == 21


async def test_again_and_again(log: World, owner: Database, tmp_path: Path) -> None:
    """A second click changes nothing; a later pruning takes the event of the earlier one along."""
    export = Exported.of(verify(await exported(log, tmp_path)))
    before = await moment_of(log, 11)
    assert await prune(owner, "acme", before, export, KEY) == Pruned(10, 10)
    assert await prune(owner, "acme", before, export, KEY) == Pruned(0, 10)
    for number in range(3):
        await log.admin.change(UPDATE_ACCOUNT, accountId=log.account_id, name=f"Again {number}")
    head = (await sequences(log))[-1]

    assert await pruned(log, owner, tmp_path, head) == Pruned(head - 11, head - 1)

    assert (await found(log)).verified
    assert len(await log.events(actions=["AUDIT_LOG_PRUNED"])) == 1
    assert verify(await exported(log, tmp_path), PUBLIC_KEY).first == head


async def test_everything_goes_but_what_stands_for_it(log: World, owner: Database, tmp_path: Path) -> None:
    export = Exported.of(verify(await exported(log, tmp_path)))

    with pytest.raises(UserErrors, match=f"ends with {EVENTS}, and {EVENTS + 1} is to be pruned"):
        await prune(owner, "acme", now(), export, KEY)
    await prune(owner, "acme", await moment_of(log, EVENTS + 1), export, KEY)

    assert (await sequences(log))[0] == EVENTS + 1
    assert (await found(log)).verified


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [3, 9, 18])
async def test_who_is_killed_leaves_a_log_that_can_be_verified(
    log: World, owner: Database, tmp_path: Path, after: int
) -> None:
    def die(done: int, _total: int) -> None:
        if done >= after:
            raise Killed

    with pytest.raises(Killed):
        await pruned(log, owner, tmp_path, 21, progress=die)

    assert (await sequences(log))[0] == after + 1
    assert (await found(log)).verified
    path = await exported(log, tmp_path)
    verified = verify(path, PUBLIC_KEY)
    assert verified.first == after + 1
    assert by_node(path, written(PUBLIC_KEY)).returncode == UNSIGNED
    resumed = await prune(owner, "acme", await moment_of(log, 21), Exported.of(verified), KEY)
    assert resumed == Pruned(20 - after, 20)
    assert len(await log.events(actions=["AUDIT_LOG_PRUNED"])) == 1


async def test_who_is_killed_before_the_first_deletion(
    log: World, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(operator_audit, "_MOVE_CUT", None)
        with pytest.raises(AttributeError):
            await pruned(log, owner, tmp_path, 21)
    assert (await sequences(log))[0] == 1
    assert (await found(log)).verified

    assert await pruned(log, owner, tmp_path, 21) == Pruned(20, 20)

    assert len(await log.events(actions=["AUDIT_LOG_PRUNED"])) == 1


async def test_what_happens_meanwhile_is_kept(log: World, owner: Database, tmp_path: Path) -> None:
    async def rename(number: int) -> None:
        await log.admin.change(UPDATE_ACCOUNT, accountId=log.account_id, name=f"Meanwhile {number}")

    async def look() -> list[bool]:
        return [(await found(log)).verified for _ in range(20)]

    export = Exported.of(verify(await exported(log, tmp_path)))
    pruning = prune(owner, "acme", await moment_of(log, 21), export, KEY)
    renaming = asyncio.gather(*(rename(number) for number in range(20)))
    result, looks, _ = await asyncio.gather(pruning, look(), renaming)

    assert result == Pruned(20, 20)
    assert all(looks)
    assert len(await log.events(actions=["ACCOUNT_UPDATED"])) >= 20


async def test_a_log_of_which_more_is_pruned_at_each_look_is_not_called_broken(
    log: World, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = Exported.of(verify(await exported(log, tmp_path)))
    before = await moment_of(log, 21)
    part, prunings = integrity.verify, iter(range(4))

    def die(done: int, _total: int) -> None:
        if done >= 3:
            raise Killed

    async def verify_part(*arguments: Any) -> Any:
        for _ in islice(prunings, 1):
            with pytest.raises(Killed):
                await prune(owner, "acme", before, export, KEY, progress=die)
        return await part(*arguments)

    monkeypatch.setattr(integrity, "verify", verify_part)

    assert (await found(log)).verified
    assert next(prunings, None) is None
    assert (await sequences(log))[0] > 10


# What is refused


async def test_an_export_that_does_not_hold_it_all(log: World, owner: Database, tmp_path: Path) -> None:
    other = await log.found("Other", "other@example.com")
    before = await moment_of_acme(log, 21)
    theirs = await exported_by(log, other, tmp_path)
    cases = {
        "another account": verify(theirs),
        "filtered": verify(await exported(log, tmp_path / "filtered", until=before.isoformat())),
    }

    for words, verified in cases.items():
        with pytest.raises(UserErrors, match=words):
            await prune(owner, "acme", before, Exported.of(verified), KEY)

    assert await log.superuser.fetchval("SELECT count(*) FROM audit_cuts") == 0
    assert await log.events(actions=["AUDIT_LOG_PRUNED"]) == []


async def moment_of_acme(world: World, sequence: int) -> datetime:
    at: datetime = await world.superuser.fetchval(
        "SELECT occurred_at FROM audit_events JOIN accounts ON accounts.id = account_id"
        " WHERE slug = 'acme' AND sequence = $1",
        sequence,
    )
    return at


async def exported_by(world: World, person: Any, folder: Path) -> Path:
    id = (await person.ask("{ account { id } }"))["account"]["id"]
    return await exported(world, folder / "theirs", by=person, accountId=id)


async def test_a_log_that_is_not_the_exported_one(log: World, owner: Database, tmp_path: Path) -> None:
    export = Exported.of(verify(await exported(log, tmp_path)))
    before = await moment_of(log, 21)
    await rewrite(log.superuser, "UPDATE audit_events SET hash = sha256(hash) WHERE sequence = 20")

    with pytest.raises(UserErrors, match="Event 20 of the export differs from the one in the log"):
        await prune(owner, "acme", before, export, KEY)

    assert (await sequences(log))[0] == 1


async def test_an_export_that_withholds_values_prunes_nothing(
    log: World, owner: Database, tmp_path: Path
) -> None:
    export = Exported.of(verify(await exported(log, tmp_path, withhold=["IP"])))

    with pytest.raises(UserErrors, match="withholds ip: export the whole log again, without `withhold`"):
        await prune(owner, "acme", await moment_of(log, 21), export, KEY)

    assert (await sequences(log))[0] == 1


async def test_the_future_is_not_pruned(log: World, owner: Database, tmp_path: Path) -> None:
    export = Exported.of(verify(await exported(log, tmp_path)))

    with pytest.raises(UserErrors, match="--before must be a time in the past"):
        await prune(owner, "acme", now() + timedelta(days=1), export, KEY)


async def test_what_an_audit_stream_has_not_delivered_stays(
    log: World, owner: Database, tmp_path: Path
) -> None:
    await log.superuser.execute(
        "INSERT INTO audit_streams (account_id, id, url, secret, previous_secrets, status, attempts,"
        " last_delivered_sequence, created_by_id, created_at) SELECT account_id, gen_random_uuid(),"
        " 'https://siem.example.com/x', 'secret', '{}', 'PAUSED', 0, 19, id, now()"
        " FROM members WHERE is_owner"
    )

    with pytest.raises(
        UserErrors, match=r"siem\.example\.com has delivered up to 19, and 20 is to be pruned"
    ):
        await pruned(log, owner, tmp_path, 21)

    assert (await sequences(log))[0] == 1
    assert await pruned(log, owner, tmp_path, 20) == Pruned(19, 19)


async def test_no_audit_stream_begins_with_what_was_pruned(
    log: World, owner: Database, tmp_path: Path
) -> None:
    create = mutation("createAuditStream", "auditStream { lastDeliveredSequence }")
    values = {"accountId": log.account_id, "url": "https://siem.example.com/x"}
    await pruned(log, owner, tmp_path, 21)

    refused = await log.admin.change(create, **values, afterSequence=19)
    begun = await log.admin.change(create, **values, afterSequence=20)

    assert [error["path"] for error in refused["userErrors"]] == [["afterSequence"]]
    assert "after event 20 to " in refused["userErrors"][0]["message"]
    assert begun["auditStream"] == {"lastDeliveredSequence": 20}


async def test_the_app_s_role_prunes_nothing(log: World, tmp_path: Path) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pruned(log, log.database, tmp_path, 21)

    assert (await sequences(log))[0] == 1
    assert (await found(log)).verified


async def test_the_owner_deletes_nothing_that_no_event_stands_for(
    log: World, owner_url: str, tmp_path: Path, owner: Database
) -> None:
    await pruned(log, owner, tmp_path, 11)
    connection = await asyncpg.connect(owner_url)
    try:
        for statement in (
            "DELETE FROM audit_events WHERE sequence = 11",
            "UPDATE audit_cuts SET pruned_through = 20",
            "UPDATE audit_events SET sequence = 5 WHERE sequence = 11",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


# What is noticed


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        (rewriting.dropped(21), 21),
        (rewriting.changed("summary", 21), 21),
        ("UPDATE audit_events SET previous_hash = sha256('x') WHERE sequence = 21", 21),
        (rewriting.dropped(25), 25),
        ("DELETE FROM audit_events WHERE action = 'AUDIT_LOG_PRUNED'", 1),
        (
            """UPDATE audit_events SET details = replace(details::text, '"count":20', '"count":21')::json
            WHERE action = 'AUDIT_LOG_PRUNED'""",
            1,
        ),
    ],
)
async def test_a_pruned_log_is_watched_as_before(
    log: World, owner: Database, tmp_path: Path, statement: str, sequence: int
) -> None:
    await pruned(log, owner, tmp_path, 21)

    await rewrite(log.superuser, statement)

    broken = await found(log)
    assert (broken.verified, broken.first_broken_sequence) == (False, sequence)
    with pytest.raises(Damage):
        verify(await exported(log, tmp_path), PUBLIC_KEY)


async def test_a_log_is_not_pruned_by_who_has_not_the_key(
    log: World, owner: Database, tmp_path: Path
) -> None:
    """Whoever deletes events and writes that they were pruned, signed by a key of their own."""
    await pruned(log, owner, tmp_path, 21, key=OTHER_KEY)

    path = await exported(log, tmp_path)

    assert (await found(log)).first_broken_sequence == 1
    for key in (None, PUBLIC_KEY):
        with pytest.raises(Damage) as raised:
            verify(path, key)
        assert (raised.value.kind, raised.value.sequence) == (Kind.DROPPED, 1)
    assert encoded(PUBLIC_KEY.public_bytes_raw()) == written(PUBLIC_KEY)


async def test_what_is_left_of_an_interrupted_pruning_is_watched_too(
    log: World, owner: Database, tmp_path: Path
) -> None:
    def die(done: int, _total: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        await pruned(log, owner, tmp_path, 21, progress=die)

    await rewrite(log.superuser, rewriting.changed("summary", 10))

    assert (await found(log)).first_broken_sequence == 10


async def test_an_export_that_begins_later_than_the_log_is_none_of_what_is_pruned(
    log: World, owner: Database, tmp_path: Path
) -> None:
    """The log was pruned and exported, and the database then restored from an earlier backup."""
    tables = ("audit_events", "audit_heads", "audit_cuts")
    for table in tables:
        await log.superuser.execute(f"CREATE TEMP TABLE saved_{table} AS SELECT * FROM {table}")
    await log.superuser.execute("ALTER TABLE saved_audit_events DROP COLUMN summary_folded")
    await pruned(log, owner, tmp_path, 21)
    export = Exported.of(verify(await exported(log, tmp_path), PUBLIC_KEY))
    for table in tables:
        await log.superuser.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}")
        await log.superuser.execute(f"DROP TABLE saved_{table}")
    before = await sequences(log)

    with pytest.raises(UserErrors, match="The export begins with 21, and the log with 1"):
        await prune(owner, "acme", await moment_of(log, 25), export, KEY)

    assert await sequences(log) == before


async def test_what_was_done_is_said(log: World, owner: Database, tmp_path: Path) -> None:
    export = Exported.of(verify(await exported(log, tmp_path)))
    before = await moment_of(log, 11)

    first = await prune(owner, "acme", before, export, KEY)
    again = await prune(owner, "acme", before, export, KEY)

    assert first.sentence() == "Pruned 10 events: the log begins with 11 now."
    assert again.sentence() == "Nothing is left to prune."
