"""Signing in and joining in Chromium: links belong to a browser, and forms of other sites are refused."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.support.browser import Open, playwright
from tests.support.changes import INVITE_ONE
from tests.support.links import emailed_link
from tests.support.world import World

BOB = "bob@example.com"
CONSOLE = re.compile(r"http://[^/]+/(accounts/.+)?$")
SESSIONS = (
    "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE email = $1 AND ended_at IS NULL"
)


async def ask_for_link(world: World, page: Any) -> str:
    await page.get_by_label("Your email address").fill(BOB)
    await page.get_by_role("button", name="Email me a sign-in link").click()
    await playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    return f"/sign-in/{await world.token_for(BOB)}"


async def signed_in_as(page: Any, email: str) -> None:
    """In the console. GraphiQL's page has the address."""
    await page.wait_for_url(CONSOLE)
    answer = await page.context.request.get("/graphql", headers={"accept": "text/html"})
    assert email in await answer.text()


async def test_the_browser_that_asked_signs_in_by_one_click(studio: World, open_page: Open) -> None:
    page = await open_page("/sign-in")
    await page.goto(await ask_for_link(studio, page))

    await page.get_by_role("button", name="Sign in").dblclick()

    await signed_in_as(page, BOB)


async def test_another_browser_types_the_address(studio: World, open_page: Open) -> None:
    link = await ask_for_link(studio, await open_page("/sign-in"))
    other = await open_page(link, width=320)

    assert await other.evaluate("document.documentElement.scrollWidth") == 320
    await other.get_by_label("Your email address").fill(BOB)
    await other.get_by_role("button", name="Sign in").click()

    await signed_in_as(other, BOB)


async def test_a_double_click_without_javascript_opens_one_session(
    studio: World,
    open_page: Open,
) -> None:
    before = await studio.superuser.fetchval(SESSIONS, BOB)
    path = f"/sign-in/{await emailed_link(studio, BOB)}"
    page = await open_page(path, java_script_enabled=False)

    await page.get_by_role("button", name="Sign in").dblclick()

    await signed_in_as(page, BOB)
    assert await studio.superuser.fetchval(SESSIONS, BOB) == before + 1


async def test_somebody_who_exists_joins_and_asks_for_a_link(studio: World, open_page: Open) -> None:
    stranger = await studio.found("Trap", "stranger@example.com")
    account_id = (await stranger.ask("{ account { id } }"))["account"]["id"]
    await stranger.change(INVITE_ONE, accountId=account_id, email=BOB, role="VIEWER")
    page = await open_page(f"/join/{await studio.token_for(BOB)}")

    await page.get_by_role("button", name="Join").click()
    await playwright.expect(page.get_by_role("heading", level=1)).to_have_text("You joined Trap")
    cookies = {cookie["name"] for cookie in await page.context.cookies()}
    await page.get_by_role("button", name="Email me a sign-in link").click()
    await playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")
    await page.goto(f"/sign-in/{await studio.token_for(BOB)}")
    await page.get_by_role("button", name="Sign in").click()

    assert "ta_session" not in cookies
    await signed_in_as(page, BOB)


async def test_a_form_of_a_sibling_site_signs_nobody_in(studio: World, browser: Any) -> None:
    """To a browser, another port of a host is the same site, which gets cookies, and another origin."""
    target = f"{studio.settings.public_url}/sign-in/{await emailed_link(studio, BOB)}"
    form = f'<form method="post" action="{target}"><button>Win a prize</button></form>'

    class Sibling(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(form.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sibling)
    Thread(target=server.serve_forever, daemon=True).start()
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{server.server_port}/")
        await page.get_by_role("button", name="Win a prize").click()
        await playwright.expect(page.get_by_role("heading", level=1)).to_have_text(
            "This form was not sent from this site"
        )
        cookies = {cookie["name"] for cookie in await context.cookies()}
    finally:
        server.shutdown()
        await context.close()

    assert cookies == set()
