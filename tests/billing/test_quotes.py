"""Quotes: what a purchase would cost, and why it would be refused."""

from decimal import Decimal
from typing import Any

import pytest

from tests.billing.test_purchases import price, purchase
from tests.support.changes import SET_LIMITS, UPDATE_BILLING, codes, nothing_changes
from tests.support.world import World

QUOTE = """query ($items: [PurchaseItemInput!]!) { account { purchaseQuote(items: $items) {
  subtotal { amount currency } taxRate reverseCharge tax { amount } total { amount currency }
  userErrors { code message path } } } }"""
WRONG = dict.fromkeys(("subtotal", "taxRate", "reverseCharge", "tax", "total"))


async def quote(world: World, *items: tuple[str, int]) -> dict[str, Any]:
    asked = [{"themeId": theme_id, "quantity": quantity} for theme_id, quantity in items]
    found: dict[str, Any] = (await world.admin.ask(QUOTE, items=asked))["account"]["purchaseQuote"]
    return found


def problem(quoted: dict[str, Any]) -> tuple[str, list[str]]:
    (error,) = quoted["userErrors"]
    return error["code"], error["path"]


async def test_a_quote_is_what_the_purchase_then_costs(world: World, themes: dict[str, str]) -> None:
    items = [(themes["basalt"], 2), (themes["aurora"], 3), (themes["basalt"], 1)]

    async with nothing_changes(world):
        quoted = await quote(world, *items)

    invoice = (await purchase(world, *items))["invoice"]
    assert quoted["userErrors"] == []
    assert quoted["taxRate"] == invoice["taxRate"] == "0.19"
    assert quoted["subtotal"] == {"amount": invoice["subtotal"]["amount"], "currency": "EUR"}
    assert quoted["tax"]["amount"] == invoice["tax"]["amount"] == "55.86"
    assert quoted["total"]["amount"] == invoice["total"]["amount"] == "349.86"


async def test_a_quote_follows_the_billing_details(world: World, themes: dict[str, str]) -> None:
    payload = await world.admin.change(
        UPDATE_BILLING, accountId=world.account_id, country="AT", taxId="ATU13585627"
    )
    assert not codes(payload)

    quoted = await quote(world, (themes["basalt"], 1))

    assert (quoted["taxRate"], quoted["reverseCharge"]) == ("0", True)
    assert quoted["total"] == quoted["subtotal"]


async def test_a_quote_beyond_the_limit_says_so_with_its_amounts(
    world: World, themes: dict[str, str]
) -> None:
    await price(world, "basalt", "100.00")
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxMonthlySpend="300.00")
    assert not codes(await purchase(world, (themes["basalt"], 1)))
    assert (await quote(world, (themes["basalt"], 1)))["userErrors"] == []

    quoted = await quote(world, (themes["basalt"], 2))

    assert problem(quoted) == ("SPEND_LIMIT_REACHED", ["items"])
    assert quoted["total"] == {"amount": "238.00", "currency": "EUR"}
    refused = await purchase(world, (themes["basalt"], 2))
    assert refused["userErrors"] == quoted["userErrors"]


@pytest.mark.parametrize(
    ("theme", "quantity", "error"),
    [
        ("aurora", 0, ("INVALID", ["items", "0", "quantity"])),
        ("aurora", 100_001, ("INVALID", ["items", "0", "quantity"])),
        ("basalt", 1, ("INVALID", ["items", "0", "themeId"])),
        ("no-theme", 1, ("NOT_FOUND", ["items", "0", "themeId"])),
    ],
)
async def test_a_wrong_item_has_no_amounts(
    world: World, themes: dict[str, str], theme: str, quantity: int, error: tuple[str, list[str]]
) -> None:
    await price(world, "basalt", str(Decimal(1)), "USD")

    quoted = await quote(world, (themes.get(theme, theme), quantity))

    assert problem(quoted) == error
    assert {name: quoted[name] for name in WRONG} == WRONG


async def test_a_quote_has_items(world: World) -> None:
    assert problem(await quote(world)) == ("INVALID", ["items"])
