"""The main job, by three people at once: invite, join, act within a role, read the audit log."""

import re
from typing import Any

from tests.invitations.test_invitation_delivery import working
from tests.support.browser import Open, playwright
from tests.support.smtp import Server, smtp_server
from tests.support.world import PURCHASE, World

URL = "/accounts/analytical-studio"
GRACE = "grace@example.com"
ATELIER = '{ theme(slug: "atelier") { id } }'
SITES = "SELECT array_agg(site) FROM licenses WHERE site LIKE '%.grace.example'"


async def link_of_the_email(smtp: Server) -> str:
    """Path of the link in the only email to Grace, once it has arrived."""
    await smtp.wait_for(lambda: any(email["To"] == GRACE for email in smtp.emails))
    (email,) = (email for email in smtp.emails if email["To"] == GRACE)
    body = email.get_body(("plain",))
    assert body is not None
    found = re.search(r"/join/[\w-]+", body.get_content())
    assert found, body.get_content()
    return found[0]


async def invite(admin: Any) -> None:
    await admin.get_by_role("button", name="Invite people").click()
    await admin.get_by_label("Email addresses").fill(f"Grace Hopper <{GRACE}>\n")
    await admin.get_by_role("button", name="Invite", exact=True).click()
    await playwright.expect(admin.get_by_text("1 person was invited.")).to_be_visible()
    await admin.get_by_role("button", name="Done").click()


async def fill_provision_form(page: Any, site: str) -> Any:
    await page.get_by_role("button", name="Provision a license").click()
    await page.get_by_role("option", name="Atelier").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Site").fill(site)
    return dialog


async def row(page: Any, summary: str) -> Any:
    found = page.get_by_role("row").filter(has_text=summary)
    await playwright.expect(found).to_have_count(1)
    return found


async def test_three_people_do_the_main_job_at_once(studio: World, open_page: Open) -> None:
    atelier = (await studio.admin.ask(ATELIER))["theme"]["id"]
    bought = [{"themeId": atelier, "quantity": 3}]
    await studio.admin.change(PURCHASE, accountId=studio.account_id, items=bought)
    admin = await open_page(f"{URL}/team", studio.admin)
    viewer = await open_page(f"{URL}/licenses", studio.viewer)
    await playwright.expect(viewer.get_by_role("grid", name="Licenses")).to_be_visible()

    # Grace joins by the emailed link, and is in the account.
    async with smtp_server() as smtp, working(studio, smtp.port):
        await invite(admin)
        grace = await open_page(await link_of_the_email(smtp))
    await grace.get_by_role("button", name="Join").click()
    await playwright.expect(grace.get_by_role("heading", name="Team", level=1)).to_be_visible()
    assert grace.url.endswith(f"{URL}/team")
    await playwright.expect(admin.get_by_role("row").filter(has_text=GRACE)).to_contain_text("Member")
    await playwright.expect(admin.get_by_text("4 members")).to_be_visible()

    # She provisions a license, which the Viewer sees on returning to the tab, without its key.
    await grace.get_by_role("link", name="Licenses").click()
    dialog = await fill_provision_form(grace, "www.grace.example")
    await dialog.get_by_role("button", name="Provision").click()
    await playwright.expect(dialog).to_contain_text("Atelier is licensed for www.grace.example.")
    await dialog.get_by_role("button", name="Done").click()
    await viewer.evaluate("window.dispatchEvent(new Event('focus'))")
    await viewer.get_by_role("link", name="www.grace.example").click()
    await playwright.expect(viewer.get_by_role("heading", name="www.grace.example")).to_be_visible()
    assert await viewer.get_by_role("button", name="Show the key").count() == 0

    # The Admin makes her a Viewer while she is about to provision another one.
    dialog = await fill_provision_form(grace, "second.grace.example")
    await admin.get_by_role("button", name="Actions for Grace").click()
    await admin.get_by_role("menuitemradio", name="Viewer").click()
    await playwright.expect(
        grace.get_by_text("Your role in Analytical Studio is now Viewer.")
    ).to_be_visible()
    button = grace.locator("main button", has_text="Provision a license")
    await playwright.expect(button).to_have_count(0)
    await admin.get_by_role("link", name="Audit log").click()
    await row(admin, "Grace provisioned Atelier for www.grace.example")
    await dialog.get_by_role("button", name="Provision").click()
    await playwright.expect(dialog.get_by_role("alert")).to_contain_text(
        "Your role does not allow this. An Admin of the account can change your role."
    )
    assert await dialog.get_by_label("Site").input_value() == "second.grace.example"
    assert await studio.superuser.fetchval(SITES) == ["www.grace.example"]

    # The log has all of it, with who did it, the refused attempt included.
    await admin.get_by_role("button", name=re.compile("new event")).click()
    refused = admin.get_by_role("row").filter(has_text="Denied").first
    await playwright.expect(refused).to_contain_text("Grace tried to provision a license")
    for summary, who in (
        ("changed the role of Grace", "Ada Lovelace"),
        ("Grace provisioned Atelier", "Grace"),
        ("Grace joined as Member", "Grace"),
        (f"Ada Lovelace invited {GRACE} as Member", "Ada Lovelace"),
    ):
        await playwright.expect(await row(admin, summary)).to_contain_text(who)
