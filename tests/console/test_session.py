"""Signing in to the console, and what happens to a page whose session ends."""

from tests.console.accessibility import violations
from tests.support.browser import Open, playwright
from tests.support.world import World

SIGN_OUT = "mutation { signOut { userErrors { message } } }"


async def test_the_page_continues_once_the_emailed_link_was_opened(studio: World, open_page: Open) -> None:
    page = await open_page("/accounts/analytical-studio/team")
    await playwright.expect(page.get_by_label("Email address")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_label("Email address").fill("vera@example.com")
    await page.get_by_role("button", name="Email me a sign-in link").click()
    await playwright.expect(page.get_by_text("a link is on its way")).to_be_visible()
    mailbox = page.get_by_role("link", name="Open the mailbox")
    assert await mailbox.get_attribute("href") == "/mailbox"

    tab = await page.context.new_page()
    await tab.goto(f"/sign-in/{await studio.token_for('vera@example.com')}")
    await tab.get_by_role("main").get_by_role("button").click()

    await playwright.expect(tab.get_by_role("heading", name="Team", level=1)).to_be_visible()
    await playwright.expect(page.get_by_role("heading", name="Team", level=1)).to_be_visible()


async def test_a_session_that_ends_keeps_a_half_filled_form(studio: World, open_page: Open) -> None:
    page = await open_page("/", studio.admin)
    await page.get_by_role("button", name="Invite people").click()
    addresses = page.get_by_label("Email addresses")
    await addresses.fill("grace@example.com")

    await studio.admin.ask(SIGN_OUT)

    ended = page.get_by_role("heading", name="Your session has ended")
    await playwright.expect(ended).to_be_visible()
    assert await violations(page) == []
    again = await studio.sign_in("ada@example.com")
    cookie = {"name": "ta_session", "value": again.token, "url": studio.settings.public_url}
    await page.context.add_cookies([cookie])
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await playwright.expect(ended).not_to_be_visible()
    assert await addresses.input_value() == "grace@example.com"
    await page.get_by_role("button", name="Invite", exact=True).click()
    await playwright.expect(page.get_by_text("1 person was invited.")).to_be_visible()


async def test_a_reload_keeps_what_was_entered(studio: World, open_page: Open) -> None:
    page = await open_page("/", studio.admin)
    await page.get_by_role("button", name="Invite people").click()
    await page.get_by_label("Email addresses").fill("grace@example.com")

    await page.reload()
    await page.get_by_role("button", name="Invite people").click()

    assert await page.get_by_label("Email addresses").input_value() == "grace@example.com"
