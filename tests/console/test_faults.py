"""The console while servers restart, sessions end, answers are slow or lost, and two tabs are open."""

import asyncio
import re
from typing import Any

from tests.support.browser import Open, playwright
from tests.support.changes import CHANGE_ROLE, REVOKE_OTHER_SESSIONS
from tests.support.killed_servers import served
from tests.support.serving import free_port
from tests.support.world import World

URL = "/accounts/analytical-studio"
SITE = "new.example.com"
LICENSES = "SELECT count(*) FROM licenses WHERE site = $1"
NO_ANSWER = re.compile(r"Failed to load resource: |WebSocket connection to ")
UNAVAILABLE = {"error": {"code": "UNAVAILABLE", "message": "The server restarts: try again."}}
UNREACHABLE = "The server could not be reached. Check your connection, then try again."
IS_BUSY_IN_THE_NEXT_FRAME = """async button => {
  button.click();
  await new Promise(requestAnimationFrame);
  return button.dataset.busy === "true";
}"""
"""Unlike a time, it does not depend on how busy the machine is."""


async def half_filled(open_page: Open, studio: World, **options: Any) -> tuple[Any, Any]:
    """A Member's page, and its dialog that provisions a license."""
    page = await open_page(f"{URL}/licenses", studio.member, **options)
    await page.get_by_role("button", name="Provision a license").click()
    await page.get_by_role("option", name="Atelier").click()
    dialog = page.get_by_role("dialog", name="Provision a license")
    await dialog.get_by_label("Site").fill(SITE)
    return page, dialog


async def assert_kept(dialog: Any) -> None:
    assert await dialog.get_by_role("combobox", name="Theme").input_value() == "Atelier"
    assert await dialog.get_by_label("Site").input_value() == SITE


async def provision(page: Any, dialog: Any, studio: World) -> None:
    await dialog.get_by_role("button", name="Provision").click()
    await playwright.expect(page.get_by_text(f"Atelier is licensed for {SITE}.")).to_be_visible()
    assert await studio.superuser.fetchval(LICENSES, SITE) == 1


async def test_a_restart_of_the_server_loses_nothing(studio: World, open_page: Open) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    async with served(studio, port, origin) as (process, _):
        page, dialog = await half_filled(open_page, studio, origin=origin, expected=NO_ANSWER)
        list_page = await page.context.new_page()
        await list_page.goto(f"{URL}/team")
        await playwright.expect(list_page.get_by_text("3 members")).to_be_visible()
        process.kill()
        await asyncio.to_thread(process.wait, 10)

        await dialog.get_by_role("button", name="Provision").click()
        await list_page.get_by_role("searchbox").fill("Vera")
        await playwright.expect(dialog.get_by_role("alert")).to_contain_text(UNREACHABLE)
        await playwright.expect(list_page.get_by_role("alert")).to_contain_text(UNREACHABLE)

    async with served(studio, port, origin):
        await playwright.expect(list_page.get_by_text("1 member", exact=True)).to_be_visible()
        await assert_kept(dialog)
        await provision(page, dialog, studio)
        member_id = (await studio.member.ask("{ account { viewerMember { id } } }"))["account"][
            "viewerMember"
        ]
        await studio.admin.change(CHANGE_ROLE, memberId=member_id["id"], role="VIEWER")
        changed = page.get_by_text("Your role in Analytical Studio is now Viewer.")
        await playwright.expect(changed).to_be_visible()


async def test_who_was_signed_out_elsewhere_signs_in_and_continues(studio: World, open_page: Open) -> None:
    page, dialog = await half_filled(open_page, studio)
    elsewhere = await studio.sign_in("bob@example.com")

    await elsewhere.ask(REVOKE_OTHER_SESSIONS)

    ended = page.get_by_role("dialog", name="Your session has ended")
    await playwright.expect(ended.get_by_label("Email address")).to_have_value("bob@example.com")
    await ended.get_by_role("button", name="Email me a sign-in link").click()
    await playwright.expect(ended.get_by_text("a link is on its way")).to_be_visible()
    tab = await page.context.new_page()
    await tab.goto(f"/sign-in/{await studio.token_for('bob@example.com')}")
    await tab.get_by_role("main").get_by_role("button").click()
    await playwright.expect(ended).not_to_be_visible()
    await assert_kept(dialog)
    await provision(page, dialog, studio)


async def test_a_slow_change_is_pending_and_sent_once(studio: World, open_page: Open) -> None:
    page, dialog = await half_filled(open_page, studio)
    changes, answer = [], asyncio.Event()

    async def hold(route: Any) -> None:
        if "idempotencyKey" in route.request.post_data:
            changes.append(route.request)
            await answer.wait()
        await route.fallback()

    await page.route("**/graphql", hold)
    button = dialog.get_by_role("button", name="Provision")
    assert await button.evaluate(IS_BUSY_IN_THE_NEXT_FRAME)
    await button.click()
    await dialog.get_by_label("Site").press("Enter")
    await playwright.expect(button.get_by_role("img", name="in progress")).to_be_visible()
    answer.set()
    await playwright.expect(page.get_by_text(f"Atelier is licensed for {SITE}.")).to_be_visible()

    assert len(changes) == await studio.superuser.fetchval(LICENSES, SITE) == 1


async def test_failed_attempts_say_what_to_do_and_change_once(studio: World, open_page: Open) -> None:
    page, dialog = await half_filled(open_page, studio, expected=NO_ANSWER)
    keys = []

    async def fail(route: Any) -> None:
        if "idempotencyKey" not in route.request.post_data:
            await route.fallback()
            return
        keys.append(route.request.post_data_json["variables"]["input"]["idempotencyKey"])
        if len(keys) == 1:
            await route.fulfill(status=503, json=UNAVAILABLE)
        elif len(keys) == 2:
            await route.fulfill(status=503, body="<h1>Service Unavailable</h1>")
        elif len(keys) == 3:
            await route.fetch()
            await route.abort("connectionreset")
        else:
            await route.fallback()

    await page.route("**/graphql", fail)
    button = dialog.get_by_role("button", name="Provision")
    await button.click()
    await playwright.expect(dialog.get_by_role("alert")).to_have_text("The server restarts: try again.")
    await button.click()
    await playwright.expect(dialog.get_by_role("alert")).to_have_text(UNREACHABLE)
    await button.click()
    await playwright.expect(button.get_by_role("img", name="in progress")).not_to_be_visible()
    assert len(keys) == 3
    assert await studio.superuser.fetchval(LICENSES, SITE) == 1
    await playwright.expect(dialog.get_by_role("alert")).to_have_text(UNREACHABLE)
    await assert_kept(dialog)
    await provision(page, dialog, studio)

    assert len(keys) == 4
    assert len(set(keys)) == 1


async def test_two_tabs_show_the_same(studio: World, open_page: Open) -> None:
    page, dialog = await half_filled(open_page, studio)
    other = await page.context.new_page()
    await other.goto(f"{URL}/licenses")
    await playwright.expect(other.get_by_role("grid", name="Licenses")).to_be_visible()

    await provision(page, dialog, studio)
    await playwright.expect(other.get_by_role("link", name=SITE)).to_be_visible()
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Sign out").click()

    await playwright.expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await playwright.expect(other.get_by_role("dialog", name="Your session has ended")).to_be_visible()
