"""Every action of the console shows that it was taken before the server has answered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from tests.support.audit_streams import CREATE
from tests.support.browser import Open, emails_delivered, playwright
from tests.support.changes import INVITE_ONE, SUSPEND_LICENSE
from tests.support.world import World

ACCOUNT = "/accounts/analytical-studio"
LICENSES = "{ account { licenses(first: 100) { nodes { id site } } } }"
SITE = "www.analytical.example"
PENDING = "[data-busy], .list-pending, main .loading, .dialog .loading"


def measurement(event: str, shown: str) -> str:
    """Script that measures, in the page, the time from the next event until `shown` is true."""
    return f"""() => {{
      window.shownAfter = null;
      addEventListener("{event}", () => {{
        const start = performance.now();
        const observer = new MutationObserver(() => {{
          if (!({shown})) return;
          window.shownAfter = performance.now() - start;
          observer.disconnect();
        }});
        observer.observe(document, {{attributes: true, characterData: true, childList: true, subtree: true}});
      }}, {{capture: true, once: true}});
    }}"""


Step = Callable[[Any], Awaitable[Any]]


class Action(NamedTuple):
    kind: str
    path: str
    begin: Step
    """Until the control is there that takes the action."""
    take: Step
    shown: str
    """Expression of JavaScript that is true once the page shows that the action was taken."""
    event: str = "pointerup"


def busy(scope: str = "main") -> str:
    return f"document.querySelector('{scope} [data-busy]') !== null"


def selector(text: str) -> str:
    return f"document.querySelector('{text}') !== null"


def row(name: str, text: str) -> str:
    """A row of a list has the text."""
    return (
        "[...document.querySelectorAll('main [role=row], main li')]"
        f".some(row => row.textContent.includes('{name}') && row.textContent.includes('{text}'))"
    )


def button(name: str) -> Step:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def item(name: str) -> Step:
    return lambda page: page.get_by_role("menu").get_by_text(name, exact=True).click()


async def revoke_dialog(page: Any) -> None:
    await button("Actions for grace@example.com")(page)
    await item("Revoke …")(page)


ACTIONS = (
    Action(
        "form of a dialog",
        f"{ACCOUNT}/team?view=invitations",
        revoke_dialog,
        lambda page: page.locator(".dialog").get_by_role("button", name="Revoke").click(),
        busy(".dialog"),
    ),
    Action(
        "form of a page",
        "/you",
        lambda page: page.get_by_label("Name", exact=True).fill("Ada King"),
        button("Save"),
        busy(),
    ),
    Action(
        "role of a member",
        f"{ACCOUNT}/team",
        button("Actions for Bob Ross"),
        item("Viewer"),
        row("Bob Ross", "Viewer"),
    ),
    Action(
        "new link of an invitation",
        f"{ACCOUNT}/team?view=invitations",
        button("Actions for grace@example.com"),
        item("Send a new link"),
        row("grace@example.com", "Email on its way"),
    ),
    Action(
        "role of an invitation",
        f"{ACCOUNT}/team?view=invitations",
        button("Actions for grace@example.com"),
        item("Viewer"),
        row("grace@example.com", "Viewer"),
    ),
    Action(
        "pause of a stream",
        f"{ACCOUNT}/account",
        button("Actions for siem.example.com"),
        item("Pause"),
        row("siem.example.com", "Paused"),
    ),
    Action(
        "reinstatement of a license",
        f"{ACCOUNT}/licenses",
        button(f"Actions for Atelier for {SITE}"),
        item("Reinstate"),
        row(SITE, "Active"),
    ),
    Action(
        "download",
        f"{ACCOUNT}/billing?view=invoices",
        lambda page: page.get_by_role("row").filter(has_text="INV-000001").wait_for(),
        lambda page: page.get_by_role("button", name="Download INV-000001 as PDF").click(),
        busy(),
    ),
    Action(
        "check",
        f"{ACCOUNT}/audit-log",
        lambda page: page.get_by_role("button", name="Check again").wait_for(),
        button("Check again"),
        busy(),
    ),
    Action(
        "filter",
        f"{ACCOUNT}/team",
        lambda page: page.get_by_role("grid", name="Members").wait_for(),
        lambda page: page.get_by_label("Role", exact=True).select_option("Admin"),
        selector(".list-pending"),
        "input",
    ),
    Action(
        "search",
        f"{ACCOUNT}/team",
        lambda page: page.get_by_role("grid", name="Members").wait_for(),
        lambda page: page.get_by_role("searchbox").press("b"),
        selector(".list-pending"),
        "input",
    ),
    Action(
        "dialog that loads",
        f"{ACCOUNT}/licenses",
        lambda page: page.get_by_role("grid", name="Licenses").wait_for(),
        button("Provision a license"),
        selector(".dialog .loading"),
    ),
    Action(
        "page",
        f"{ACCOUNT}/team",
        lambda page: page.get_by_role("grid", name="Members").wait_for(),
        lambda page: page.get_by_role("link", name="Licenses").click(),
        selector("main .loading"),
    ),
    Action(
        "sign-out",
        f"{ACCOUNT}/team",
        lambda page: page.get_by_role("grid", name="Members").wait_for(),
        button("Sign out"),
        busy("body"),
    ),
)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.kind)
async def test_an_action_is_shown_before_the_server_answers(
    studio: World, open_page: Open, action: Action, record_property: Callable[[str, object], None]
) -> None:
    await _arrange(studio)
    page = await open_page(action.path, studio.admin)
    is_answered = asyncio.Event()

    async def hold(route: Any) -> None:
        await is_answered.wait()
        await route.continue_()

    await action.begin(page)
    assert not await page.evaluate(action.shown)
    await page.route("**/graphql", hold)
    await page.evaluate(measurement(action.event, action.shown))

    await action.take(page)
    await page.wait_for_function("window.shownAfter !== null")
    assert await page.evaluate(action.shown)
    record_property("shown_after_milliseconds", round(await page.evaluate("window.shownAfter")))
    is_answered.set()

    await playwright.expect(page.locator(PENDING)).to_have_count(0)


async def _arrange(studio: World) -> None:
    """What the actions are about: an invitation whose email was sent, a suspended license, a stream."""
    await studio.admin.change(
        INVITE_ONE, accountId=studio.account_id, email="grace@example.com", role="MEMBER"
    )
    async with emails_delivered(studio):
        pass
    nodes = (await studio.admin.ask(LICENSES))["account"]["licenses"]["nodes"]
    (license_id,) = (node["id"] for node in nodes if node["site"] == SITE)
    await studio.admin.change(SUSPEND_LICENSE, licenseId=license_id, reason="Not paid.")
    url = "https://siem.example.com/audit"
    await studio.admin.change(CREATE, accountId=studio.account_id, url=url)
