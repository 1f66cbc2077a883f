"""The console's page of the person: profile, sessions, accounts and personal data."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.console.accessibility import violations
from tests.support.browser import Open, playwright
from tests.support.changes import END_SESSIONS
from tests.support.forked_commands import ROOT
from tests.support.world import GENERATE_API_KEY, World

VIEWER = "{ viewer { user { name } sessions { isCurrent } memberships { name } } }"
MEMBER_ID = "{ account { viewerMember { id } } }"
SECTIONS = ("Profile", "Sessions", "Accounts", "Personal data")
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"


async def go_to(page: Any, section: str) -> None:
    await page.get_by_role("navigation", name="You").get_by_role("link", name=section).click()
    heading = page.get_by_role("heading", name=section, level=1)
    await playwright.expect(heading).to_be_visible()
    await playwright.expect(page.get_by_role("status", name="Loading")).to_have_count(0)


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 320)])
async def test_each_section_is_accessible_and_fits(
    studio: World, open_page: Open, theme: str, width: int
) -> None:
    page = await open_page("/you", studio.admin, color_scheme=theme, width=width)

    for section in SECTIONS:
        await go_to(page, section)
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_the_name_is_changed_from_within_an_account(studio: World, open_page: Open) -> None:
    page = await open_page("/", studio.viewer)
    await playwright.expect(page.get_by_role("grid")).to_contain_text("Vera Rubin")
    await page.get_by_role("link", name="Vera Rubin").click()
    name = page.get_by_label("Name")

    await name.fill("  ")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(name).to_have_attribute("aria-invalid", "true")
    await playwright.expect(name).to_be_focused()
    await name.fill("Vera C. Rubin")
    await page.get_by_role("button", name="Save").click()

    await playwright.expect(page.get_by_role("link", name="Vera C. Rubin")).to_be_visible()
    assert (await studio.viewer.ask(VIEWER))["viewer"]["user"]["name"] == "Vera C. Rubin"
    await page.get_by_role("link", name="Back to Analytical Studio").click()
    await playwright.expect(page.get_by_role("grid")).to_contain_text("Vera C. Rubin")


async def test_a_list_that_was_left_before_it_arrived_is_read_again(studio: World, open_page: Open) -> None:
    page = await open_page("/you", studio.viewer)
    documents = json.loads((ROOT / "web" / "console" / "persisted.json").read_text())
    (list_id,) = (id for id, text in documents.items() if text.startswith("query MemberTableQuery"))
    held = asyncio.Event()

    async def hold(route: Any) -> None:
        response = await route.fetch()
        await held.wait()
        await route.fulfill(response=response)

    def is_list(request: Any) -> bool:
        return "/graphql" in request.url and list_id in (request.post_data or "")

    async def pass_on(route: Any) -> None:
        await (hold(route) if is_list(route.request) else route.continue_())

    await page.route("**/graphql", pass_on)
    async with page.expect_request(is_list):
        await page.get_by_role("link", name="Back to Analytical Studio").click()
    await page.get_by_role("link", name="Vera Rubin").click()
    await page.get_by_label("Name").fill("Vera C. Rubin")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_role("link", name="Vera C. Rubin")).to_be_visible()
    held.set()
    await page.get_by_role("link", name="Back to Analytical Studio").click()

    await playwright.expect(page.get_by_role("grid")).to_contain_text("Vera C. Rubin")


async def test_sessions_are_revoked(studio: World, open_page: Open) -> None:
    firefox, others = await studio.sign_in("bob@example.com"), await studio.sign_in("bob@example.com")
    newest_first = "(SELECT id FROM sessions ORDER BY id DESC LIMIT 1 OFFSET 1)"
    await studio.superuser.execute(f"UPDATE sessions SET user_agent = $1 WHERE id = {newest_first}", FIREFOX)
    page = await open_page("/you/sessions", studio.member)
    sessions = page.get_by_role("list", name="Sessions").get_by_role("listitem")
    await playwright.expect(sessions).to_have_count(3)
    await playwright.expect(sessions.first).to_contain_text("This session")

    await page.get_by_role("button", name="Revoke the session of Firefox on Windows").click()
    assert await violations(page) == []
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    await playwright.expect(sessions).to_have_count(2)
    assert [error["code"] for error in await firefox.errors(VIEWER)] == ["UNAUTHENTICATED"]
    assert (await others.ask(VIEWER))["viewer"] is not None
    await page.get_by_role("button", name="Revoke all others …").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()

    await playwright.expect(sessions).to_have_count(1)
    await playwright.expect(page.get_by_text("1 session has ended.")).to_be_visible()
    assert [error["code"] for error in await others.errors(VIEWER)] == ["UNAUTHENTICATED"]
    assert (await studio.member.ask(VIEWER))["viewer"]["sessions"] == [{"isCurrent": True}]


async def test_the_owner_cannot_leave_or_be_erased(studio: World, open_page: Open) -> None:
    page = await open_page("/you/accounts", studio.admin)

    item = page.get_by_role("listitem").filter(has_text="Analytical Studio")
    await playwright.expect(item).to_contain_text("The owner cannot leave.")
    assert await item.get_by_role("button").count() == 0
    await go_to(page, "Personal data")
    await playwright.expect(page.get_by_role("link", name="Leave Analytical Studio")).to_be_visible()
    assert await page.get_by_role("button", name="Erase my data …").count() == 0


async def test_a_person_leaves_downloads_its_data_and_is_erased(
    studio: World, open_page: Open, tmp_path: Path
) -> None:
    bob = await studio.superuser.fetchval("SELECT id FROM users WHERE email = 'bob@example.com'")
    member_id = (await studio.member.ask(MEMBER_ID))["account"]["viewerMember"]["id"]
    await studio.admin.change(
        GENERATE_API_KEY, accountId=studio.account_id, memberId=member_id, name="Webshop"
    )
    page = await open_page("/you/data", studio.member)
    await page.get_by_role("link", name="Leave Analytical Studio").click()

    await page.get_by_role("button", name="Leave Analytical Studio").click()
    dialog = page.get_by_role("alertdialog")
    await playwright.expect(dialog).to_contain_text("which pass to the owner, Ada Lovelace")
    await playwright.expect(dialog).to_contain_text("Revoked at once: Webshop")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Leave").click()
    await playwright.expect(page.get_by_text("You are not a member of any account")).to_be_visible()
    assert (await studio.member.ask(VIEWER))["viewer"]["memberships"] == []
    await page.get_by_role("link", name="Create an account").click()
    await page.get_by_role("link", name="Bob Ross").click()
    await go_to(page, "Personal data")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download").click()
    await (await downloading.value).save_as(tmp_path / "data.json")
    document = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))
    assert document["user"]["email"] == "bob@example.com"
    await page.get_by_role("button", name="Erase my data …").click()
    confirmation = page.get_by_label("Type bob@example.com to confirm")
    await confirmation.fill("ada@example.com")
    await page.get_by_role("button", name="Erase for ever").click()
    await playwright.expect(confirmation).to_have_attribute("aria-invalid", "true")
    assert await violations(page) == []
    await confirmation.fill("bob@example.com")
    await page.get_by_role("button", name="Erase for ever").click()

    await playwright.expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    erased = "SELECT name FROM users WHERE id = $1 AND erased_at IS NOT NULL"
    assert await studio.superuser.fetchval(erased, bob) == "Erased person"


async def test_what_concerns_all_accounts_asks_for_a_new_sign_in(studio: World, open_page: Open) -> None:
    member_id = (await studio.member.ask(MEMBER_ID))["account"]["viewerMember"]["id"]
    page = await open_page("/you", studio.member)
    await studio.admin.change(END_SESSIONS, memberId=member_id)

    await page.get_by_label("Name").fill("Robert Ross")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_text("requires a new sign-in").first).to_be_visible()
    await page.reload()
    notice = page.get_by_text("Analytical Studio requires a new sign-in before you can change your name.")
    await playwright.expect(notice).to_be_visible()
    assert (await studio.member.ask(VIEWER))["viewer"]["user"]["name"] == "Bob Ross"
    await page.get_by_role("button", name="Sign in again").click()
    assert await violations(page) == []
    again = await studio.sign_in("bob@example.com")
    cookie = {"name": "ta_session", "value": again.token, "url": studio.settings.public_url}
    await page.context.add_cookies([cookie])
    await page.evaluate("window.dispatchEvent(new Event('focus'))")

    await playwright.expect(notice).to_have_count(0)
    await playwright.expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_label("Name").fill("Robert Ross")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_role("link", name="Robert Ross")).to_be_visible()
