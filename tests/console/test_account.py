"""The console's Account page, used by people of each role."""

from typing import Any

import pytest

from tests.console.accessibility import violations
from tests.support.audit_streams import CREATE
from tests.support.browser import Open, playwright
from tests.support.world import World

PATH = "/accounts/analytical-studio/account"
ACCOUNT = """{ account { name owner { name } limits { maxActiveLicenses maxMonthlySpend { amount } }
  securityPolicy { maxSessionAgeSeconds apiKeyMaxLifetimeDays apiKeyRevokeUnusedAfterDays } } }"""

STREAMS = "{ account { auditStreams { nodes { url actions status previousSecretsExpireAt } } } }"
URL = "https://siem.example.com/audit"


async def open_account(open_page: Open, studio: World, role: str = "ADMIN", **options: Any) -> Any:
    page = await open_page(PATH, studio.people[role], **options)
    await playwright.expect(page.get_by_role("heading", name="Security policy")).to_be_visible()
    return page


@pytest.mark.parametrize(("role", "theme", "width"), [("ADMIN", "light", 1280), ("VIEWER", "dark", 320)])
async def test_each_role_sees_what_it_may(
    studio: World, open_page: Open, role: str, theme: str, width: int
) -> None:
    page = await open_account(open_page, studio, role, color_scheme=theme, width=width)

    may_manage = role == "ADMIN"
    buttons = ("Rename", "Change limits", "Change rules", "Transfer the ownership")
    assert [await page.get_by_role("button", name=name).count() for name in buttons] == [may_manage] * 4
    await playwright.expect(page.get_by_role("region", name="Audit streams")).to_have_count(int(may_manage))
    limits = page.get_by_role("region", name="Limits")
    await playwright.expect(limits).to_contain_text("3 of at most 25")
    assert ("this month" in await limits.inner_text()) is may_manage
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await violations(page) == []


async def test_the_account_is_renamed_and_limited(studio: World, open_page: Open) -> None:
    page = await open_account(open_page, studio)

    await page.get_by_role("button", name="Rename").click()
    await page.get_by_label("Name of the account").fill("Analytical Engines")
    await page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    await playwright.expect(page.get_by_role("dialog")).not_to_be_visible()
    await playwright.expect(page.get_by_role("banner")).to_contain_text("Analytical Engines")
    await page.get_by_role("button", name="Change limits").click()
    await page.get_by_label("Most active licenses").fill("2")
    await page.get_by_label("Most purchases in a month, in EUR").fill("1.2.3")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_text("Enter an amount such as 250 or 250.50")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_label("Most purchases in a month, in EUR").fill("250.5")
    await page.get_by_role("button", name="Save").click()

    limits = page.get_by_role("region", name="Limits")
    await playwright.expect(limits).to_contain_text("3 of at most 2")
    await playwright.expect(limits).to_contain_text("at most €250.50")
    account = (await studio.admin.ask(ACCOUNT))["account"]
    assert account["name"] == "Analytical Engines"
    assert account["limits"] == {"maxActiveLicenses": 2, "maxMonthlySpend": {"amount": "250.50"}}


async def test_a_refused_rule_is_reported_at_its_field(studio: World, open_page: Open) -> None:
    page = await open_account(open_page, studio)
    await page.get_by_role("button", name="Change rules").click()

    await page.get_by_label("Longest lifetime of an API key").fill("9999")
    await page.get_by_role("button", name="Save").click()

    await playwright.expect(page.get_by_text("This rule must be 1 to 3,650 days")).to_be_visible()
    await playwright.expect(page.get_by_label("Longest lifetime of an API key")).to_be_focused()
    assert await violations(page) == []
    await page.get_by_label("Longest lifetime of an API key").fill("90")
    await page.get_by_label("Revoke an API key").fill("30")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_text("Revoked after 30 days without a call")).to_be_visible()
    policy = (await studio.admin.ask(ACCOUNT))["account"]["securityPolicy"]
    assert policy == {
        "maxSessionAgeSeconds": None,
        "apiKeyMaxLifetimeDays": 90,
        "apiKeyRevokeUnusedAfterDays": 30,
    }


async def test_a_rule_that_ends_the_own_session_says_so(studio: World, open_page: Open) -> None:
    await studio.superuser.execute("UPDATE sessions SET created_at = created_at - interval '2 hours'")
    page = await open_account(open_page, studio)
    await page.get_by_role("button", name="Change rules").click()

    await page.get_by_label("Sign in again after").fill("1")
    await playwright.expect(page.get_by_text("Your own session is older than that")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Save").click()

    dialog = page.get_by_role("dialog", name="Sign in again")
    await playwright.expect(dialog).to_contain_text("Analytical Studio requires a new sign-in")
    assert await studio.superuser.fetchval("SELECT max_session_age_seconds FROM accounts") == 3_600
    again = await studio.sign_in("ada@example.com")
    cookie = {"name": "ta_session", "value": again.token, "url": studio.settings.public_url}
    await page.context.add_cookies([cookie])
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await playwright.expect(dialog).to_have_count(0)
    await playwright.expect(page.get_by_role("region", name="Security policy")).to_contain_text("1 hour")


async def test_the_owner_hands_the_account_over(studio: World, open_page: Open) -> None:
    page = await open_account(open_page, studio)
    await page.get_by_role("button", name="Transfer the ownership").click()
    dialog = page.get_by_role("alertdialog")

    await dialog.get_by_role("button", name="Transfer").click()
    await playwright.expect(dialog).to_contain_text("Choose the member who becomes the owner.")
    assert await violations(page) == []
    await dialog.get_by_role("combobox").fill("ver")
    await page.get_by_role("option", name="Vera Rubin").click()
    await dialog.get_by_role("button", name="Transfer").click()

    await playwright.expect(page.get_by_role("region", name="Owner")).to_contain_text("Vera Rubin")
    await playwright.expect(page.get_by_role("button", name="Transfer the ownership")).not_to_be_visible()
    assert (await studio.admin.ask(ACCOUNT))["account"]["owner"] == {"name": "Vera Rubin"}


async def test_an_audit_stream_is_created_with_a_secret_that_is_shown_once(
    studio: World, open_page: Open
) -> None:
    page = await open_account(open_page, studio)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Create an audit stream").click()
    await page.get_by_label("URL").fill(URL.replace("https", "http"))
    await page.get_by_text("Only events of these actions").click()
    await page.reload()
    await page.get_by_role("button", name="Create an audit stream").click()

    assert await page.get_by_label("URL").input_value() == URL.replace("https", "http")
    await page.get_by_text("Member joined").click()
    await page.get_by_role("button", name="Create", exact=True).click()
    await playwright.expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    assert await violations(page) == []
    await page.get_by_label("URL").fill(URL)
    await page.get_by_role("button", name="Create", exact=True).click()
    await page.get_by_role("button", name="Copy the secret").click()
    await playwright.expect(page.get_by_role("button", name="Copied the secret")).to_be_visible()
    assert (await page.evaluate("navigator.clipboard.readText()")).startswith("whsec_")
    assert await violations(page) == []
    await page.get_by_role("button", name="Done").click()

    streams = page.get_by_role("list", name="Audit streams")
    await playwright.expect(streams).to_contain_text("Events of 1 action, created by Ada Lovelace")
    await playwright.expect(page.get_by_text("whsec_")).to_have_count(0)
    assert await violations(page) == []
    (stream,) = (await studio.admin.ask(STREAMS))["account"]["auditStreams"]["nodes"]
    assert (stream["url"], stream["actions"], stream["status"]) == (URL, ["MEMBER_JOINED"], "ACTIVE")


async def test_an_audit_stream_is_watched_paused_rotated_and_deleted(studio: World, open_page: Open) -> None:
    await studio.admin.change(CREATE, accountId=studio.account_id, url=URL)
    page = await open_account(open_page, studio)
    streams = page.get_by_role("list", name="Audit streams")
    await playwright.expect(streams).to_contain_text("Nothing delivered yet, 1 event waits")

    await studio.superuser.execute(
        "UPDATE audit_streams SET failing_since = now(), last_error = 'The receiver answered 500.'"
    )
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await playwright.expect(streams).to_contain_text("The receiver answered 500.")
    assert await violations(page) == []
    await choose_action(page, "Pause")
    await playwright.expect(streams).to_contain_text("Paused")
    await choose_action(page, "Resume")
    await playwright.expect(streams).to_contain_text("Active")
    await choose_action(page, "Rotate the secret …")
    await page.get_by_role("button", name="Rotate", exact=True).click()
    await playwright.expect(page.get_by_text("whsec_")).to_be_visible()
    await page.get_by_role("button", name="Done").click()
    await playwright.expect(streams).to_contain_text("The previous secret signs too")
    await choose_action(page, "Change …")
    await page.get_by_label("URL").fill("https://other.example.com/")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(streams).to_contain_text("other.example.com")
    (stream,) = (await studio.admin.ask(STREAMS))["account"]["auditStreams"]["nodes"]
    assert stream["url"] == "https://other.example.com/"
    assert stream["previousSecretsExpireAt"] is not None
    await choose_action(page, "Delete …")
    await page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()

    await playwright.expect(page.get_by_text("None. Events stay in the audit log.")).to_be_visible()
    assert (await studio.admin.ask(STREAMS))["account"]["auditStreams"]["nodes"] == []


async def choose_action(page: Any, item: str) -> None:
    await page.get_by_role("button", name="Actions for").click()
    await page.get_by_role("menuitem", name=item, exact=True).click()
