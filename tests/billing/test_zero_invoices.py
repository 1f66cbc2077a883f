"""Invoices of zero are paid when they are issued, and reverse charge applies to Greek businesses."""

from tests.billing.test_invoice_documents import pdf_of
from tests.billing.test_purchases import amounts, price, purchase
from tests.support.changes import UPDATE_BILLING
from tests.support.documents import pages
from tests.support.world import World

BILLING = "{ account { billing { outstanding { amount } details { taxId country } } } }"


async def test_an_invoice_of_nothing_is_paid_at_once(world: World, themes: dict[str, str]) -> None:
    await price(world, "basalt", "0.00")

    invoice = (await purchase(world, (themes["basalt"], 3)))["invoice"]

    assert (invoice["status"], amounts(invoice)[2]) == ("PAID", "0.00")
    assert invoice["paidAt"] == invoice["issuedAt"]
    paid, issued, bought = (await world.events())[:3]
    assert [each["action"] for each in (bought, issued, paid)] == [
        *("LICENSES_PURCHASED", "INVOICE_ISSUED", "INVOICE_PAID")
    ]
    assert paid["summary"] == "Team access counted INV-000001 as paid: nothing is due"
    email = (await world.emails("admin@example.com"))[-1]
    assert "Nothing is due." in email.text
    assert "Due:" not in email.text
    (page,) = pages(await pdf_of(world, invoice))
    assert "Nothing is due." in page
    assert "Due" not in page.replace("Nothing is due.", "")


async def test_a_greek_vat_id_is_kept_as_the_eu_writes_it_and_reverses_the_charge(
    world: World, themes: dict[str, str]
) -> None:
    await price(world, "basalt", "10.00")
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, country="GR", taxId="GR094259216")

    invoice = (await purchase(world, (themes["basalt"], 1)))["invoice"]

    details = (await world.admin.ask(BILLING))["account"]["billing"]["details"]
    assert details == {"taxId": "EL094259216", "country": "GR"}
    assert amounts(invoice) == ["10.00", "0.00", "10.00"]
    assert invoice["status"] == "OPEN"
