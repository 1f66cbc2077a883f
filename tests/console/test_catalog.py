"""The console's Catalog page, used by people of each role."""

import zipfile
from decimal import Decimal
from typing import Any

import pytest

from tests.console.accessibility import violations
from tests.support.browser import Open, playwright
from tests.support.world import World

PATH = "/accounts/analytical-studio/catalog"
ENTITLEMENTS = "{ account { entitlements { nodes { theme { name } purchased } } } }"
INVOICES = """{ account { billing { invoices { totalCount nodes { number total { amount }
  lines { description quantity } } } } } }"""


async def open_catalog(open_page: Open, studio: World, role: str = "ADMIN", **options: Any) -> Any:
    page = await open_page(PATH, studio.people[role], **options)
    await page.get_by_role("grid", name="Themes").wait_for()
    return page


async def open_theme(open_page: Open, studio: World, role: str = "ADMIN", **options: Any) -> Any:
    page = await open_catalog(open_page, studio, role, **options)
    await page.get_by_role("link", name="Atelier").click()
    await page.get_by_role("heading", name="Releases").wait_for()
    return page


async def purchased(studio: World, theme: str) -> int:
    nodes = (await studio.admin.ask(ENTITLEMENTS))["account"]["entitlements"]["nodes"]
    return sum(node["purchased"] for node in nodes if node["theme"]["name"] == theme)


@pytest.mark.parametrize(
    ("role", "theme", "width"), [("ADMIN", "dark", 1280), ("MEMBER", "light", 390), ("VIEWER", "dark", 320)]
)
async def test_each_role_sees_what_it_may(
    studio: World, open_page: Open, role: str, theme: str, width: int
) -> None:
    page = await open_catalog(open_page, studio, role, color_scheme=theme, width=width)
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await violations(page) == []

    await page.get_by_role("link", name="Atelier").click()
    await page.get_by_role("heading", name="Releases").wait_for()
    await playwright.expect(page.get_by_role("heading", name="Atelier", level=1)).to_be_focused()
    owned = page.get_by_role("region", name="Licenses of this account")
    await playwright.expect(owned).to_contain_text("Purchased13")

    assert await page.get_by_role("button", name="Purchase licenses").count() == (role == "ADMIN")
    assert bool(await page.get_by_role("button", name="Download").count()) is (role != "VIEWER")
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await violations(page) == []


async def test_themes_are_found_by_text_and_tag_and_sorted(studio: World, open_page: Open) -> None:
    page = await open_catalog(open_page, studio, "VIEWER")
    rows = page.locator("[data-index]")
    everything = await rows.count()

    await page.get_by_label("Sort by").select_option("PRICE")
    await page.wait_for_url("**/catalog?order=PRICE")
    await playwright.expect(page.locator(".list-pending")).to_have_count(0)
    prices = await page.locator("[data-index] .money").all_inner_texts()
    assert prices == sorted(prices, key=lambda text: Decimal(text.strip("€")))
    tag = page.get_by_role("list", name="Tags").get_by_role("link").first
    name = await tag.inner_text()
    await tag.click()
    await playwright.expect(
        page.get_by_role("button", name=f"Show all tags instead of {name}")
    ).to_be_visible()
    await playwright.expect(rows).not_to_have_count(everything)
    await page.reload()
    await page.get_by_role("button", name=f"Show all tags instead of {name}").click()
    await playwright.expect(rows).to_have_count(everything)
    await page.get_by_role("searchbox").fill("atelier")
    await playwright.expect(page.get_by_text("1 theme", exact=True)).to_be_visible()
    await page.get_by_role("searchbox").fill("no such theme")

    await playwright.expect(page.get_by_text("No theme matches")).to_be_visible()
    assert await violations(page) == []


async def test_licenses_are_bought_for_the_quoted_sum(studio: World, open_page: Open) -> None:
    before = await purchased(studio, "Atelier")
    page = await open_theme(open_page, studio)
    await page.get_by_role("button", name="Purchase licenses").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_label("Number of licenses")
    await playwright.expect(field).to_be_focused()

    await field.fill("0")
    await dialog.get_by_role("button", name="Purchase 1 license").click()
    await playwright.expect(field).to_have_attribute("aria-invalid", "true")
    await playwright.expect(dialog).to_contain_text("Enter a whole number from 1 to 100,000.")
    await field.fill("2")
    total = dialog.get_by_text("To pay").locator("xpath=..").locator(".money")
    await playwright.expect(dialog).to_contain_text("Tax, 19%")
    await playwright.expect(dialog.locator(".list-pending")).to_have_count(0)
    quoted = (await total.inner_text()).strip("€")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Purchase 2 licenses").click()

    await playwright.expect(dialog).to_contain_text("2 licenses of Atelier were added.")
    await playwright.expect(dialog).to_contain_text(f"€{quoted}")
    assert await violations(page) == []
    async with page.expect_download() as saving:
        await dialog.get_by_role("button", name="Download INV-000002 as PDF").click()
    assert (await saving.value).suggested_filename.endswith(".pdf")
    await dialog.get_by_role("button", name="Done").click()
    owned = page.get_by_role("region", name="Licenses of this account")
    await playwright.expect(owned).to_contain_text(f"Purchased{before + 2}")
    assert await purchased(studio, "Atelier") == before + 2
    invoice = (await studio.admin.ask(INVOICES))["account"]["billing"]["invoices"]["nodes"][0]
    assert invoice["total"]["amount"] == quoted
    assert invoice["lines"] == [{"description": "Atelier", "quantity": 2}]


async def test_a_purchase_beyond_the_limit_is_refused_before_and_after_the_click(
    studio: World, open_page: Open
) -> None:
    await studio.superuser.execute("UPDATE accounts SET max_monthly_spend = 200")
    before = (await studio.admin.ask(INVOICES))["account"]["billing"]["invoices"]["totalCount"]
    page = await open_theme(open_page, studio)
    await page.get_by_role("button", name="Purchase licenses").click()
    dialog = page.get_by_role("dialog")

    await dialog.get_by_label("Number of licenses").fill("50")
    await playwright.expect(dialog.locator(".notice-warning")).to_contain_text("The account's limit is 200")
    await dialog.get_by_role("button", name="Purchase 50 licenses").click()

    await playwright.expect(dialog.locator(".field-error")).to_contain_text("The account's limit is 200")
    await playwright.expect(dialog.get_by_label("Number of licenses")).to_be_focused()
    assert await violations(page) == []
    await page.reload()
    await page.get_by_role("button", name="Purchase licenses").click()
    await playwright.expect(page.get_by_label("Number of licenses")).to_have_value("50")
    assert (await studio.admin.ask(INVOICES))["account"]["billing"]["invoices"]["totalCount"] == before


async def test_a_purchase_whose_answer_was_lost_is_made_once(studio: World, open_page: Open) -> None:
    before = await purchased(studio, "Atelier")
    page = await open_theme(open_page, studio)
    await page.get_by_role("button", name="Purchase licenses").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Number of licenses").fill("4")
    await playwright.expect(dialog).to_contain_text("To pay")
    lost: list[int] = []

    async def lose_the_first_answer(route: Any) -> None:
        if (
            "items" in (route.request.post_data or "")
            and "idempotencyKey" in route.request.post_data
            and not lost
        ):
            lost.append((await route.fetch()).status)
            await route.fulfill(status=200, body="")
        else:
            await route.continue_()

    await page.route("**/graphql", lose_the_first_answer)
    await dialog.get_by_role("button", name="Purchase 4 licenses").click()
    await playwright.expect(dialog).to_contain_text("The server could not be reached.")
    await page.reload()
    await page.get_by_role("button", name="Purchase licenses").click()
    await page.get_by_role("dialog").get_by_role("button", name="Purchase 4 licenses").click()

    await playwright.expect(page.get_by_role("dialog")).to_contain_text("4 licenses of Atelier were added.")
    assert lost == [200]
    assert await purchased(studio, "Atelier") == before + 4


async def test_a_member_downloads_a_file_with_an_active_license(studio: World, open_page: Open) -> None:
    page = await open_theme(open_page, studio, "MEMBER")

    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Download atelier-").first.click()

    saved = await saving.value
    assert saved.suggested_filename.startswith("atelier-")
    assert zipfile.is_zipfile(await saved.path())


@pytest.mark.parametrize("entry", ["catalog/atelier", "licenses/none", "billing/none", "keys/none"])
async def test_an_unknown_entry_says_so(studio: World, open_page: Open, entry: str) -> None:
    page = await open_page(f"/accounts/analytical-studio/{entry}", studio.admin)

    heading = page.get_by_role("heading", level=1, name="not found")
    await playwright.expect(heading).to_be_visible()
    assert await violations(page) == []
