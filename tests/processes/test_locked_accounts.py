"""Jobs go on with other accounts while another transaction holds a row of one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from models import database as databases
from models.database import Database
from models.members import Member
from resolvers import tidying
from resolvers.api_keys import jobs as key_jobs
from resolvers.audit import integrity
from resolvers.audit import jobs as integrity_jobs
from resolvers.billing import jobs as invoice_jobs
from resolvers.downloads import transfer_events, transfers
from resolvers.downloads.transfer_events import EndedTransfer
from resolvers.due_rows import DueRows
from resolvers.invitations import jobs as invitation_jobs
from resolvers.licenses import jobs as license_jobs
from resolvers.members import jobs as member_jobs
from resolvers.people.erasing import begin, finish_erasures
from settings import Settings
from tests.billing.test_payments import Cards
from tests.billing.test_purchases import purchase
from tests.support.changes import LEAVE
from tests.support.locks import locked
from tests.support.people import joined
from tests.support.stored_keys import uuid_of
from tests.support.world import Person, World

OTHER = "Other"


@pytest.fixture
async def impatient(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """Database whose changes wait for a lock for a moment only."""
    monkeypatch.setitem(databases.WRITING_SETTINGS, "lock_timeout", "100ms")
    database = Database(world.database.url)
    yield database
    await database.close()


@pytest.fixture
async def other(world: World) -> Person:
    """Owner of another account, whose id is greater."""
    return await world.found(OTHER, "boss@example.com")


def locked_account(url: str, account_id: UUID) -> AbstractAsyncContextManager[None]:
    return locked(url, "SELECT FROM accounts WHERE id = $1 FOR UPDATE", account_id)


@dataclass
class Job:
    run: Callable[[Settings, Database], Awaitable[object]]
    prepare: str
    """Statement that makes one row due in each account."""
    left: str
    """Query of the accounts in which the row is still due."""


JOBS = {
    "memberships": Job(
        lambda settings, database: member_jobs.end_due(settings, database),
        """INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at, access_until)
           SELECT accounts.id, gen_random_uuid(), users.id, users.name, users.email, 'VIEWER', false, now(),
             now() - interval '1 minute'
           FROM accounts, users WHERE users.email = 'late@example.com'""",
        "SELECT account_id FROM members WHERE access_until < now() AND removed_at IS NULL",
    ),
    "invitations": Job(
        lambda _, database: invitation_jobs.expire_due(database),
        """INSERT INTO invitations (account_id, id, email, role, status, token_hash, invited_by_id,
             created_at, expires_at, emails, delivery)
           SELECT account_id, gen_random_uuid(), 'late@example.com', 'VIEWER', 'PENDING',
             sha256(id::text::bytea), id, now(), now() - interval '1 minute', 1, 'SENT'
           FROM members WHERE is_owner""",
        "SELECT account_id FROM invitations WHERE expires_at < now() AND status = 'PENDING'",
    ),
    "API keys": Job(
        lambda _, database: key_jobs.expire_due(database),
        """INSERT INTO api_keys (account_id, id, member_id, name, prefix, key_hash, scopes, created_by_id,
             created_at, claimed_at, expires_at)
           SELECT account_id, gen_random_uuid(), id, 'Key', 'ta_', sha256(id::text::bytea), ARRAY['READ'],
             id, now() - interval '1 day', now() - interval '1 day', now() - interval '1 minute'
           FROM members WHERE is_owner""",
        "SELECT account_id FROM api_keys WHERE expires_at < now() AND expired_at IS NULL",
    ),
    "licenses": Job(
        lambda _, database: license_jobs.expire_due(database),
        """WITH bought AS (
             INSERT INTO entitlements (account_id, id, theme_id, purchased, provisioned)
             SELECT accounts.id, gen_random_uuid(), themes.id, 9, 1 FROM accounts, themes
             WHERE themes.slug = 'aurora' ON CONFLICT (account_id, theme_id) DO UPDATE SET provisioned = 1
             RETURNING account_id, theme_id)
           INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,
             provisioned_at, expires_at)
           SELECT account_id, gen_random_uuid(), theme_id, 'ACTIVE', 'late.example', members.id::text,
             members.id, members.id, now() - interval '1 day', now() - interval '1 minute'
           FROM members JOIN bought USING (account_id) WHERE is_owner""",
        "SELECT account_id FROM licenses WHERE expires_at < now() AND status = 'ACTIVE'",
    ),
}


@pytest.mark.parametrize("name", JOBS)
async def test_a_locked_account_is_left_to_the_next_run(
    world: World, themes: dict[str, str], other: Person, impatient: Database, superuser_url: str, name: str
) -> None:
    job, acme = JOBS[name], uuid_of(world.account_id)
    if name == "memberships":
        await world.superuser.execute(
            "INSERT INTO users (id, email, name, created_at)"
            " VALUES (gen_random_uuid(), 'late@example.com', 'Late', now())"
        )
    await world.superuser.execute(job.prepare)
    assert len(await world.superuser.fetch(job.left)) == 2

    async with locked_account(superuser_url, acme):
        await job.run(world.settings, impatient)
        left_over = await world.superuser.fetch(job.left)
    await job.run(world.settings, impatient)

    assert [record["account_id"] for record in left_over] == [acme]
    assert await world.superuser.fetch(job.left) == []


@dataclass
class Activities:
    """Work that stores an activity of members, and fails in one account."""

    world: World
    failing: UUID
    calls: list[UUID] = field(default_factory=list)

    async def __call__(self, account_id: UUID, ids: list[UUID]) -> int:
        self.calls.append(account_id)
        if account_id == self.failing:
            raise ValueError("not now")
        await self.world.superuser.execute(
            "UPDATE members SET last_active_at = now() WHERE id = ANY($1)", ids
        )
        return len(ids)


async def test_a_locked_account_with_many_due_rows_comes_last(world: World, other: Person) -> None:
    await world.superuser.execute("UPDATE members SET last_active_at = NULL")
    work = Activities(world, uuid_of(world.account_id))
    acme, others = (
        work.failing,
        await world.superuser.fetchval("SELECT id FROM accounts WHERE name = $1", OTHER),
    )
    due = DueRows(
        lambda: (
            select(col(Member.account_id), col(Member.id))
            .where(col(Member.last_active_at).is_(None))
            .order_by(col(Member.joined_at))
        ),
        batch=1,
    )

    changed = [await due.by_account(world.database, work) for _ in range(2)]
    work.failing = UUID(int=0)
    await _join_and_leave(world, world.viewer.email, OTHER)
    changed.append(await due.by_account(world.database, work))

    assert changed == [1, 0, 1 + 3]
    assert work.calls == [acme, others, acme, others, acme, acme, acme]


async def test_a_payment_that_cannot_be_recorded_does_not_stop_others(
    world: World, themes: dict[str, str], other: Person, impatient: Database, superuser_url: str
) -> None:
    for _ in range(2):
        await purchase(world, (themes["aurora"], 1))
    await _copy_invoice(world, OTHER)
    cards = Cards()

    async with locked_account(superuser_url, uuid_of(world.account_id)):
        await invoice_jobs.collect_payments(impatient, cards)
    first = await _statuses(world)
    charges = sum(cards.charges.values())
    await invoice_jobs.collect_payments(impatient, cards)

    assert first == {("Acme", "OPEN"), (OTHER, "PAID")}
    assert charges == 2  # The second one of the locked account is left to the next run.
    assert await _statuses(world) == {("Acme", "PAID"), (OTHER, "PAID")}


async def _copy_invoice(world: World, name: str) -> None:
    """An invoice of the account of that name, bought by its owner."""
    await world.superuser.execute(
        """INSERT INTO invoices (account_id, id, sequence, status, issued_at, due_at, currency, subtotal,
             tax_rate, tax, total, purchased_by_id, billed_to)
           SELECT members.account_id, gen_random_uuid(), 1, status, issued_at + interval '1 second', due_at,
             invoices.currency, subtotal, tax_rate, tax, total, members.id, billed_to
           FROM invoices, members JOIN accounts ON accounts.id = members.account_id
           WHERE accounts.name = $1 AND members.is_owner LIMIT 1""",
        name,
    )


async def _statuses(world: World) -> set[tuple[str, str]]:
    records = await world.superuser.fetch(
        "SELECT name, status FROM invoices JOIN accounts ON accounts.id = account_id"
    )
    return {tuple(record) for record in records}


async def test_a_lost_transfer_of_a_locked_account_is_tried_once_in_a_run(
    world: World, other: Person, impatient: Database, superuser_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("Acme", 9), ("Acme", 8), (OTHER, 7)):
        await _store_transfer(world, name, seconds)
    tried: list[UUID | None] = []
    record_end = transfer_events.record_end

    async def noting(database: Database, ended: EndedTransfer, **options: Any) -> None:
        tried.append(ended.link.account_id)
        await record_end(database, ended, **options)

    monkeypatch.setattr(transfers, "record_end", noting)
    acme, count = uuid_of(world.account_id), "SELECT count(*) FROM transfers"
    async with locked_account(superuser_url, acme):
        await transfers.audit_lost(impatient, 1)
    left, tried_first = await world.superuser.fetchval(count), list(tried)
    await transfers.audit_lost(impatient, 1)

    assert (left, len(tried_first), tried_first.count(acme)) == (2, 2, 1)
    assert await world.superuser.fetchval(count) == 0


async def _store_transfer(world: World, name: str, seconds: int) -> None:
    """A transfer of the account's owner that was last seen so many seconds ago."""
    await world.superuser.execute(
        """WITH link AS (
             INSERT INTO download_links (token_hash, account_id, member_id, credential_kind, credential_id,
               credential_label, kind, subject, created_at, expires_at)
             SELECT sha256(gen_random_uuid()::text::bytea), account_id, members.id, 'SESSION',
               gen_random_uuid(), 'Test', 'REPORT', '{}', now(), now()
             FROM members JOIN accounts ON accounts.id = account_id
             WHERE accounts.name = $1 AND is_owner RETURNING token_hash, account_id)
           INSERT INTO transfers (id, token_hash, bytes_sent, facts, started_at, seen_at)
           SELECT gen_random_uuid(), token_hash, 1, jsonb_build_object('targetType', 'Account', 'targetId',
             account_id, 'targetName', 'Test', 'thing', 'a report', 'size', 2, 'details', '{}'::jsonb),
             now(), now() - $2 * interval '1 second' FROM link""",
        name,
        seconds,
    )


async def test_an_erasure_goes_on_in_other_accounts_and_ends_in_the_next_run(
    world: World, other: Person, impatient: Database, superuser_url: str
) -> None:
    email = "zenobia@example.org"
    person = await joined(world, "Zenobia", email)
    await person.change(LEAVE, accountId=world.account_id)
    await _join_and_leave(world, email, OTHER)
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = $1", email)
    await begin(world.database, user_id, by_operator=False)
    await world.superuser.execute("UPDATE erasures SET requested_at = now() - interval '2 minutes'")
    names = "SELECT name FROM members WHERE user_id = $1 ORDER BY account_id"

    async with locked_account(superuser_url, uuid_of(world.account_id)):
        assert await finish_erasures(impatient) == 0
        first = await world.superuser.fetch(names, user_id)
    assert await finish_erasures(impatient) == 1

    assert [record["name"] for record in first] == ["Zenobia", "Erased person"]
    assert {record["name"] for record in await world.superuser.fetch(names, user_id)} == {"Erased person"}
    assert await world.superuser.fetchval("SELECT erased_at FROM erasures") is not None


async def test_the_log_of_a_locked_account_does_not_hold_back_other_logs(
    world: World,
    other: Person,
    impatient: Database,
    superuser_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(integrity, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(integrity_jobs, "_SLICES", 4)
    monkeypatch.setattr(integrity_jobs, "_SLICE", 1_000)

    async with locked_account(superuser_url, uuid_of(world.account_id)):
        assert await integrity_jobs.verify_long_logs(impatient, None) > 0
    verified = await world.superuser.fetch(
        "SELECT name FROM audit_verifications JOIN accounts ON accounts.id = account_id"
    )

    assert [record["name"] for record in verified] == [OTHER]


async def test_an_expired_row_that_is_locked_does_not_keep_others(
    world: World, impatient: Database, superuser_url: str
) -> None:
    await world.superuser.execute(
        """INSERT INTO idempotency_keys
             SELECT gen_random_uuid(), 'key', '', '1', NULL, now() - interval '9 days';
           UPDATE sign_in_links SET expires_at = now() - interval '9 days'"""
    )
    left = "SELECT (SELECT count(*) FROM idempotency_keys), (SELECT count(*) FROM sign_in_links)"
    async with locked(superuser_url, "SELECT FROM idempotency_keys FOR UPDATE"):
        await tidying.forget_expired(impatient)
        first = await world.superuser.fetchrow(left)
    await tidying.forget_expired(impatient)

    assert tuple(first or ()) == (1, 0)
    assert tuple(await world.superuser.fetchrow(left) or ()) == (0, 0)


async def _join_and_leave(world: World, email: str, name: str) -> None:
    await world.superuser.execute(
        """INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at, removed_at)
           SELECT accounts.id, gen_random_uuid(), users.id, users.name, users.email, 'VIEWER', false, now(),
             now() FROM accounts, users WHERE accounts.name = $1 AND users.email = $2""",
        name,
        email,
    )
