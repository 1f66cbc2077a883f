"""Entered values survive a reload of the page. Edits that are cancelled are forgotten."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.audit_streams import CREATE
from tests.support.browser import Open, playwright
from tests.support.world import GENERATE_API_KEY, World

ACCOUNT = "/accounts/analytical-studio"
TIME = "2031-05-06T07:08"


async def _nothing(studio: World) -> None: ...


async def _key(studio: World) -> None:
    await studio.admin.change(GENERATE_API_KEY, accountId=studio.account_id, name="Reports")


async def _stream(studio: World) -> None:
    await studio.admin.change(CREATE, accountId=studio.account_id, url="https://siem.example.com/audit")


@dataclass(frozen=True)
class Form:
    path: str
    clicks: tuple[str, ...]
    """What opens the form: names of buttons, then of items of a menu."""
    label: str
    text: str
    person: str = "ADMIN"
    begin: Callable[[World], Awaitable[None]] = _nothing

    async def open(self, page: Any) -> Any:
        """The field with this label."""
        for name in self.clicks:
            role = "menuitem" if name.endswith("…") else "button"
            await page.get_by_role(role, name=name).first.click()
        field = page.get_by_label(self.label, exact=True)
        await playwright.expect(field).to_be_visible()
        return field


EDITS = {
    "key": Form("keys", ("Actions for Reports", "Change …"), "Name", "Other", begin=_key),
    "access": Form("team", ("Actions for Bob Ross", "End of access …"), "Access until", TIME),
    "limits": Form("team", ("Actions for Bob Ross", "Limits …"), "Most active licenses", "7"),
    "account name": Form("account", ("Rename",), "Name of the account", "Other"),
    "account limits": Form("account", ("Change limits",), "Most active licenses", "7"),
    "security": Form("account", ("Change rules",), "Longest lifetime of an API key, in days", "7"),
    "stream": Form(
        "account", ("Actions for", "Change …"), "URL", "https://other.example.com/", begin=_stream
    ),
    "site": Form("licenses", ("Actions for", "Change the site …"), "New site", "other.example.com"),
    "expiry": Form("licenses", ("Actions for", "Change the expiry …"), "Expires", TIME),
    "invoices": Form("billing", ("Report",), "Issued from (optional)", TIME),
    "activity": Form("audit-log", ("Export",), "From (optional)", TIME, "MEMBER"),
    "filters": Form("audit-log", ("Filters",), "IP address", "192.0.2.7"),
}
"""Of what exists already, or of nothing that is kept."""


@pytest.mark.parametrize("form", EDITS.values(), ids=EDITS)
async def test_a_reload_keeps_an_edit_and_cancelling_forgets_it(
    studio: World, open_page: Open, form: Form
) -> None:
    await form.begin(studio)
    page = await open_page(f"{ACCOUNT}/{form.path}", studio.people[form.person])
    field = await form.open(page)
    saved = await field.input_value()
    await field.fill(form.text)

    await page.reload()

    field = await form.open(page)
    assert await field.input_value() == form.text
    await page.get_by_role("button", name="Cancel").click()
    assert await (await form.open(page)).input_value() == saved


@pytest.mark.parametrize(
    ("path", "label"), [("/you", "Name"), ("/accounts", "Name of the account")], ids=["person", "new account"]
)
async def test_a_reload_keeps_what_was_entered_on_a_page(
    studio: World, open_page: Open, path: str, label: str
) -> None:
    page = await open_page(path, studio.admin)
    await page.get_by_label(label).fill("Other")

    await page.reload()

    await playwright.expect(page.get_by_label(label)).to_have_value("Other")
