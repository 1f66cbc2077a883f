"""Effects, output and refusals of the operator's commands, in processes of their own."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.billing.test_purchases import SPENT, purchase
from tests.support import chain
from tests.support.catalogs import write_catalog
from tests.support.changes import SET_LIMITS, actions, codes, nothing_changes
from tests.support.commands import assert_one_sentence
from tests.support.forked_commands import outcome
from tests.support.world import World


@pytest.fixture(autouse=True)
async def _three_invoices(world: World, themes: dict[str, str]) -> None:
    for _ in range(3):
        assert not codes(await purchase(world, (themes["aurora"], 1)))


async def run(world: World, tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    assert world.settings.database_url is not None
    url = world.settings.database_url.get_secret_value()
    return await asyncio.to_thread(outcome, tmp_path, *arguments, DATABASE_URL=url)


async def done(world: World, tmp_path: Path, *arguments: str) -> Any:
    """What it prints as JSON."""
    code, out, err = await run(world, tmp_path, *arguments, "--json")
    assert (code, err.strip()) == (0, "")
    return json.loads(out)


async def test_invoices_are_listed(world: World, tmp_path: Path) -> None:
    await world.superuser.execute("UPDATE invoices SET status = 'VOID' WHERE sequence = 2")

    listed = await done(world, tmp_path, "invoices", "list", "acme")
    some = await done(world, tmp_path, "invoices", "list", "acme", "--status", "open")
    code, out, _ = await run(world, tmp_path, "invoices", "list", "acme", "--status", "VOID")

    assert [(each["number"], each["status"], each["total"]) for each in listed] == [
        ("INV-000003", "OPEN", "58.31"),
        ("INV-000002", "VOID", "58.31"),
        ("INV-000001", "OPEN", "58.31"),
    ]
    assert [each["number"] for each in some] == ["INV-000003", "INV-000001"]
    assert (code, "INV-000002" in out, "INV-000001" in out) == (0, True, False)


async def test_a_paid_invoice_is_no_longer_outstanding_and_still_spent(world: World, tmp_path: Path) -> None:
    paid = await done(world, tmp_path, "invoices", "paid", "acme", "INV-000002")

    assert (paid["number"], paid["status"]) == ("INV-000002", "PAID")
    assert paid["paidAt"]
    account = (await world.admin.ask(SPENT))["account"]
    assert account["limits"]["spentThisMonth"]["amount"] == "174.93"
    assert account["billing"]["outstanding"]["amount"] == "116.62"
    (event,) = await world.events(actions=["INVOICE_PAID"])
    assert event["summary"] == "The operator recorded the payment of INV-000002"
    assert event["details"] == {"status": ["OPEN", "PAID"], "total": "58.31", "currency": "EUR"}
    assert event["actor"]["credential"]["kind"] == "OPERATOR"


async def test_a_void_invoice_is_not_spent_and_its_licenses_stay(
    world: World, themes: dict[str, str], tmp_path: Path
) -> None:
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxMonthlySpend="174.93")
    assert codes(await purchase(world, (themes["aurora"], 1))) == ["SPEND_LIMIT_REACHED"]

    code, out, _ = await run(world, tmp_path, "invoices", "void", "acme", "inv-000003")

    assert code == 0
    assert out == (
        "INV-000003 is void: it does not count as spent any more; the account keeps its licenses.\n"
    )
    payload = await purchase(world, (themes["aurora"], 1))
    assert payload["invoice"]["number"] == "INV-000004"
    assert payload["entitlements"][0]["purchased"] == 9
    assert actions(await world.events(actions=["INVOICE_VOIDED"])) == ["INVOICE_VOIDED"]
    await chain.assert_whole(world.superuser)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("invoices", "paid", "acme", "INV-000001"), "INV-000001 is VOID already"),
        (("invoices", "void", "acme", "1"), "INV-000001 is VOID already"),
        (("invoices", "void", "acme", "INV-000009"), "no such invoice of acme as INV-000009"),
        (("invoices", "void", "acme", "nine"), "look like INV-000001"),
        (("invoices", "paid", "nobody", "INV-000001"), "no such account as nobody"),
        (("invoices", "list", "nobody"), "no such account as nobody"),
    ],
)
async def test_what_cannot_be_done_is_said_and_changes_nothing(
    world: World, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    await world.superuser.execute("UPDATE invoices SET status = 'VOID' WHERE sequence = 1")

    async with nothing_changes(world):
        code, out, err = await run(world, tmp_path, *arguments)

    assert (code, out) == (1, "")
    assert said in err
    assert_one_sentence(err)


async def test_a_state_that_is_none_is_a_wrong_argument(world: World, tmp_path: Path) -> None:
    code, _, err = await run(world, tmp_path, "invoices", "list", "acme", "--status", "LATE")

    assert code == 2
    assert "open" in err.lower()


async def test_the_catalog_is_listed_with_what_was_withdrawn(world: World, tmp_path: Path) -> None:
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now() WHERE slug = 'basalt'")

    aurora, basalt = await done(world, tmp_path, "catalog", "list")
    code, out, _ = await run(world, tmp_path, "catalog", "list")

    assert aurora == {
        "slug": "aurora",
        "name": "Aurora",
        "price": "49.00",
        "currency": "EUR",
        "latestVersion": "1.1.0",
        "withdrawnAt": None,
    }
    assert basalt["withdrawnAt"]
    assert (code, "aurora" in out, "basalt" in out) == (0, True, True)


async def test_an_import_and_a_grant_as_json(world: World, tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", price="10.00")

    imported = await done(world, tmp_path, "catalog", "import", str(tmp_path / "catalog"))
    granted = await done(world, tmp_path, "entitlements", "grant", "acme", "aurora", "2")

    assert imported == {"themes": 2, "releases": 3, "files": 3}
    assert granted == {"account": "acme", "theme": "aurora", "purchased": 10, "provisioned": 0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("acme", "nowhere", "1"), "no such theme as nowhere"),
        (("acme", "aurora", "1000000"), "at most 2,147,483,647 licenses of a theme"),
    ],
)
async def test_what_cannot_be_granted_is_said_and_changes_nothing(
    world: World, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    await world.superuser.execute("UPDATE entitlements SET purchased = 2147000000")

    async with nothing_changes(world):
        code, out, err = await run(world, tmp_path, "entitlements", "grant", *arguments)

    assert (code, out) == (1, "")
    assert said in err
    assert_one_sentence(err)
