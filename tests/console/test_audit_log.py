"""The console's Audit log page, used by people of each role."""

import asyncio
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.console.accessibility import violations
from tests.support.browser import Open, kept_texts, playwright, press_end_until
from tests.support.changes import INVITE_ONE
from tests.support.many_events import more_events
from tests.support.people import erased, joined
from tests.support.rewriting import rewrite
from tests.support.world import World

URL = "/accounts/analytical-studio/audit-log"
MANY = 20_000
FAR = 6_000
"""Many more rows than are kept."""
MOST_KEPT = 2_500
"""Rows of the pages that are kept, and of those that Relay is about to free."""
CHANGE_ROLE = """mutation ($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) {
  userErrors { message } } }"""
INTEGRITY = "{ account { auditIntegrity { headSequence headHash } } }"
EVENTS = """query ($filter: AuditLogFilter) { account { auditLog(first: 1, filter: $filter) {
  nodes { id sequence summary hash previousHash } } } }"""
AFTER_THEM = """UPDATE audit_heads SET (sequence, hash, occurred_at) = (
  SELECT sequence, hash, occurred_at FROM audit_events
  WHERE audit_events.account_id = audit_heads.account_id ORDER BY sequence DESC LIMIT 1)"""
"""Events that are appended now follow those of `more_events`."""
BUSY = {"errors": [{"message": "Busy.", "extensions": {"code": "OVERLOADED"}}]}
SEEN_ROWS_ARE_THERE = """() => {
  const isSeen = ({bottom, top}) => bottom > 0 && top < innerHeight;
  const rows = [...document.querySelectorAll("[data-index]")];
  const seen = rows.filter(row => isSeen(row.getBoundingClientRect()));
  return seen.length > 5 && !seen.some(row => row.ariaBusy);
}"""
ROWS = """() => [...document.querySelectorAll("[data-index]:not([aria-busy])")].map(
  row => [Number(row.dataset.index), Number(/number (\\d+)/.exec(row.innerText)[1])])"""


async def open_log(
    open_page: Open, studio: World, role: str = "ADMIN", query: str = "", **options: Any
) -> Any:
    page = await open_page(URL + query, studio.people[role], **options)
    await playwright.expect(page.get_by_role("grid", name="Events")).to_be_visible()
    return page


async def invite(studio: World, name: str) -> None:
    email = f"{name}@example.com"
    await studio.admin.change(INVITE_ONE, accountId=studio.account_id, email=email, role="VIEWER")


async def newest(studio: World, **filter: Any) -> dict[str, Any]:
    (node,) = (await studio.admin.ask(EVENTS, filter=filter))["account"]["auditLog"]["nodes"]
    return dict(node)


def filters_of(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", ["ADMIN", "MEMBER"])
async def test_each_role_sees_its_part(studio: World, open_page: Open, role: str, theme: str) -> None:
    page = await open_log(open_page, studio, role, color_scheme=theme)

    sees_all = role == "ADMIN"
    verified = page.get_by_text("Verified", exact=True)
    await playwright.expect(verified).to_have_count(int(sees_all))
    assert await page.get_by_role("row").filter(has_text="Vera Rubin").count() == (5 if sees_all else 0)
    assert await violations(page) == []
    await page.get_by_role("row").nth(1).press("Enter")
    await playwright.expect(page.get_by_role("dialog")).to_contain_text("Sequence number")
    assert await violations(page) == []


async def test_a_viewer_has_no_audit_log(studio: World, open_page: Open) -> None:
    page = await open_page(URL, studio.viewer)

    await playwright.expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    assert await page.get_by_role("link", name="Audit log").count() == 0


async def test_nothing_is_wider_than_a_small_phone(studio: World, open_page: Open) -> None:
    page = await open_log(
        open_page, studio, query="?actions=MEMBER_JOINED&credentialKinds=INVITATION", width=320
    )
    widths = [await page.evaluate("document.documentElement.scrollWidth")]

    for name in ("Filters", "Export", "What it means", "Bob Ross joined as Member"):
        await page.get_by_role("button", name=name).click()
        await playwright.expect(page.get_by_role("dialog")).to_be_visible()
        widths.append(await page.evaluate("document.documentElement.scrollWidth"))
        assert await violations(page) == []
        await page.keyboard.press("Escape")

    assert set(widths) == {320}


async def test_filters_are_in_the_url_and_stay(studio: World, open_page: Open) -> None:
    page = await open_log(open_page, studio)

    await page.get_by_role("searchbox").fill("pr")
    await playwright.expect(page.get_by_text("Enter at least three letters")).to_be_visible()
    await page.get_by_role("searchbox").fill("provision")
    await page.get_by_label("Outcome").select_option("Denied")
    await page.get_by_label("Time").select_option("Last hour")
    await page.get_by_role("button", name="Filters").click()
    await page.get_by_role("searchbox", name="Search actions").fill("license prov")
    await page.get_by_role("dialog").get_by_text("License provisioned").click()
    await page.get_by_role("combobox", name="Who").fill("vera")
    await page.get_by_role("option", name="Vera Rubin").click()
    await playwright.expect(page.get_by_role("row", name="Member: Vera Rubin")).to_be_focused()
    await page.get_by_label("IP address").fill("localhost")
    await page.get_by_role("button", name="Show events").click()
    await playwright.expect(page.get_by_text("This is not an IP address, such as")).to_be_visible()
    await playwright.expect(page.get_by_label("IP address")).to_be_focused()
    assert await violations(page) == []
    await page.get_by_label("IP address").fill("")
    await page.get_by_role("button", name="Show events").click()

    rows = page.get_by_role("grid", name="Events").get_by_role("row")
    tags = page.get_by_role("grid", name="Filters")
    await playwright.expect(tags).to_contain_text("Action: License provisioned")
    await page.reload()
    await playwright.expect(tags).to_contain_text("Who: Vera Rubin")
    await playwright.expect(page.get_by_text("1 event", exact=True)).to_be_visible()
    await playwright.expect(rows.nth(1)).to_contain_text("Vera Rubin tried to provision a license")
    filters = {name: value for name, (value,) in filters_of(page).items() if name != "actorIds"}
    expected = {"text": "provision", "outcome": "DENIED", "period": "hour", "actions": "LICENSE_PROVISIONED"}
    assert filters == expected
    await page.get_by_label("Outcome").select_option("Performed")
    await playwright.expect(page.get_by_text("No events")).to_be_visible()
    await tags.get_by_role("button").first.click()
    await page.get_by_role("button", name="Clear all").click()
    await playwright.expect(page.get_by_text(re.compile(r"^\d\d events$"))).to_be_visible()
    assert filters_of(page) == {}


async def test_the_focus_stays_in_the_page_after_the_last_filter(studio: World, open_page: Open) -> None:
    page = await open_log(open_page, studio, query="?actions=MEMBER_JOINED")
    tags = page.get_by_role("grid", name="Filters")
    await tags.get_by_role("row").focus()

    await page.keyboard.press("Delete")

    await playwright.expect(tags).to_have_count(0)
    await playwright.expect(page.get_by_text(re.compile(r"^\d\d events$"))).to_be_visible()
    await playwright.expect(page.locator("[data-index='0']")).to_be_focused()


class Sockets:
    """WebSockets of a page, whose connection a test can drop."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.is_up = asyncio.Event()
        self.is_up.set()
        self._open: list[Any] = []

    async def route(self, socket: Any) -> None:
        await self.is_up.wait()
        server = socket.connect_to_server()

        def forward(message: str) -> None:
            self.sent.append(json.loads(message))
            server.send(message)

        socket.on_message(forward)
        self._open.append(socket)

    async def drop(self) -> None:
        self.is_up.clear()
        self.sent.clear()
        for socket in self._open:
            await socket.close(code=1012)
        self._open.clear()


async def test_new_events_are_offered_and_none_is_missed(studio: World, open_page: Open) -> None:
    sockets = Sockets()
    page = await open_page("/accounts/analytical-studio/team", studio.admin)
    await page.route_web_socket("**/graphql", sockets.route)
    await page.goto(f"{URL}?actions=MEMBER_INVITED")
    first = page.get_by_role("grid", name="Events").get_by_role("row").nth(1)
    before = await first.inner_text()

    await invite(studio, "grace")
    await playwright.expect(page.get_by_role("button", name="Show 1 new event")).to_be_visible()
    assert await first.inner_text() == before
    assert await violations(page) == []
    seen = await newest(studio)
    await sockets.drop()
    await invite(studio, "alan")
    sockets.is_up.set()
    await page.get_by_role("button", name="Show 2 new events").click()

    await playwright.expect(first).to_contain_text("Ada Lovelace invited alan@example.com as Viewer")
    await playwright.expect(first).to_be_focused()
    (resumed,) = (each["payload"]["variables"] for each in sockets.sent if "afterSequence" in str(each))
    assert resumed["afterSequence"] == seen["sequence"]


async def test_an_event_is_shown_whole(studio: World, open_page: Open) -> None:
    person = await joined(studio, "Mallory", "mallory@example.com")
    await erased(studio, person)
    event = await newest(studio, actions=["MEMBER_JOINED"])
    page = await open_log(open_page, studio, query="?actions=MEMBER_JOINED")

    await page.get_by_role("button", name=event["summary"]).click()
    dialog = page.get_by_role("dialog")
    for text in (event["hash"], event["previousHash"], f"Sequence number{event['sequence']}"):
        await playwright.expect(dialog).to_contain_text(text)
    await playwright.expect(dialog).to_contain_text("Erased with the person: ")
    await playwright.expect(dialog).to_contain_text("Link of an invitation")
    await page.reload()
    await playwright.expect(dialog).to_contain_text(event["hash"])
    await dialog.get_by_role("link", name="All about it").click()

    await playwright.expect(dialog).not_to_be_visible()
    await playwright.expect(page.get_by_role("grid", name="Filters")).to_contain_text("Is about")
    await playwright.expect(page.get_by_role("row").filter(has_text=event["summary"])).to_be_visible()
    assert list(filters_of(page)) == ["targetId"]


async def test_the_log_is_exported_as_the_filters_show_it(studio: World, open_page: Open) -> None:
    page = await open_log(open_page, studio, query="?actions=MEMBER_INVITED")

    await page.get_by_role("button", name="Export").click()
    await page.get_by_text("IP address", exact=True).click()
    await page.get_by_text("Name of who acted").click()
    assert await violations(page) == []
    async with page.expect_download() as saving:
        await page.get_by_role("dialog").get_by_role("button", name="Export").click()
    path = await (await saving.value).path()

    await playwright.expect(page.get_by_text("Your browser is saving")).to_be_visible()
    *events, end = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert {event["action"] for event in events} == {"MEMBER_INVITED"}
    assert all("commitment" in event["actorName"] for event in events)
    assert (end["filtered"], sorted(end["withheld"])) == (True, ["actorName", "ip"])


async def test_a_report_that_is_too_long_is_refused_at_its_format(studio: World, open_page: Open) -> None:
    await more_events(studio, 5_001)
    page = await open_log(open_page, studio)

    await page.get_by_role("button", name="Export").click()
    await page.get_by_text("PDF", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Export").click()

    await playwright.expect(page.locator(".field-error")).to_contain_text("5,000")
    assert await violations(page) == []


async def test_a_member_exports_its_license_activity(studio: World, open_page: Open) -> None:
    page = await open_log(open_page, studio, "MEMBER")

    await page.get_by_role("button", name="Export").click()
    async with page.expect_download() as saving:
        await page.get_by_role("dialog").get_by_role("button", name="Export").click()
    text = (await (await saving.value).path()).read_text(encoding="utf-8")

    assert "LICENSE_PROVISIONED" in text
    assert "Ada Lovelace" not in text


async def test_a_changed_event_is_reported(studio: World, open_page: Open) -> None:
    page = await open_log(open_page, studio)
    head = (await studio.admin.ask(INTEGRITY))["account"]["auditIntegrity"]
    text = f"All events up to number {head['headSequence']} are as they were recorded."
    await playwright.expect(page.get_by_role("region", name="Integrity")).to_contain_text(text)
    await page.get_by_role("button", name="What it means").click()
    await playwright.expect(page.get_by_role("dialog")).to_contain_text(head["headHash"])
    await page.keyboard.press("Escape")

    await rewrite(studio.superuser, "UPDATE audit_events SET outcome = 'DENIED' WHERE sequence = 3")
    await page.get_by_role("button", name="Check again").click()

    await playwright.expect(
        page.get_by_text("Event 3 was changed, removed, inserted or moved.")
    ).to_be_visible()
    assert await violations(page) == []


async def test_20000_events_scroll_with_few_rows_in_memory(studio: World, open_page: Open) -> None:
    await more_events(studio, MANY)
    await studio.superuser.execute(AFTER_THEM)
    page = await open_log(open_page, studio)
    await page.get_by_role("row").nth(1).focus()

    await press_end_until(page, FAR)
    await expect_rows_in_place(page)
    assert await page.locator("[data-index]").count() < 60
    assert await kept_texts(page, "Somebody joined as Member, number ") < MOST_KEPT
    await fail_pages(page)
    await page.mouse.wheel(0, -400_000)
    await playwright.expect(page.get_by_text("Not all events could be loaded.")).to_be_in_viewport()
    await page.unroute("**/graphql")
    await page.get_by_role("button", name="Try again").click()
    await expect_rows_in_place(page)
    await invite(studio, "grace")
    await playwright.expect(page.get_by_role("button", name="Show 1 new event")).to_be_visible()
    for _ in range(6):
        await page.mouse.wheel(0, -30_000)
        await expect_rows_in_place(page)
    assert await kept_texts(page, "Somebody joined as Member, number ") < MOST_KEPT
    await page.locator("[data-index][tabindex='0']").press("Home")

    await playwright.expect(page.locator("[data-index='0']")).to_be_focused()
    await expect_rows_in_place(page)


async def test_try_again_covers_requests_that_fail_after_it(studio: World, open_page: Open) -> None:
    await more_events(studio, MANY)
    page = await open_log(open_page, studio)
    await page.get_by_role("row").nth(1).focus()
    await press_end_until(page, 2_000)
    await expect_rows_in_place(page)
    are_two, is_up, is_pressed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    failed: list[Any] = []

    async def fail(route: Any) -> None:
        if is_up.is_set():
            await route.continue_()
            return
        failed.append(route)
        if len(failed) == 1:
            await are_two.wait()
        else:
            are_two.set()
            await is_pressed.wait()
        await route.fulfill(json=BUSY)

    await page.route("**/graphql", fail)
    await page.evaluate("scrollTo(0, document.querySelector('.table-body').offsetTop + 400 * 68)")
    await playwright.expect(page.get_by_text("Not all events could be loaded.")).to_be_in_viewport()
    is_up.set()
    await page.get_by_role("button", name="Try again").click()
    is_pressed.set()

    await expect_rows_in_place(page)
    await playwright.expect(page.get_by_text("Not all events could be loaded.")).to_have_count(0)
    await playwright.expect(page.locator("[data-index]:focus")).to_have_count(1)


async def expect_rows_in_place(page: Any) -> None:
    """Rows that fill the window, each with the event that belongs there."""
    await page.wait_for_function(SEEN_ROWS_ARE_THERE)
    rows = await page.evaluate(ROWS)
    assert [number for _, number in rows] == [MANY - 1 - index for index, _ in rows]


async def fail_pages(page: Any) -> None:
    await page.route("**/graphql", lambda route: route.fulfill(json=BUSY))
