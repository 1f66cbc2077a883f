"""A payment provider collects after the commit, until the invoice is paid."""

import asyncio
from datetime import datetime
from uuid import UUID

import pytest

import worker
from models.billing import Invoice
from resolvers.billing import jobs as invoice_jobs
from resolvers.billing import operator as operator_invoices
from resolvers.billing import payments
from tests.billing.test_purchases import purchase
from tests.support import chain
from tests.support.changes import actions
from tests.support.world import World


class Cards:
    """Charges an invoice once, however often it is asked; some cards fail, or never answer."""

    def __init__(self, declined: str = "", broken: str = "", silent: str = "") -> None:
        self.declined, self.broken, self.silent = declined, broken, silent
        self.charges: dict[UUID, int] = {}

    def due_at(self, issued_at: datetime) -> datetime:
        return issued_at

    async def collect(self, invoice: Invoice) -> bool:
        number = Invoice.number_of(invoice.sequence)
        self.charges[invoice.id] = self.charges.get(invoice.id, 0) + 1
        if number == self.broken:
            raise ConnectionError("the provider is away")
        if number == self.silent:
            await asyncio.sleep(60)
        return number != self.declined


async def statuses(world: World) -> list[str]:
    rows = await world.superuser.fetch("SELECT status FROM invoices ORDER BY sequence")
    return [row["status"] for row in rows]


async def test_what_is_collected_is_paid_and_the_rest_is_asked_again(
    world: World, themes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_jobs, "COLLECT_TIMEOUT_SECONDS", 0.1)
    for _ in range(4):
        await purchase(world, (themes["aurora"], 1))
    cards = Cards(declined="INV-000001", broken="INV-000002", silent="INV-000003")

    await invoice_jobs.collect_payments(world.database, cards)
    assert await statuses(world) == ["OPEN", "OPEN", "OPEN", "PAID"]
    (event,) = await world.events(actions=["INVOICE_PAID"])
    assert (event["actor"]["kind"], event["summary"]) == (
        "SYSTEM",
        "Team access recorded the payment of INV-000004",
    )
    cards.declined = cards.broken = cards.silent = ""
    await invoice_jobs.collect_payments(world.database, cards)
    assert await statuses(world) == ["PAID"] * 4
    await invoice_jobs.collect_payments(world.database, cards)
    assert sorted(cards.charges.values()) == [1, 2, 2, 2]
    assert actions(await world.events(actions=["INVOICE_PAID"])) == ["INVOICE_PAID"] * 4
    await chain.assert_whole(world.superuser)


async def test_an_invoice_that_is_voided_meanwhile_stays_void(world: World, themes: dict[str, str]) -> None:
    await purchase(world, (themes["aurora"], 1))

    class Slow(Cards):
        async def collect(self, invoice: Invoice) -> bool:
            await operator_invoices.void_invoice(world.database, "acme", "INV-000001")
            return await super().collect(invoice)

    await invoice_jobs.collect_payments(world.database, Slow())

    assert await statuses(world) == ["VOID"]
    assert await world.events(actions=["INVOICE_PAID"]) == []


@pytest.mark.parametrize(("provider", "collects"), [(Cards(), True), (payments.BankTransfer(14), False)])
async def test_the_worker_collects_for_who_can(
    world: World, monkeypatch: pytest.MonkeyPatch, provider: payments.PaymentProvider, collects: bool
) -> None:
    monkeypatch.setattr(payments, "PROVIDER", provider)

    assert ("collect_payments" in worker._payment_jobs(world.database)) is collects
