"""The console's Billing page, used by Admins."""

from typing import Any

import pytest

from countries import COUNTRIES
from tests.checks.test_console import SOURCES
from tests.console.accessibility import violations
from tests.support.browser import Open, playwright, press_end_until
from tests.support.world import World

PATH = "/accounts/analytical-studio/billing"
DETAILS = "{ account { billing { details { company email addressLines country taxId } } } }"


async def open_billing(open_page: Open, studio: World, search: str = "", **options: Any) -> Any:
    page = await open_page(PATH + search, studio.admin, **options)
    await page.get_by_role("heading", name="Billing", level=1).wait_for()
    return page


@pytest.mark.parametrize("role", ["MEMBER", "VIEWER"])
async def test_others_than_admins_have_no_billing(studio: World, open_page: Open, role: str) -> None:
    page = await open_page(PATH, studio.people[role])

    await playwright.expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    assert await page.get_by_role("link", name="Billing").count() == 0


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 320)])
async def test_invoices_are_shown_filtered_and_saved(
    studio: World, open_page: Open, theme: str, width: int
) -> None:
    await studio.superuser.execute("UPDATE accounts SET max_monthly_spend = 1000")
    page = await open_billing(open_page, studio, color_scheme=theme, width=width)
    row = page.get_by_role("row").filter(has_text="INV-000001")
    await playwright.expect(row).to_contain_text("To pay")
    await playwright.expect(page.get_by_role("meter")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await violations(page) == []

    async with page.expect_download() as saving:
        await row.get_by_role("button", name="Download INV-000001 as PDF").click()
    assert (await saving.value).suggested_filename.endswith(".pdf")
    await page.get_by_label("Status").select_option("PAID")
    await playwright.expect(page.get_by_text("No invoices")).to_be_visible()
    await page.get_by_label("Status").select_option("OPEN")
    await row.get_by_role("link", name="INV-000001").click()
    await playwright.expect(page.get_by_role("heading", name="INV-000001", level=1)).to_be_focused()
    await playwright.expect(page.get_by_role("row").filter(has_text="Total")).to_contain_text("€")
    await playwright.expect(page.get_by_text("Purchased by")).to_be_visible()

    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await violations(page) == []


async def test_billing_details_are_changed(studio: World, open_page: Open) -> None:
    page = await open_billing(open_page, studio, "?view=details")
    tax_id = page.get_by_label("Tax id")

    await tax_id.fill("DE123")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(tax_id).to_be_focused()
    await playwright.expect(page.get_by_text("DE123 is not a VAT id of DE")).to_be_visible()
    assert await violations(page) == []
    await page.reload()
    await playwright.expect(tax_id).to_have_value("DE123")
    await tax_id.fill("ATU13585627")
    await page.get_by_role("button", name="Country").click()
    await playwright.expect(page.get_by_role("option", name="Germany")).to_be_focused()
    assert await violations(page) == []
    await page.keyboard.type("austria")
    await playwright.expect(page.get_by_role("option", name="Austria")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.get_by_label("Address", exact=True).fill("Ringstraße 1\n1010 Wien")
    await page.get_by_label("Email address for invoices").fill("books@example.com")
    await page.get_by_role("button", name="Save").click()

    await playwright.expect(page.get_by_text("The billing details were saved.")).to_be_visible()
    await playwright.expect(page.get_by_role("button", name="Discard changes")).to_have_count(0)
    assert (await studio.admin.ask(DETAILS))["account"]["billing"]["details"] == {
        "company": "Analytical Studio GmbH",
        "email": "books@example.com",
        "addressLines": ["Ringstraße 1", "1010 Wien"],
        "country": "AT",
        "taxId": "ATU13585627",
    }
    await page.get_by_label("Company").fill("Another")
    await page.get_by_role("button", name="Discard changes").click()
    await playwright.expect(page.get_by_label("Company")).to_have_value("Analytical Studio GmbH")


async def test_a_report_of_invoices_is_saved(studio: World, open_page: Open) -> None:
    page = await open_billing(open_page, studio)
    await page.get_by_role("button", name="Report").click()
    dialog = page.get_by_role("dialog")

    await dialog.get_by_label("Issued from").fill("2026-06-02T00:00")
    await dialog.get_by_label("Issued before").fill("2026-06-01T00:00")
    await dialog.get_by_role("button", name="Download").click()
    await playwright.expect(dialog.locator("[aria-invalid=true]")).to_be_focused()
    assert await violations(page) == []
    await dialog.get_by_label("Issued before").fill("")
    async with page.expect_download() as saving:
        await dialog.get_by_role("button", name="Download").click()

    assert (await saving.value).suggested_filename.endswith(".csv")
    await playwright.expect(dialog).not_to_be_visible()


async def test_invoices_of_any_number_are_loaded_while_scrolling(studio: World, open_page: Open) -> None:
    await studio.superuser.execute(
        """INSERT INTO invoices SELECT (jsonb_populate_record(invoice, jsonb_build_object(
             'id', gen_random_uuid(), 'sequence', 1 + n, 'issued_at',
             invoice.issued_at + n * interval '1 s'))).*
           FROM invoices invoice, generate_series(1, 300) n WHERE invoice.sequence = 1"""
    )
    page = await open_billing(open_page, studio)
    await playwright.expect(page.get_by_text("301 invoices")).to_be_visible()

    await page.get_by_role("row").nth(1).focus()
    await press_end_until(page, 300)

    assert await page.get_by_role("row").count() < 80


def test_the_form_has_the_countries_of_the_api() -> None:
    source = (SOURCES / "src/billing/countryCodes.ts").read_text(encoding="utf-8")
    codes = {
        word for line in source.splitlines() if line.startswith('  "') for word in line.strip(' ",').split()
    }

    assert codes == COUNTRIES
