"""The console around its pages: URLs and navigation."""

import pytest

from resolvers.accounts import operator
from tests.console.accessibility import violations
from tests.support.browser import Open, playwright
from tests.support.world import World


@pytest.mark.parametrize("path", ["/accounts/analytical-studio/nothing/here", "/accounts/acme/team"])
async def test_an_unknown_url_says_so(studio: World, open_page: Open, path: str) -> None:
    page = await open_page(path, studio.viewer)

    await playwright.expect(page.get_by_role("heading", name="Page not found", level=1)).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("link", name="Go to your accounts").click()
    await playwright.expect(page.get_by_role("heading", name="Team", level=1)).to_be_visible()


async def test_another_account_is_created_and_two_tabs_show_two(studio: World, open_page: Open) -> None:
    page = await open_page("/", studio.admin)
    await page.get_by_role("button", name="Analytical Studio Switch account").click()
    menu = page.get_by_role("menu", name="Your accounts")
    await playwright.expect(menu.get_by_role("menuitem").first).to_be_focused()
    await playwright.expect(menu).to_contain_text("Admin, open now")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await playwright.expect(page.get_by_role("button", name="Switch account")).to_be_focused()
    await page.keyboard.press("Enter")

    await menu.get_by_role("menuitem", name="Create another account").click()
    await page.get_by_label("Name of the account").fill("Engines")
    await page.get_by_role("button", name="Create the account").click()

    await playwright.expect(page.get_by_role("navigation", name="Engines")).to_be_visible()
    tab = await page.context.new_page()
    await tab.goto("/accounts/analytical-studio/account")
    await playwright.expect(tab.get_by_role("region", name="Owner")).to_contain_text("Ada Lovelace")
    await playwright.expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Engines Switch account").click()
    await menu.get_by_role("menuitem", name="Analytical Studio").click()
    await playwright.expect(page.get_by_text("3 members")).to_be_visible()
    assert page.url.endswith("/accounts/analytical-studio/team")


@pytest.mark.parametrize(("theme", "width"), [("dark", 1280), ("light", 320)])
async def test_many_accounts_are_searched(studio: World, open_page: Open, theme: str, width: int) -> None:
    for number in range(9):
        await operator.create_account(studio.database, f"Client {number}", "ada@example.com")
    page = await open_page("/", studio.admin, color_scheme=theme, width=width)

    await page.get_by_role("searchbox", name="Search accounts").fill("client 7")
    accounts = page.get_by_role("list", name="Your accounts")
    await playwright.expect(accounts.get_by_role("link")).to_have_count(1)
    assert await violations(page) == []
    await accounts.get_by_role("link", name="Client 7").click()
    await page.get_by_role("button", name="Client 7 Switch account").click()
    await playwright.expect(page.get_by_role("searchbox", name="Search accounts")).to_be_focused()
    assert await violations(page) == []
    await page.keyboard.type("client 3")
    await playwright.expect(page.get_by_role("menuitem")).to_have_count(2)
    await playwright.expect(page.locator("[role=menuitem][data-focused]")).to_contain_text("Client 3")
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    await page.keyboard.press("Enter")

    await playwright.expect(page.get_by_role("navigation", name="Client 3")).to_be_visible()


async def test_a_person_without_an_account_creates_one(studio: World, open_page: Open) -> None:
    await studio.superuser.execute("UPDATE members SET removed_at = now() WHERE email = 'vera@example.com'")
    page = await open_page("/", studio.viewer)

    await playwright.expect(page.get_by_role("heading", name="Create your account", level=1)).to_be_visible()
    assert await violations(page) == []
    await page.get_by_label("Name of the account").fill("Galaxies")
    await page.get_by_role("button", name="Create the account").click()

    await playwright.expect(page.get_by_role("navigation", name="Galaxies")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("role", "paths"),
    [
        ("ADMIN", ("team", "licenses", "catalog", "keys", "audit-log", "billing", "account")),
        ("MEMBER", ("team", "licenses", "catalog", "keys", "audit-log", "account")),
        ("VIEWER", ("team", "licenses", "catalog", "account")),
    ],
)
async def test_each_page_of_each_role_on_a_narrow_screen(
    studio: World, open_page: Open, role: str, paths: tuple[str, ...], theme: str
) -> None:
    urls = [f"/accounts/analytical-studio/{path}" for path in paths]
    personal = ["/you", "/you/sessions", "/you/accounts", "/you/data"]
    page = await open_page("/accounts", studio.people[role], color_scheme=theme, width=390)
    await playwright.expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await violations(page) == []

    for url in urls + personal:
        await page.goto(url)
        await playwright.expect(page.get_by_role("heading", level=1)).to_be_visible()
        await playwright.expect(page.locator(".loading")).to_have_count(0)
        # The page's link in the navigation, which is wider than the screen.
        await playwright.expect(page.locator("[aria-current=page]").first).to_be_in_viewport(ratio=0.9)
        assert await page.evaluate("document.documentElement.scrollWidth") == 390, url
        assert await violations(page) == [], url
