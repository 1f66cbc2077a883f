"""The console's page of API keys, used by people of each role."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.console.accessibility import violations
from tests.support.browser import Open, playwright
from tests.support.changes import CHANGE_ROLE, SET_SECURITY_POLICY
from tests.support.world import CLAIM_API_KEY, GENERATE_API_KEY, Person, World

KEYS = """{ account { apiKeys(first: 10) { nodes {
  name status scopes expiresAt allowedNetworks member { name } } } } }"""
VIEWER_NAME = "{ viewer { user { name } } }"
MEMBER_ID = "{ account { viewerMember { id } } }"
PATH = "/accounts/analytical-studio/keys"


async def only_key(studio: World) -> dict[str, Any]:
    (key,) = (await studio.admin.ask(KEYS))["account"]["apiKeys"]["nodes"]
    return dict(key)


async def key_of_bob(studio: World, **input: Any) -> str:
    """Secret of a key that Bob has claimed."""
    member_id = (await studio.member.ask(MEMBER_ID))["account"]["viewerMember"]["id"]
    await studio.admin.change(
        GENERATE_API_KEY, accountId=studio.account_id, memberId=member_id, name="Webshop", **input
    )
    payload = await studio.nobody.change(CLAIM_API_KEY, token=await studio.token_for("bob@example.com"))
    return str(payload["secret"])


async def choose_action(page: Any, item: str, name: str = "Actions") -> None:
    await page.get_by_role("button", name=name, exact=True).click()
    await page.get_by_role("menuitem", name=item).click()


async def close_secret(page: Any) -> str:
    """Answers what closing asks. Returns the secret that was shown."""
    secret = str(await page.get_by_role("dialog").locator("code").first.text_content())
    await page.get_by_role("button", name="Close").last.click()
    await page.get_by_role("button", name="I have stored it").click()
    await playwright.expect(page.get_by_role("dialog")).to_have_count(0)
    return secret


async def test_only_roles_with_api_access_have_the_page(studio: World, open_page: Open) -> None:
    await key_of_bob(studio)
    page = await open_page(PATH, studio.member)
    await playwright.expect(page.get_by_role("link", name="Webshop")).to_be_visible()
    assert await page.get_by_role("link", name="All keys").count() == 0
    assert await page.get_by_role("button", name="Generate a key").count() == 0

    viewer = await open_page("/", studio.viewer)
    await playwright.expect(viewer.get_by_role("link", name="Team", exact=True)).to_be_visible()
    assert await viewer.get_by_role("link", name="API keys").count() == 0
    await viewer.goto(PATH)
    await playwright.expect(viewer.get_by_role("heading", name="Page not found")).to_be_visible()

    admin = await open_page(PATH, studio.admin)
    await playwright.expect(admin.get_by_text("No API keys yet")).to_be_visible()
    await admin.get_by_role("link", name="All keys").click()
    await playwright.expect(admin.get_by_role("row").filter(has_text="Bob Ross")).to_contain_text("Webshop")


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
async def test_a_member_who_became_a_viewer_revokes_its_keys(
    studio: World, open_page: Open, theme: str, width: int
) -> None:
    await key_of_bob(studio)
    page = await open_page("/accounts/analytical-studio/team", studio.member, color_scheme=theme, width=width)
    await playwright.expect(page.get_by_role("grid", name="Members")).to_be_visible()
    member_id = (await studio.member.ask(MEMBER_ID))["account"]["viewerMember"]["id"]
    await studio.admin.change(CHANGE_ROLE, memberId=member_id, role="VIEWER")
    await playwright.expect(page.get_by_text("Your role in Analytical Studio is now Viewer.")).to_be_visible()

    await page.get_by_role("link", name="API keys").click()
    await playwright.expect(page.get_by_text("your keys are refused until it does")).to_be_visible()
    assert await violations(page) == []
    await page.reload()
    await page.get_by_role("link", name="Webshop").click()
    await playwright.expect(page.get_by_text("The key is refused now")).to_be_visible()
    assert await violations(page) == []
    await choose_action(page, "Revoke …")
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()

    await playwright.expect(page.get_by_role("heading", level=1)).to_contain_text("Revoked")
    assert (await only_key(studio))["status"] == "REVOKED"


async def test_a_key_of_ones_own_is_generated_used_and_revoked(studio: World, open_page: Open) -> None:
    page = await open_page(PATH, studio.admin, permissions=["clipboard-read", "clipboard-write"])

    await page.get_by_role("button", name="Generate a key").click()
    await page.get_by_label("Name", exact=True).fill("Reports")
    networks = page.get_by_label("Allowed networks")
    await networks.fill("127.0.0.0/8\nnonsense")
    await page.get_by_role("button", name="Generate", exact=True).click()
    await playwright.expect(page.get_by_text("'nonsense' is no network")).to_be_visible()
    await playwright.expect(networks).to_be_focused()
    assert await violations(page) == []
    await networks.fill("127.0.0.0/8")
    await page.get_by_role("button", name="Generate", exact=True).click()
    await playwright.expect(
        page.get_by_text("This is the only time that the secret is shown.")
    ).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Copy the secret").click()
    await playwright.expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Show it again").click()
    secret = await close_secret(page)
    await playwright.expect(page.get_by_role("button", name="Generate a key")).to_be_focused()

    script = Person(studio.http, token=secret)
    assert copied == secret
    assert (await script.ask(VIEWER_NAME))["viewer"]["user"]["name"] == "Ada Lovelace"
    await page.get_by_role("link", name="Reports").click()
    await playwright.expect(page.get_by_text("1 call in the last 30 days")).to_be_visible()
    await page.get_by_text("Show the numbers as a table").click()
    await playwright.expect(page.get_by_role("table")).to_be_visible()
    assert await violations(page) == []
    await choose_action(page, "Revoke …")
    dialog = page.get_by_role("alertdialog")
    await playwright.expect(dialog).to_contain_text("1 in the last 7 days")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Revoke").click()
    await playwright.expect(page.get_by_role("heading", level=1)).to_contain_text("Revoked")
    assert await page.get_by_role("button", name="Actions").count() == 0
    await playwright.expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert [error["code"] for error in await script.errors(VIEWER_NAME)] == ["UNAUTHENTICATED"]


async def test_a_key_for_another_member_waits_to_be_claimed(studio: World, open_page: Open) -> None:
    page = await open_page(f"{PATH}?view=all", studio.admin)

    await page.get_by_role("button", name="Generate a key").click()
    await page.get_by_text("Another member", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("Webshop")
    await page.get_by_role("button", name="Generate", exact=True).click()
    await playwright.expect(page.get_by_text("Choose a member from the list.")).to_be_visible()
    await page.locator(".dialog").get_by_role("combobox", name="Member").fill("ver")
    await playwright.expect(page.get_by_text("Nobody matches.")).to_be_visible()
    await page.locator(".dialog").get_by_role("combobox", name="Member").fill("bob")
    await page.get_by_role("option", name="Bob Ross").click()
    await page.get_by_text("Provision", exact=True).click()
    await page.get_by_role("button", name="Generate", exact=True).click()
    await playwright.expect(page.get_by_role("heading", name="Bob Ross can claim Webshop")).to_be_visible()
    await page.get_by_role("button", name="Done").click()
    row = page.get_by_role("row").filter(has_text="Webshop")
    await playwright.expect(row).to_contain_text("Not claimed")
    key = await only_key(studio)
    assert (key["member"]["name"], key["status"], key["scopes"]) == (
        "Bob Ross",
        "UNCLAIMED",
        ["READ", "PROVISION"],
    )

    await studio.nobody.change(CLAIM_API_KEY, token=await studio.token_for("bob@example.com"))

    await playwright.expect(row).to_contain_text("Active", timeout=20_000)


async def test_a_member_narrows_and_rotates_its_key(studio: World, open_page: Open) -> None:
    old = await key_of_bob(studio, scopes=["READ", "PROVISION"], allowedNetworks=["127.0.0.0/8"])
    page = await open_page(PATH, studio.member)

    await choose_action(page, "Change …", "Actions for Webshop")
    await page.get_by_text("Provision", exact=True).click()
    await playwright.expect(page.get_by_text("The key loses for ever: Provision.")).to_be_visible()
    networks = page.get_by_label("Allowed networks")
    await networks.fill("")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(networks).to_have_attribute("aria-invalid", "true")
    assert await violations(page) == []
    await networks.fill("127.0.0.1")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_text("Webshop was changed.")).to_be_visible()
    key = await only_key(studio)
    assert (key["scopes"], key["allowedNetworks"]) == (["READ"], ["127.0.0.1/32"])
    await choose_action(page, "Rotate …", "Actions for Webshop")
    await page.get_by_text("In an hour", exact=True).click()
    assert await violations(page) == []
    await page.get_by_role("button", name="Rotate").click()
    await playwright.expect(page.get_by_text("The old secret works until")).to_be_visible()
    new = await close_secret(page)

    assert new != old
    for secret in (old, new):
        assert "errors" not in await Person(studio.http, token=secret).post(VIEWER_NAME)


async def test_the_accounts_rules_limit_the_expiry(studio: World, open_page: Open) -> None:
    await studio.admin.change(
        SET_SECURITY_POLICY,
        accountId=studio.account_id,
        apiKeyMaxLifetimeDays=60,
        apiKeyRevokeUnusedAfterDays=1,
    )
    page = await open_page(PATH, studio.admin)
    await playwright.expect(page.get_by_text("A key expires within 60 days.")).to_be_visible()

    await page.get_by_role("button", name="Generate a key").click()
    await page.get_by_label("Name", exact=True).fill("Reports")
    expires = page.get_by_label("Expires")
    assert await expires.locator("option:checked").text_content() == (
        "In 60 days, the longest that the account allows"
    )
    assert await expires.locator("option").count() == 4
    await expires.select_option("custom")
    await page.get_by_label("Expires at").fill("2100-01-01T12:00")
    await page.reload()
    await page.get_by_role("button", name="Generate a key").click()
    await page.get_by_role("button", name="Generate", exact=True).click()
    await playwright.expect(page.get_by_label("Expires at")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Expires").first.select_option("30")
    await page.get_by_role("button", name="Generate", exact=True).click()
    await close_secret(page)

    expiry = datetime.fromisoformat((await only_key(studio))["expiresAt"])
    assert 29 <= (expiry - datetime.now(UTC)).days <= 30


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_all_of_it_fits_on_a_small_phone(studio: World, open_page: Open, theme: str) -> None:
    await Person(studio.http, token=await key_of_bob(studio)).ask(VIEWER_NAME)
    page = await open_page(f"{PATH}?view=all", studio.admin, width=320, color_scheme=theme)
    await playwright.expect(page.get_by_role("link", name="Webshop")).to_be_visible()
    found = [await violations(page)]
    widths = [await page.evaluate("document.documentElement.scrollWidth")]

    await page.get_by_role("button", name="Generate a key").click()
    await playwright.expect(page.get_by_label("Allowed networks")).to_be_visible()
    found.append(await violations(page))
    widths.append(await page.evaluate("document.documentElement.scrollWidth"))
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="Webshop").click()
    await playwright.expect(page.get_by_text("1 call in the last 30 days")).to_be_visible()
    found.append(await violations(page))
    widths.append(await page.evaluate("document.documentElement.scrollWidth"))

    assert found == [[], [], []]
    assert widths == [320, 320, 320]
