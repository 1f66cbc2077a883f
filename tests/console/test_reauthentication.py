"""Pages of an account that refuses the session ask for a new sign-in and keep entered values."""

from typing import Any

import pytest

from tests.console.accessibility import violations
from tests.support.browser import Open, playwright
from tests.support.changes import END_SESSIONS
from tests.support.world import World

URL = "/accounts/analytical-studio"
MEMBER_ID = "{ account { viewerMember { id } } }"
REASON = "The client has left."
UNNOTICED = "UPDATE members SET sessions_valid_from = now()"
"""Nothing tells the page of it."""


async def end_sessions(studio: World, person: str) -> None:
    member_id = (await studio.people[person].ask(MEMBER_ID))["account"]["viewerMember"]["id"]
    await studio.admin.change(END_SESSIONS, memberId=member_id)


async def open_suspension(open_page: Open, studio: World, **options: Any) -> Any:
    page = await open_page(f"{URL}/licenses", studio.admin, **options)
    await page.get_by_role("button", name="Actions for").first.click()
    await page.get_by_role("menuitem", name="Suspend …").click()
    await page.get_by_label("Reason").fill(REASON)
    return page


async def is_refused(response: Any) -> bool:
    return "REAUTHENTICATION_REQUIRED" in await response.text()


async def sign_in_in_another_tab(page: Any, studio: World, email: str) -> None:
    dialog = page.get_by_role("dialog", name="Sign in again")
    await playwright.expect(dialog.get_by_label("Email address")).to_have_value(email)
    await dialog.get_by_role("button", name="Email me a sign-in link").click()
    await playwright.expect(dialog.get_by_text("a link is on its way")).to_be_visible()
    tab = await page.context.new_page()
    await tab.goto(f"/sign-in/{await studio.token_for(email)}")
    await tab.get_by_role("main").get_by_role("button").click()
    await playwright.expect(tab.get_by_role("navigation", name="Analytical Studio")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
async def test_a_refused_change_is_repeated_after_a_new_sign_in(
    studio: World, open_page: Open, theme: str, width: int
) -> None:
    page = await open_suspension(open_page, studio, color_scheme=theme, width=width)
    await studio.superuser.execute(UNNOTICED)

    await page.get_by_role("button", name="Suspend", exact=True).click()

    again = page.get_by_role("dialog", name="Sign in again")
    await playwright.expect(again).to_contain_text("Analytical Studio requires a new sign-in")
    await playwright.expect(page.get_by_text("Your session has ended")).to_have_count(0)
    assert await violations(page) == []
    # Returning to the tab without a new sign-in.
    async with page.expect_response("**/graphql"):
        await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await sign_in_in_another_tab(page, studio, "ada@example.com")
    await playwright.expect(again).to_have_count(0)
    assert await page.get_by_label("Reason").input_value() == REASON
    await page.get_by_role("button", name="Suspend", exact=True).click()
    await playwright.expect(page.get_by_text("was suspended.")).to_be_visible()


async def test_a_page_whose_sessions_are_ended_keeps_what_was_entered(studio: World, open_page: Open) -> None:
    page = await open_page(f"{URL}/licenses", studio.member)
    await page.get_by_role("button", name="Provision a license").click()
    await page.get_by_label("Site").fill("new.example.com")

    await end_sessions(studio, "MEMBER")

    await sign_in_in_another_tab(page, studio, "bob@example.com")
    await playwright.expect(page.get_by_role("dialog", name="Provision a license")).to_be_visible()
    assert await page.get_by_label("Site").input_value() == "new.example.com"


async def test_a_list_that_is_read_again_waits_for_the_new_sign_in(studio: World, open_page: Open) -> None:
    page = await open_suspension(open_page, studio)
    await studio.superuser.execute(UNNOTICED)

    await page.evaluate("window.dispatchEvent(new Event('focus'))")

    await sign_in_in_another_tab(page, studio, "ada@example.com")
    assert await page.get_by_label("Reason").input_value() == REASON


async def test_who_closes_the_question_is_asked_again_by_the_next_change(
    studio: World, open_page: Open
) -> None:
    page = await open_suspension(open_page, studio)
    await studio.superuser.execute(UNNOTICED)
    suspend = page.get_by_role("button", name="Suspend", exact=True)
    await suspend.click()
    again = page.get_by_role("dialog", name="Sign in again")

    await again.get_by_role("button", name="Close").click()

    await playwright.expect(again).to_have_count(0)
    await playwright.expect(page.get_by_role("alertdialog").get_by_role("alert")).to_contain_text(
        "This account requires a new sign-in."
    )
    async with page.expect_response(is_refused):
        await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await playwright.expect(again).to_have_count(0)
    await suspend.click()
    await playwright.expect(again).to_be_visible()
    assert await page.get_by_label("Reason").input_value() == REASON


async def test_an_account_that_is_opened_afterwards_asks_at_once(studio: World, open_page: Open) -> None:
    await end_sessions(studio, "MEMBER")

    page = await open_page(f"{URL}/licenses", studio.member)

    await playwright.expect(page.get_by_role("heading", name="Sign in again", level=1)).to_be_visible()
    await playwright.expect(page.get_by_role("dialog")).to_have_count(0)
    assert await violations(page) == []
