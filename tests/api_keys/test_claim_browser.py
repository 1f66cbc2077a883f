"""Claims of API keys in Chromium: one or two clicks, with and without JavaScript, on a small screen."""

from permissions.tokens import is_api_key
from tests.support.browser import Open, playwright
from tests.support.keys import works
from tests.support.world import GENERATE_API_KEY, World

BOB = "bob@example.com"
MEMBERS = "{ account { members(first: 10) { nodes { id email } } } }"


async def link_for_bob(world: World) -> str:
    members = (await world.admin.ask(MEMBERS))["account"]["members"]["nodes"]
    (bob,) = (member["id"] for member in members if member["email"] == BOB)
    input = {"accountId": world.account_id, "memberId": bob, "name": "Webshop import"}
    payload = await world.admin.change(GENERATE_API_KEY, **input, scopes=["READ", "PROVISION"])
    assert not payload["userErrors"]
    return f"/claim/{await world.token_for(BOB)}"


async def test_the_secret_is_copied(studio: World, open_page: Open) -> None:
    page = await open_page(await link_for_bob(studio))
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    await page.get_by_role("button", name="Claim").click()
    await page.get_by_role("button", name="Copy the secret").click()

    await playwright.expect(page.get_by_role("button", name="Copied")).to_be_visible()
    secret = await page.evaluate("navigator.clipboard.readText()")
    assert is_api_key(secret)
    assert await page.locator("#secret").inner_text() == secret
    assert await works(studio, secret)


async def test_a_double_click_keeps_the_secret(studio: World, open_page: Open) -> None:
    page = await open_page(await link_for_bob(studio))

    await page.get_by_role("button", name="Claim").dblclick()

    assert is_api_key(await page.locator("#secret").inner_text())


async def test_it_works_without_javascript(studio: World, open_page: Open) -> None:
    link = await link_for_bob(studio)
    page = await open_page(link, java_script_enabled=False)

    await page.get_by_role("button", name="Claim").click()

    assert is_api_key(await page.locator("#secret").inner_text())
    await playwright.expect(page.get_by_role("button")).to_have_count(0)
    await page.goto(link)
    await playwright.expect(page.get_by_role("heading", level=1)).to_have_text(
        "This API key was already claimed"
    )


async def test_the_wrong_person_switches_and_claims(studio: World, open_page: Open) -> None:
    page = await open_page(await link_for_bob(studio), studio.viewer)

    await page.get_by_role("button", name="Sign out and continue").click()
    await page.get_by_role("button", name="Claim").click()

    assert is_api_key(await page.locator("#secret").inner_text())


async def test_nothing_is_wider_than_a_small_phone(studio: World, open_page: Open) -> None:
    page = await open_page(await link_for_bob(studio), studio.viewer, width=320)
    wide = "document.documentElement.scrollWidth"
    assert await page.evaluate(wide) == 320

    for button in ("Sign out and continue", "Claim"):
        await page.get_by_role("button", name=button).click()
        await page.wait_for_load_state("load")
        assert await page.evaluate(wide) == 320
