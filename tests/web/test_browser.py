"""Pages and GraphiQL in Chromium, on the demo, with the emails that were sent."""

import asyncio
import json
import re
from typing import Any, cast

import websockets
from graphql import OperationDefinitionNode, OperationType, parse

from tests.support.browser import Open, emails_delivered, playwright
from tests.support.browser_fixtures import PATIENCE_MILLISECONDS
from tests.support.changes import INVITE_ONE
from tests.support.world import World

MARGARET = "margaret@example.com"


async def choose(page: Any, operation: str) -> None:
    """From the run button's menu, which is there once the document has been read."""
    await page.locator(".graphiql-execute-button[aria-haspopup=menu]").click()
    await page.get_by_role("menuitem", name=operation, exact=True).click()


async def shows(page: Any, text: str) -> None:
    """In the result, which breaks its lines where it likes."""
    pattern = re.compile(re.escape(text).replace("\\ ", r"\s+"))
    await playwright.expect(page.locator(".result-window")).to_contain_text(
        pattern, timeout=PATIENCE_MILLISECONDS
    )


async def arrives(page: Any) -> None:
    """In the console."""
    await page.wait_for_url("**/accounts/analytical-studio/team")
    await playwright.expect(page.get_by_role("heading", name="Team", level=1)).to_be_visible()


async def test_an_invited_person_joins_in_one_click_and_runs_a_query(studio: World, open_page: Open) -> None:
    async with emails_delivered(studio):
        page = await open_page("/mailbox")
        await page.get_by_role("link", name=MARGARET).first.click()
        await page.frame_locator("iframe").get_by_role("link", name="Open the invitation").click()
        await playwright.expect(page.get_by_role("heading", level=1)).to_have_text(
            "Ada Lovelace invites you to Analytical Studio"
        )
        await page.get_by_role("button", name="Join").click()

    await arrives(page)
    await playwright.expect(page.get_by_role("banner")).to_contain_text("Margaret")
    await page.goto("/graphql")
    await playwright.expect(page.get_by_text(f"Signed in as Margaret <{MARGARET}>, Viewer")).to_be_visible()
    await choose(page, "WhoAmI")
    await shows(page, '"name": "Margaret"')
    # What was left open is still whole after a reload.
    await page.reload()
    await choose(page, "ThemeById")
    await shows(page, '"publishedAt":')


async def test_the_join_page_works_without_javascript(studio: World, open_page: Open) -> None:
    page = await open_page(f"/join/{await studio.token_for(MARGARET)}", java_script_enabled=False)

    await page.get_by_role("button", name="Join").click()

    assert page.url == studio.settings.app_url
    assert "Team access needs JavaScript." in await page.content()
    members = await studio.admin.ask("{ account { members(first: 10) { nodes { email } } } }")
    assert {"email": MARGARET} in members["account"]["members"]["nodes"]


async def test_the_keyboard_is_enough(studio: World, open_page: Open) -> None:
    page = await open_page(f"/join/{await studio.token_for(MARGARET)}")

    for _ in range(2):
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.innerText") == "Join"
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    await page.keyboard.press("Enter")

    await arrives(page)


async def test_the_wrong_person_switches_and_joins(studio: World, open_page: Open) -> None:
    page = await open_page(f"/join/{await studio.token_for(MARGARET)}", studio.viewer)
    await playwright.expect(page.get_by_text("m•••@e•••.com")).to_be_visible()
    await playwright.expect(page.get_by_text("vera@example.com").first).to_be_visible()
    assert MARGARET not in await page.content()

    await page.get_by_role("button", name="Sign out and continue").click()
    await page.get_by_role("button", name="Join").click()

    await arrives(page)
    await playwright.expect(page.get_by_role("banner")).to_contain_text("Margaret")


async def test_nothing_is_wider_than_a_small_phone(studio: World, open_page: Open) -> None:
    link = f"/join/{await studio.token_for(MARGARET)}"
    async with emails_delivered(studio):
        page = await open_page("/mailbox", width=320)
    mail = await page.get_by_role("link", name=MARGARET).first.get_attribute("href")

    for path in ("/", "/accounts/analytical-studio/team", "/sign-in", "/mailbox", mail, link):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") == 320, path
    for path, person in (("/", studio.viewer), (link, studio.viewer), ("/graphql", studio.admin)):
        page = await open_page(path, person, width=320)
        assert await page.evaluate("document.documentElement.scrollWidth") == 320, path
    await choose(page, "WhoAmI")
    await shows(page, '"viewer":')
    await playwright.expect(page.locator(".result-window")).to_be_in_viewport()


async def test_graphiql_shows_what_happens_as_it_happens(studio: World, open_page: Open) -> None:
    page = await open_page("/graphql", studio.admin)
    is_open = asyncio.Event()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: is_open.set()))
    await choose(page, "LiveAuditLog")
    await asyncio.wait_for(is_open.wait(), 10)

    await studio.admin.change(
        INVITE_ONE, accountId=studio.account_id, email="grace@example.com", role="MEMBER"
    )

    await shows(page, "Ada Lovelace invited grace@example.com as Member")


async def test_every_example_runs_as_it_stands(studio: World) -> None:
    headers = {"accept": "text/html", "cookie": f"ta_session={studio.admin.token}"}
    page = (await studio.http.get("/graphql", headers=headers)).text
    found = re.search(r'<script type="application/json" id="examples">(.+?)</script>', page, re.DOTALL)
    assert found
    examples = json.loads(found[1])
    definitions = cast("list[OperationDefinitionNode]", parse(examples["query"]).definitions)

    answers = {}
    for operation in definitions:
        assert operation.name
        body = {key: examples[key] for key in ("query", "variables")} | {
            "operationName": operation.name.value
        }
        ask = _first_event if operation.operation is OperationType.SUBSCRIPTION else _answer
        answers[operation.name.value] = await ask(studio, body)

    assert len(answers) == 19
    for name, answer in answers.items():
        assert "errors" not in answer, (name, answer)
        assert '"userErrors":[{' not in json.dumps(answer, separators=(",", ":")), (name, answer)
        # Every page of a list has something to show, but what has not happened yet.
        assert "[]" not in re.sub(r'"(userErrors|allowedNetworks)": \[\]', "", json.dumps(answer)), (
            name,
            answer,
        )


async def _answer(world: World, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {world.admin.token}"}
    answer: dict[str, Any] = (await world.http.post("/graphql", json=body, headers=headers)).json()
    return answer


async def _first_event(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Of what happens while it runs: somebody is invited."""
    url = world.settings.public_url.replace("http", "ws", 1) + "/graphql"
    async with websockets.connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        credential = {"Authorization": f"Bearer {world.admin.token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": credential}))
        await socket.recv()
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": body}))
        for number in range(50):
            email = f"new{number}@{body['operationName']}.example.com"
            await world.admin.change(INVITE_ONE, accountId=world.account_id, email=email, role="VIEWER")
            try:
                message = json.loads(await asyncio.wait_for(socket.recv(), 0.2))
            except TimeoutError:
                continue
            assert message["type"] == "next", message
            event: dict[str, Any] = message["payload"]
            return event
    raise TimeoutError(body["operationName"])
