"""Buying licenses: one invoice, the entitlements, or nothing."""

from typing import Any

from tests.changes import PURCHASE, codes
from tests.world import Person, World


async def purchase(world: World, *items: tuple[str, int], by: Person | None = None, **input: Any) -> Any:
    asked = [{"themeId": theme_id, "quantity": quantity} for theme_id, quantity in items]
    return await (by or world.admin).change(PURCHASE, accountId=world.account_id, items=asked, **input)


async def test_a_purchase_is_an_invoice_and_entitlements(world: World, themes: dict[str, str]) -> None:
    payload = await purchase(world, (themes["basalt"], 2), (themes["aurora"], 3), (themes["basalt"], 1))

    assert not codes(payload)
    invoice = payload["invoice"]
    assert (invoice["number"], invoice["status"], invoice["taxRate"]) == ("INV-000001", "OPEN", "0.19")
    assert [invoice[name]["amount"] for name in ("subtotal", "tax", "total")] == ["294.00", "55.86", "349.86"]
