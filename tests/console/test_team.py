"""The console's Team page, used by people of each role."""

import re
from typing import Any

import pytest

from tests.console.accessibility import violations
from tests.support.browser import Open, emails_delivered, kept_texts, playwright, press_end_until
from tests.support.changes import INVITE_ONE
from tests.support.world import World

CHANGE_ROLE = """mutation ($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) {
  member { id } userErrors { message } } }"""
MEMBERS = """{ account { members(first: 10) { nodes {
  id name role accessUntil limits { maxActiveLicenses themes { name } } } } } }"""
INVITATIONS = "{ account { invitations(first: 10) { nodes { email role status message } } } }"

MOST_KEPT = 2_500
"""Email addresses of the pages that are kept, and of those that Relay is about to free."""
TOP_OF_FOCUSED = "Math.round(document.activeElement.getBoundingClientRect().top)"


async def open_team(open_page: Open, studio: World, role: str = "ADMIN", **options: Any) -> Any:
    page = await open_page("/", studio.people[role], **options)
    await playwright.expect(page.get_by_role("grid", name="Members")).to_be_visible()
    return page


async def choose_action(page: Any, name: str, item: str) -> None:
    await page.get_by_role("button", name=f"Actions for {name}").click()
    await page.get_by_role("menu").get_by_text(item, exact=True).click()


async def member(studio: World, name: str) -> dict[str, Any]:
    nodes = (await studio.admin.ask(MEMBERS))["account"]["members"]["nodes"]
    (found,) = (each for each in nodes if each["name"] == name)
    return dict(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", ["ADMIN", "MEMBER", "VIEWER"])
async def test_each_role_sees_what_it_may(studio: World, open_page: Open, role: str, theme: str) -> None:
    page = await open_team(open_page, studio, role, color_scheme=theme)

    may_manage = role == "ADMIN"
    assert await page.get_by_role("button", name="Invite people").count() == may_manage
    names = ["Ada Lovelace", "Bob Ross", "Vera Rubin"]
    menus = [await page.get_by_role("button", name=f"Actions for {name}").count() for name in names]
    own = ["ADMIN", "MEMBER", "VIEWER"].index(role)
    assert menus == [may_manage or index == own for index in range(3)]
    assert await page.get_by_role("link", name="Invitations").count() == may_manage
    assert await page.get_by_text("bob@example.com").count() == may_manage
    assert await violations(page) == []


@pytest.mark.parametrize("role", ["ADMIN", "VIEWER"])
async def test_nothing_is_wider_than_a_small_phone(studio: World, open_page: Open, role: str) -> None:
    page = await open_team(open_page, studio, role, width=320)
    widths = [await page.evaluate("document.documentElement.scrollWidth")]

    if role == "ADMIN":
        await page.get_by_role("link", name="Invitations").click()
        await playwright.expect(page.get_by_role("grid", name="Invitations")).to_be_visible()
        widths.append(await page.evaluate("document.documentElement.scrollWidth"))
        await page.get_by_role("button", name="Invite people").click()
        widths.append(await page.evaluate("document.documentElement.scrollWidth"))

    assert set(widths) == {320}
    assert await violations(page) == []


async def test_a_pasted_list_is_invited_with_an_outcome_for_each(studio: World, open_page: Open) -> None:
    page = await open_team(open_page, studio)

    await page.get_by_role("button", name="Invite people").click()
    addresses = page.get_by_label("Email addresses")
    await playwright.expect(addresses).to_be_focused()
    await addresses.fill("Grace Hopper <grace@example.com>, bob@example.com\nalan@example.com")
    await page.get_by_text("Viewer", exact=True).last.click()
    await page.get_by_label("Message").fill("Welcome aboard!")
    assert await violations(page) == []
    await page.get_by_role("button", name="Invite 3 people").click()

    await playwright.expect(page.get_by_text("2 people were invited, 1 not.")).to_be_visible()
    outcomes = page.get_by_role("list", name="Outcomes")
    await playwright.expect(outcomes).to_contain_text("bob@example.com is already a member")
    assert await violations(page) == []
    await page.get_by_role("button", name="Done").click()
    await playwright.expect(page.get_by_role("button", name="Invite people")).to_be_focused()
    nodes = (await studio.admin.ask(INVITATIONS))["account"]["invitations"]["nodes"]
    expected = {"role": "VIEWER", "status": "PENDING", "message": "Welcome aboard!"}
    assert {"email": "grace@example.com", **expected} in nodes
    assert {"email": "alan@example.com", **expected} in nodes


async def test_an_invalid_address_is_reported_at_its_field(studio: World, open_page: Open) -> None:
    page = await open_team(open_page, studio)
    await page.get_by_role("button", name="Invite people").click()

    await page.get_by_label("Email addresses").fill("grace")
    await page.get_by_role("button", name="Invite", exact=True).click()

    await playwright.expect(page.get_by_text("Not an email address: grace.")).to_be_visible()
    await playwright.expect(page.get_by_label("Email addresses")).to_be_focused()
    assert await violations(page) == []
    assert await studio.emails("grace") == []


async def test_invitations_are_found_by_address_and_by_what_became_of_them(
    studio: World, open_page: Open
) -> None:
    page = await open_page("/accounts/analytical-studio/team?view=invitations", studio.admin)
    await playwright.expect(page.get_by_text("1 invitation", exact=True)).to_be_visible()

    await page.get_by_label("Status").select_option("Joined")
    row = page.get_by_role("row").filter(has_text="vera@example.com")
    await playwright.expect(row).to_contain_text("as Vera Rubin")
    await page.get_by_role("searchbox", name="Search invitations").fill("BOB@example.com")
    await playwright.expect(page.get_by_text("1 invitation", exact=True)).to_be_visible()
    await playwright.expect(page.get_by_role("grid")).to_contain_text("as Bob Ross")
    assert await violations(page) == []
    await page.reload()
    await page.get_by_label("Status").select_option("Declined")

    await playwright.expect(page.get_by_text("No invitation matches")).to_be_visible()


async def test_an_invitation_is_followed_resent_changed_and_revoked(studio: World, open_page: Open) -> None:
    await studio.admin.change(
        INVITE_ONE, accountId=studio.account_id, email="grace@example.com", role="MEMBER"
    )
    page = await open_team(open_page, studio)
    await page.get_by_role("link", name="Invitations").click()
    row = page.get_by_role("row").filter(has_text="grace@example.com")
    await playwright.expect(row).to_contain_text("Email on its way")

    async with emails_delivered(studio):
        await playwright.expect(row).to_contain_text("Email sent", timeout=20_000)
    await choose_action(page, "grace@example.com", "Send a new link")
    await playwright.expect(
        page.get_by_text("A new link is on its way to grace@example.com.")
    ).to_be_visible()
    await choose_action(page, "grace@example.com", "Admin")
    await playwright.expect(row).to_contain_text("Admin")
    await choose_action(page, "grace@example.com", "Revoke …")
    assert await violations(page) == []
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()

    await playwright.expect(row).to_have_count(0)
    await playwright.expect(page.locator("[data-index='0']")).to_be_focused()
    nodes = (await studio.admin.ask(INVITATIONS))["account"]["invitations"]["nodes"]
    assert ("grace@example.com", "ADMIN", "REVOKED") in {(n["email"], n["role"], n["status"]) for n in nodes}


async def test_a_changed_role_changes_the_open_page(studio: World, open_page: Open) -> None:
    admin = await open_team(open_page, studio)
    viewer = await open_team(open_page, studio, "VIEWER")

    await choose_action(admin, "Vera Rubin", "Admin")

    await playwright.expect(viewer.get_by_role("button", name="Invite people")).to_be_visible()
    await playwright.expect(viewer.get_by_text("ada@example.com")).to_be_visible()
    await choose_action(admin, "Vera Rubin", "Viewer")
    await playwright.expect(viewer.get_by_role("button", name="Invite people")).not_to_be_visible()
    await playwright.expect(viewer.get_by_text("ada@example.com")).not_to_be_visible()
    assert (await member(studio, "Vera Rubin"))["role"] == "VIEWER"


async def test_a_refused_role_is_taken_back_with_the_reason(studio: World, open_page: Open) -> None:
    page = await open_page("/accounts/analytical-studio/team?presence=ALL", studio.admin)
    row = page.get_by_role("row").filter(has_text="Bob Ross")
    await page.get_by_role("button", name="Actions for Bob Ross").click()
    await studio.superuser.execute("UPDATE members SET removed_at = now() WHERE name = 'Bob Ross'")

    await page.get_by_role("menuitemradio", name="Viewer").click()

    await playwright.expect(page.get_by_role("alertdialog")).to_contain_text("Bob Ross")
    await playwright.expect(row).to_contain_text("Former")
    await playwright.expect(row).to_contain_text("Member")


async def test_access_and_limits_are_changed(studio: World, open_page: Open) -> None:
    page = await open_team(open_page, studio)

    await choose_action(page, "Bob Ross", "End of access …")
    await page.get_by_label("Access until").fill("2020-01-01T12:00")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_label("Access until")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Access until").fill("2100-01-01T12:00")
    await page.get_by_role("button", name="Save").click()
    await playwright.expect(page.get_by_role("row").filter(has_text="Bob Ross")).to_contain_text("2100")
    await choose_action(page, "Bob Ross", "Limits …")
    await page.get_by_label("Most active licenses").fill("3")
    await page.get_by_text("Only these themes").click()
    assert await violations(page) == []
    await page.get_by_text("Atelier", exact=True).click()
    await page.get_by_role("button", name="Save").click()

    await playwright.expect(page.get_by_role("dialog")).not_to_be_visible()
    bob = await member(studio, "Bob Ross")
    assert bob["accessUntil"].startswith("2100-01-01T")
    assert bob["limits"] == {"maxActiveLicenses": 3, "themes": [{"name": "Atelier"}]}


async def test_any_theme_of_a_long_catalog_can_be_allowed(studio: World, open_page: Open) -> None:
    await _add_themes(studio, 120)
    page = await open_team(open_page, studio)
    await choose_action(page, "Bob Ross", "Limits …")
    await page.get_by_text("Only these themes").click()

    await page.get_by_role("combobox", name="Add another theme").fill("zenith 99")
    await page.get_by_role("option", name="Zenith 99").click()
    await playwright.expect(page.get_by_role("checkbox", name="Zenith 99")).to_be_checked()
    assert await violations(page) == []
    await page.get_by_role("button", name="Save").click()

    await playwright.expect(page.get_by_role("dialog")).not_to_be_visible()
    assert (await member(studio, "Bob Ross"))["limits"]["themes"] == [{"name": "Zenith 99"}]


async def test_a_removal_says_what_it_does_and_passes_licenses(studio: World, open_page: Open) -> None:
    page = await open_team(open_page, studio)

    await choose_action(page, "Bob Ross", "Remove …")
    dialog = page.get_by_role("alertdialog")
    await playwright.expect(dialog).to_contain_text(re.compile(r"\d+, which pass to another member"))
    await dialog.get_by_role("combobox").fill("ver")
    await page.get_by_role("option", name="Vera Rubin").click()
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Remove").click()

    await playwright.expect(page.get_by_role("row").filter(has_text="Bob Ross")).to_have_count(0)
    await playwright.expect(page.get_by_text("2 members")).to_be_visible()
    await playwright.expect(page.get_by_role("row").filter(has_text="Vera Rubin")).to_be_focused()
    answer = await studio.admin.ask(
        "query ($id: ID!) { node(id: $id) { ... on Member { licenses { totalCount } } } }",
        id=(await member(studio, "Vera Rubin"))["id"],
    )
    assert answer["node"]["licenses"]["totalCount"] > 0


async def test_selected_members_are_changed_and_removed(studio: World, open_page: Open) -> None:
    page = await open_team(open_page, studio)
    assert await page.get_by_role("checkbox", name="Select Ada Lovelace").count() == 0
    await page.locator(".table-head .checkbox").click()
    await playwright.expect(page.get_by_text("2 selected")).to_be_visible()

    await page.get_by_role("button", name="Change role …").click()
    # Toasts are alert dialogs too.
    dialog = page.locator("section[role=alertdialog]")
    await dialog.get_by_text("Viewer", exact=True).click()
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Make them Viewer").click()
    await playwright.expect(page.get_by_text("2 members are now Viewer.")).to_be_visible()
    assert (await member(studio, "Bob Ross"))["role"] == "VIEWER"
    await page.locator(".table-head .checkbox").click()
    await page.get_by_role("button", name="Remove …").click()
    await playwright.expect(dialog).to_contain_text("Bob Ross, Vera Rubin")
    await playwright.expect(dialog).to_contain_text(re.compile(r"\d+, which pass to another member"))
    await dialog.get_by_role("combobox").fill("ver")
    await page.get_by_role("option", name="Vera Rubin").click()
    await dialog.get_by_role("button", name="Remove").click()
    await playwright.expect(dialog.get_by_role("combobox")).to_have_attribute("aria-invalid", "true")
    assert await violations(page) == []
    await dialog.get_by_role("combobox").fill("ada")
    await page.get_by_role("option", name="Ada Lovelace").click()
    await studio.superuser.execute("UPDATE members SET removed_at = now() WHERE name = 'Bob Ross'")
    await dialog.get_by_role("button", name="Remove").click()

    await playwright.expect(dialog).to_contain_text("1 of 2 members were changed")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Done").click()
    await playwright.expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    names = {each["name"] for each in (await studio.admin.ask(MEMBERS))["account"]["members"]["nodes"]}
    assert names == {"Ada Lovelace"}


async def test_all_selected_members_are_in_the_preview_of_their_removal(
    studio: World, open_page: Open
) -> None:
    await _add_members(studio, 120)
    await studio.superuser.execute(
        """UPDATE licenses SET holder_id = (SELECT id FROM members WHERE name LIKE 'Person %'
             ORDER BY joined_at, id OFFSET 89 LIMIT 1) WHERE status = 'ACTIVE'"""
    )
    held = await studio.superuser.fetchval("SELECT count(*) FROM licenses WHERE status = 'ACTIVE'")
    page = await open_team(open_page, studio)
    await page.get_by_role("searchbox").fill("Person")
    await playwright.expect(page.get_by_text("120 members")).to_be_visible()

    await page.locator(".table-head .checkbox").click()
    bar = page.get_by_role("region", name="Selected members")
    await playwright.expect(bar).to_contain_text(re.compile(r"\d{3} selected"))
    count = int((await bar.inner_text()).split()[0])
    await page.get_by_role("button", name="Remove …").click()

    dialog = page.locator("section[role=alertdialog]")
    await playwright.expect(dialog).to_contain_text(f"and {count - 20} more")
    await playwright.expect(dialog).to_contain_text(f"{held}, which pass to another member")
    assert await violations(page) == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
async def test_the_sessions_of_a_member_are_ended(
    studio: World, open_page: Open, theme: str, width: int
) -> None:
    page = await open_team(open_page, studio, color_scheme=theme, width=width)

    await choose_action(page, "Bob Ross", "End sessions …")
    dialog = page.locator("section[role=alertdialog]")
    await playwright.expect(dialog).to_contain_text("Bob Ross must sign in again by a new link")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="End the sessions").click()

    await playwright.expect(page.get_by_text("The sessions of Bob Ross were ended.")).to_be_visible()
    assert (await studio.member.errors(MEMBERS))[0]["code"] == "REAUTHENTICATION_REQUIRED"


@pytest.mark.parametrize("role", ["ADMIN", "VIEWER"])
async def test_everybody_ends_its_own_sessions_and_signs_in_again(
    studio: World, open_page: Open, role: str
) -> None:
    page = await open_team(open_page, studio, role)
    name = {"ADMIN": "Ada Lovelace", "VIEWER": "Vera Rubin"}[role]

    await choose_action(page, name, "End sessions …")
    await page.get_by_role("button", name="End the sessions").click()

    await playwright.expect(page.get_by_role("dialog", name="Sign in again")).to_be_visible()
    assert (await studio.people[role].errors(MEMBERS))[0]["code"] == "REAUTHENTICATION_REQUIRED"


async def test_nobody_who_has_joined_was_never_active(studio: World, open_page: Open) -> None:
    await studio.superuser.execute("UPDATE members SET last_active_at = NULL, joined_at = now()")
    page = await open_team(open_page, studio, "VIEWER")

    await playwright.expect(page.get_by_role("row").filter(has_text="Vera Rubin")).to_contain_text("Now")
    await playwright.expect(page.get_by_role("row").filter(has_text="Bob Ross")).to_contain_text(
        "Joined just now"
    )
    await playwright.expect(page.get_by_text("Never")).to_have_count(0)


async def test_former_and_inactive_members_are_found(studio: World, open_page: Open) -> None:
    await studio.superuser.execute("UPDATE members SET removed_at = now() WHERE name = 'Bob Ross'")
    await studio.superuser.execute(
        """UPDATE members SET joined_at = now() - interval '1 year',
             last_active_at = now() - interval '100 days' WHERE name = 'Vera Rubin'"""
    )
    page = await open_team(open_page, studio)
    await playwright.expect(page.get_by_text("2 members")).to_be_visible()

    await page.get_by_label("Show").select_option("Former ones too")
    row = page.get_by_role("row").filter(has_text="Bob Ross")
    await playwright.expect(row).to_contain_text("Former, left")
    assert await row.get_by_role("button").count() == 0
    await page.get_by_label("Activity").select_option("None for 90 days")
    await playwright.expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    await page.reload()

    await playwright.expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    await playwright.expect(page.get_by_role("grid")).to_contain_text("Vera Rubin")
    assert await violations(page) == []


async def test_changes_of_others_appear_and_the_focus_stays(studio: World, open_page: Open) -> None:
    await _add_members(studio, 240)
    page = await open_team(open_page, studio)
    await page.get_by_role("row").nth(1).focus()
    await press_end_until(page, 242)
    for _ in range(3):
        await page.keyboard.press("PageUp")
    focused = page.locator("[data-index='212']")
    await playwright.expect(focused).to_be_focused()
    name = await focused.locator("strong").inner_text()
    top = await page.evaluate("window.scrollY")

    await studio.superuser.execute("UPDATE members SET role = 'VIEWER' WHERE name = $1", name)
    await studio.superuser.execute(
        """UPDATE members SET removed_at = now()
           WHERE id = (SELECT id FROM members ORDER BY joined_at DESC, id DESC LIMIT 1)"""
    )
    await page.evaluate("window.dispatchEvent(new Event('focus'))")

    await playwright.expect(focused).to_contain_text("Viewer")
    await playwright.expect(page.get_by_text("242 members")).to_have_count(1)
    await playwright.expect(focused).to_be_focused()
    assert await page.evaluate("window.scrollY") == top


async def test_the_focus_moves_on_when_somebody_removes_the_row(studio: World, open_page: Open) -> None:
    page = await open_team(open_page, studio, "VIEWER")
    await page.get_by_role("row").filter(has_text="Ada Lovelace").focus()
    await page.keyboard.press("ArrowDown")
    await playwright.expect(page.get_by_role("row").filter(has_text="Bob Ross")).to_be_focused()

    await studio.superuser.execute("UPDATE members SET removed_at = now() WHERE name = 'Bob Ross'")
    await page.evaluate("window.dispatchEvent(new Event('focus'))")

    await playwright.expect(page.get_by_text("2 members")).to_be_visible()
    await playwright.expect(page.get_by_role("row").filter(has_text="Vera Rubin")).to_be_focused()
    await page.get_by_role("searchbox").fill("Vera")
    await playwright.expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    await page.get_by_role("row").filter(has_text="Vera Rubin").focus()
    await studio.superuser.execute("UPDATE members SET name_folded = 'nobody' WHERE name = 'Vera Rubin'")
    await page.evaluate("window.dispatchEvent(new Event('focus'))")
    await playwright.expect(page.get_by_text("Nobody matches")).to_be_visible()
    await playwright.expect(page.get_by_role("heading", name="Team")).to_be_focused()


async def test_the_keyboard_is_enough(studio: World, open_page: Open) -> None:
    page = await open_team(open_page, studio)
    await page.get_by_label("Sort by").focus()

    for _ in ("all rows", "a row"):
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.role") == "row"
    for key in ("ArrowDown", "ArrowRight", "Space", "ArrowRight", "Enter"):
        await page.keyboard.press(key)
    await playwright.expect(page.get_by_role("menu", name="Actions for Bob Ross")).to_be_visible()
    await playwright.expect(page.get_by_text("1 selected")).to_have_count(1)
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await playwright.expect(page.get_by_role("heading", name="Remove Bob Ross?")).to_be_visible()
    await page.keyboard.press("Escape")

    await playwright.expect(page.get_by_role("button", name="Actions for Bob Ross")).to_be_focused()


async def test_a_team_of_20000_scrolls_with_few_rows_in_memory(studio: World, open_page: Open) -> None:
    await _add_members(studio, 20_000)
    page = await open_team(open_page, studio)
    await playwright.expect(page.get_by_text("20,003 members")).to_be_visible()
    assert await page.get_by_role("grid").get_attribute("aria-rowcount") == "20004"

    await page.get_by_role("row").nth(1).focus()
    await press_end_until(page, 3_000)
    assert await page.get_by_role("row").count() < 80
    assert await kept_texts(page, "person") < MOST_KEPT
    for _ in range(6):
        await page.keyboard.press("PageUp")
    focused = page.locator("[data-index]:focus")
    await playwright.expect(focused).to_contain_text("@example.com")
    index = int(await focused.get_attribute("data-index"))
    name = await focused.locator("strong").inner_text()
    above = await page.locator(f"[data-index='{index - 2}'] strong").inner_text()
    top = await page.evaluate(TOP_OF_FOCUSED)
    await studio.superuser.execute("UPDATE members SET removed_at = now() WHERE name = $1", above)
    await studio.superuser.execute("UPDATE members SET role = 'VIEWER' WHERE name = $1", name)
    await page.evaluate("window.dispatchEvent(new Event('focus'))")

    await playwright.expect(focused).to_contain_text("Viewer")
    await playwright.expect(focused).to_contain_text(name)
    await playwright.expect(focused).to_have_attribute("data-index", str(index - 1))
    await playwright.expect(page.get_by_text("20,002 members")).to_have_count(1)
    assert await page.evaluate(TOP_OF_FOCUSED) == top
    await page.keyboard.press("Home")
    await playwright.expect(page.locator("[data-index='0']")).to_contain_text("Ada Lovelace")
    await playwright.expect(page.locator("[data-index='0']")).to_be_focused()
    assert await kept_texts(page, "person") < MOST_KEPT
    await page.get_by_role("searchbox").fill("Person 19999")
    await playwright.expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    await playwright.expect(page.get_by_role("grid")).to_contain_text("person19999@example.com")


async def _add_members(studio: World, count: int) -> None:
    """They joined after the members of the demo."""
    await studio.superuser.execute(
        """WITH people AS (
             INSERT INTO users (id, email, name, created_at)
             SELECT gen_random_uuid(), 'person' || n || '@example.com', 'Person ' || n, now()
             FROM generate_series(1, $1::int) n RETURNING id, email, name)
           INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at, name_key,
             name_folded, email_folded)
           SELECT owner.account_id, gen_random_uuid(), people.id, people.name, people.email, 'MEMBER', false,
             now(), lower(people.name), lower(people.name), people.email
           FROM people, members owner WHERE owner.is_owner""",
        count,
    )


async def _add_themes(studio: World, count: int) -> None:
    await studio.superuser.execute(
        """INSERT INTO themes (id, slug, name, summary, price_amount, price_currency, tags, published_at,
             latest_version, name_key, text_folded)
           SELECT gen_random_uuid(), 'z' || n, 'Zenith ' || n, summary, n, 'EUR', '{}', published_at, '1.0.0',
             'zenith ' || n, 'zenith ' || n
           FROM themes, generate_series(1, $1::int) n WHERE slug = 'atelier'""",
        count,
    )
