"""The console's Licenses page, used by people of each role."""

import re
from typing import Any

import pytest

from tests.console.accessibility import violations
from tests.support.browser import Open, playwright, press_end_until
from tests.support.changes import REVOKE_LICENSE, SET_LIMITS, SUSPEND_LICENSE
from tests.support.world import World
from web.app_state import State

URL = "/accounts/analytical-studio/licenses"
LICENSES = """{ account { licenses(first: 100) { nodes {
  id site status key expiresAt revokedReason theme { name } holder { name } } } } }"""
EVENTS = "query ($id: ID!) { account { auditLog(filter: { targetId: $id }) { nodes { action } } } }"
OWN = "www.analytical.example"
"""Site of a license that Bob holds."""
OTHER = "shop.analytical.example"
"""Site of a license that Ada holds."""


async def open_licenses(
    open_page: Open, studio: World, role: str = "ADMIN", query: str = "", **options: Any
) -> Any:
    page = await open_page(URL + query, studio.people[role], **options)
    await page.get_by_role("grid", name="Licenses").wait_for()
    return page


async def open_license(page: Any, site: str) -> None:
    await page.get_by_role("link", name=site).click()
    await playwright.expect(page.get_by_role("heading", name=site, level=1)).to_be_visible()


async def choose_action(page: Any, item: str) -> Any:
    """The dialog that opens."""
    await page.get_by_role("button", name="Actions").click()
    await page.get_by_role("menuitem", name=item).click()
    return page.locator(".dialog")


async def license_of(studio: World, site: str) -> dict[str, Any]:
    nodes = (await studio.admin.ask(LICENSES))["account"]["licenses"]["nodes"]
    (found,) = (each for each in nodes if each["site"] == site)
    return dict(found)


async def verify(studio: World, site: str, **members: str) -> str:
    key = (await license_of(studio, site))["key"]
    answer = await studio.http.post("/licenses/verify", json={"key": key, "site": site, **members})
    status: str = answer.json()["status"]
    return status


@pytest.mark.parametrize(("role", "theme"), [("ADMIN", "dark"), ("MEMBER", "light"), ("VIEWER", "dark")])
async def test_each_role_sees_what_it_may(studio: World, open_page: Open, role: str, theme: str) -> None:
    page = await open_licenses(open_page, studio, role, "?status=ALL", color_scheme=theme)

    may_provision, may_manage = role != "VIEWER", role == "ADMIN"
    assert await page.get_by_role("button", name="Provision a license").count() == may_provision
    assert await page.get_by_label("Status", exact=True).count() == may_provision
    # Bob provisioned the one that was revoked.
    assert await page.get_by_role("link", name="old.analytical.example").count() == may_provision
    assert await page.get_by_role("button", name=f"Actions for Atelier for {OWN}").count() == may_provision
    assert await page.get_by_role("button", name=f"Actions for Cirrus for {OTHER}").count() == may_manage
    await page.get_by_role("button", name="Filters").click()
    await playwright.expect(page.get_by_label("Last check")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("link", name="Purchased").click()
    await playwright.expect(page.get_by_role("grid", name="Purchased licenses")).to_contain_text("Atelier")
    assert await violations(page) == []

    await page.get_by_role("link", name="All licenses").click()
    await open_license(page, OTHER)
    history = page.get_by_text("Ada Lovelace provisioned Cirrus for shop.analytical.example")
    await playwright.expect(history).to_have_count(int(may_manage))
    assert await page.get_by_role("button", name="Show the key").count() == may_manage
    assert await page.get_by_role("button", name="Actions").count() == may_manage
    assert await violations(page) == []


async def test_nothing_is_wider_than_a_small_phone(studio: World, open_page: Open) -> None:
    page = await open_licenses(open_page, studio, "MEMBER", width=320)
    widths = [await page.evaluate("document.documentElement.scrollWidth")]
    await page.get_by_role("button", name="Filters").click()
    await page.get_by_role("button", name="Provision a license").click()
    await playwright.expect(page.get_by_role("option", name="Atelier")).to_be_visible()
    widths.append(await page.evaluate("document.documentElement.scrollWidth"))
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Cancel").click()
    await open_license(page, OWN)
    await page.get_by_role("button", name="Show the key").click()
    await playwright.expect(page.get_by_role("button", name="Copy the license key")).to_be_visible()
    widths.append(await page.evaluate("document.documentElement.scrollWidth"))

    assert set(widths) == {320}
    assert await violations(page) == []


async def test_a_member_provisions_a_license_and_copies_its_key(studio: World, open_page: Open) -> None:
    page = await open_licenses(open_page, studio, "MEMBER")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Provision a license").click()
    dialog = page.get_by_role("dialog")
    await playwright.expect(page.get_by_role("option", name="Atelier")).to_contain_text("12 of 13 left")
    await page.get_by_role("option", name="Atelier").click()
    await dialog.get_by_label("Site").fill(OWN)
    await dialog.get_by_role("button", name="Provision").click()
    await playwright.expect(dialog).to_contain_text(f"{OWN} already has a license of Atelier")
    await playwright.expect(dialog.get_by_label("Site")).to_be_focused()
    assert await violations(page) == []

    # A reload keeps what was entered; a site is also read from a URL.
    await page.reload()
    await page.get_by_role("button", name="Provision a license").click()
    assert await dialog.get_by_role("combobox", name="Theme").input_value() == "Atelier"
    await page.keyboard.press("Escape")
    await dialog.get_by_label("Site").fill("https://New.Example.com/start")
    await dialog.get_by_role("button", name="Provision").click()
    await playwright.expect(dialog).to_contain_text("Atelier is licensed for new.example.com.")
    await dialog.get_by_role("button", name="Copy the license key").click()
    await playwright.expect(dialog.get_by_text("Copied", exact=True)).to_be_visible()
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Done").click()

    await playwright.expect(page.get_by_role("row").nth(1)).to_contain_text("new.example.com")
    license = await license_of(studio, "new.example.com")
    assert (license["theme"]["name"], license["holder"]["name"]) == ("Atelier", "Bob Ross")
    assert await page.evaluate("navigator.clipboard.readText()") == license["key"]


async def test_an_admin_manages_a_license(studio: World, open_page: Open) -> None:
    page = await open_licenses(open_page, studio)
    await open_license(page, OWN)
    before = await license_of(studio, OWN)

    dialog = await choose_action(page, "Change the site …")
    await dialog.get_by_label("New site").fill("moved.example.com")
    await dialog.get_by_role("button", name="Change").click()
    await playwright.expect(page.get_by_role("heading", name="moved.example.com", level=1)).to_be_visible()

    dialog = await choose_action(page, "Transfer …")
    await dialog.get_by_role("combobox").fill("ver")
    await page.get_by_role("option", name="Vera Rubin").click()
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Transfer").click()
    await playwright.expect(page.get_by_role("definition").first).to_have_text("Vera Rubin")

    dialog = await choose_action(page, "Change the expiry …")
    await dialog.get_by_label("Expires").fill("2020-01-01T12:00")
    await dialog.get_by_role("button", name="Save").click()
    await playwright.expect(dialog.get_by_label("Expires")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label("Expires").fill("2100-01-01T12:00")
    await dialog.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_text("Jan 1, 2100")).to_be_visible()

    dialog = await choose_action(page, "Rotate the key …")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Rotate the key").click()
    await playwright.expect(dialog).to_contain_text("The old key no longer works.")
    license = await license_of(studio, "moved.example.com")
    await playwright.expect(dialog).to_contain_text(license["key"])
    await dialog.get_by_role("button", name="Done").click()
    await playwright.expect(page.get_by_role("button", name="Actions")).to_be_focused()

    assert license["key"] != before["key"]
    assert license["expiresAt"].startswith("2100-01-01")
    history = page.get_by_role("region", name="History")
    await playwright.expect(history.get_by_role("listitem")).to_have_count(5)
    assert await violations(page) == []
    link = history.get_by_role("link", name="Open in the audit log")
    await playwright.expect(link).to_have_attribute("href", re.compile("/audit-log.targetId=license_"))


async def test_an_admin_suspends_reinstates_and_revokes(studio: World, open_page: Open) -> None:
    page = await open_licenses(open_page, studio)
    await open_license(page, OWN)
    title = page.get_by_role("heading", level=1)

    dialog = await choose_action(page, "Suspend …")
    await dialog.get_by_role("button", name="Suspend").click()
    await playwright.expect(dialog).to_contain_text("A reason is required")
    await playwright.expect(dialog.get_by_label("Reason")).to_be_focused()
    await dialog.get_by_label("Reason").fill("Not paid.")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Suspend").click()
    await playwright.expect(title).to_contain_text("Suspended")
    assert await verify(studio, OWN) == "SUSPENDED"

    await studio.admin.change(SET_LIMITS, accountId=studio.account_id, maxActiveLicenses=2)
    await choose_action(page, "Reinstate")
    await playwright.expect(page.get_by_text("The account's limit is 2 active licenses")).to_be_visible()
    await playwright.expect(title).to_contain_text("Suspended")
    await studio.admin.change(SET_LIMITS, accountId=studio.account_id, maxActiveLicenses=None)
    await choose_action(page, "Reinstate")
    await playwright.expect(page.get_by_text(f"Atelier for {OWN} is active again.")).to_be_visible()
    await playwright.expect(title).to_contain_text("Active")
    await playwright.expect(page.get_by_text("is active again.")).to_be_visible()
    assert await verify(studio, OWN) == "VALID"

    dialog = await choose_action(page, "Revoke …")
    await dialog.get_by_label("Reason").fill("The site was taken down.")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Revoke").click()
    await playwright.expect(title).to_contain_text("Revoked")
    await playwright.expect(page.get_by_text(re.compile("by you: The site was taken down."))).to_be_visible()
    assert await page.get_by_role("button", name="Actions").count() == 0
    license = await license_of(studio, OWN)
    assert (license["status"], license["revokedReason"]) == ("REVOKED", "The site was taken down.")


async def test_a_refused_change_says_why(studio: World, open_page: Open) -> None:
    page = await open_licenses(open_page, studio, "MEMBER")
    id = (await license_of(studio, OWN))["id"]
    await page.get_by_role("button", name=f"Actions for Atelier for {OWN}").click()
    await page.get_by_role("menuitem", name="Change the site …").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("New site").fill("moved.example.com")
    await studio.admin.change(REVOKE_LICENSE, licenseId=id, reason="Not paid.")

    await dialog.get_by_role("button", name="Change").click()

    await playwright.expect(dialog.get_by_role("alert")).to_contain_text("revoked permanently")
    assert (await license_of(studio, OWN))["status"] == "REVOKED"


async def test_a_holder_downloads_a_certificate(studio: World, open_page: Open) -> None:
    page = await open_licenses(open_page, studio, "MEMBER")
    await open_license(page, OWN)

    dialog = await choose_action(page, "Issue a certificate …")
    await dialog.get_by_label("Valid for").select_option("7 days")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Issue").click()
    async with page.expect_download() as downloading:
        await dialog.get_by_role("button", name="Download").click()
    assert await violations(page) == []

    download = await downloading.value
    assert download.suggested_filename == f"{OWN}.jwt"
    content = (await download.path()).read_text(encoding="ascii")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", content)
    id = (await license_of(studio, OWN))["id"]
    events = (await studio.admin.ask(EVENTS, id=id))["account"]["auditLog"]["nodes"]
    assert events[0]["action"] == "LICENSE_CERTIFICATE_ISSUED"


async def test_filters_are_in_the_url_and_survive_the_way_back(
    studio: World, open_page: Open, app_state: State
) -> None:
    assert await verify(studio, OWN, version="1.0.0") == "VALID"
    await app_state.license_check_notes.close()
    id = (await license_of(studio, OTHER))["id"]
    await studio.admin.change(SUSPEND_LICENSE, licenseId=id, reason="Not paid.")
    page = await open_licenses(open_page, studio)
    await page.get_by_role("button", name="Filters").click()

    await page.get_by_role("combobox", name="Theme").fill("ate")
    await page.get_by_role("option", name="Atelier").click()
    await page.get_by_label("Installed").select_option("1.0.0")
    await page.get_by_role("combobox", name="Holder").fill("bob")
    await page.get_by_role("option", name="Bob Ross").click()
    row = page.get_by_role("row").nth(1)
    await playwright.expect(row).to_contain_text(re.compile("1.0.0.*Checked just now"))
    await playwright.expect(page.get_by_text("1 license", exact=True)).to_be_visible()
    await open_license(page, OWN)
    await page.reload()
    await page.get_by_role("link", name="← Licenses").click()

    await playwright.expect(page.get_by_role("button", name="Filters (3)")).to_be_visible()
    assert await page.get_by_role("combobox", name="Holder").input_value() == "Bob Ross"
    await page.get_by_role("button", name="Clear the filters").click()
    await page.get_by_label("Status", exact=True).select_option("Suspended")
    await playwright.expect(page.get_by_role("row").nth(1)).to_contain_text(OTHER)
    await page.get_by_role("link", name="Held by you").click()
    await playwright.expect(page.get_by_text("1 license", exact=True)).to_be_visible()
    await page.get_by_role("searchbox").fill("nothing like it")
    await playwright.expect(page.get_by_text("No license matches")).to_be_visible()


async def test_another_accounts_license_is_not_found(studio: World, open_page: Open) -> None:
    page = await open_page(f"{URL}/{studio.account_id}", studio.viewer)

    await playwright.expect(page.get_by_role("heading", name="License not found")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("link", name="← Licenses").click()
    await playwright.expect(page.get_by_role("grid", name="Licenses")).to_be_visible()


async def test_many_licenses_scroll_with_few_rows_in_the_document(studio: World, open_page: Open) -> None:
    await studio.superuser.execute(
        """INSERT INTO licenses SELECT (jsonb_populate_record(license, jsonb_build_object(
             'id', gen_random_uuid(), 'key', 'TL-TEST-' || n, 'site', host, 'site_folded', host))).*
           FROM licenses license, generate_series(1, 250) n, concat('s', n, '.example.com') host
           WHERE license.site = $1""",
        OWN,
    )
    page = await open_licenses(open_page, studio, query="?order=SITE")
    await playwright.expect(page.get_by_text("253 licenses")).to_be_visible()

    await page.get_by_role("row").nth(1).focus()
    await press_end_until(page, 252)

    await playwright.expect(page.locator("[data-index='252']")).to_be_focused()
    await playwright.expect(page.get_by_role("row").last).to_contain_text(OWN)
    assert await page.get_by_role("row").count() < 80


@pytest.mark.parametrize("item", ["Transfer …", None], ids=["holder", "theme"])
async def test_the_list_of_a_picker_does_not_cover_its_problem(
    studio: World, open_page: Open, item: str | None
) -> None:
    page = await open_licenses(open_page, studio)
    if item is None:
        await page.get_by_role("button", name="Provision a license").click()
    else:
        await open_license(page, OTHER)
        await choose_action(page, item)
    picker = page.get_by_role("combobox", name="New holder" if item else "Theme")
    await playwright.expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    await picker.press("Escape")

    await page.locator(".dialog button[type=submit]").click()

    await playwright.expect(picker).to_have_attribute("aria-invalid", "true")
    await playwright.expect(picker).to_be_focused()
    await page.locator(".dialog .field-error").first.hover()
    await playwright.expect(page.get_by_role("listbox")).to_have_count(0)
    await picker.press("ArrowDown")
    await playwright.expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
