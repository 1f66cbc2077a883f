"""Pages and GraphiQL in Chromium, on the demo, with the emails that were sent."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import pytest_asyncio
import websockets
from graphql import OperationDefinitionNode, OperationType, parse

import worker
from tests.support.beginnings import Beginnings
from tests.support.changes import INVITE_ONE
from tests.support.demo_people import demo_people
from tests.support.world import Person, World

playwright = pytest.importorskip("playwright.async_api", reason="Playwright is not installed")
CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

MARGARET = "margaret@example.com"
PATIENCE_MILLISECONDS = 10_000
# Of a page that is itself the answer to what is not open to somebody.
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 403 ")

Open = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Any]:
    async with playwright.async_playwright() as started:
        launched = await started.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-dev-shm-usage"],
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture
async def studio(empty_world: World, beginnings: Beginnings) -> World:
    """The demo, its Admin signed in."""
    people = await demo_people(empty_world, beginnings)
    empty_world.people = {"ADMIN": people["ada"], "MEMBER": people["bob"], "VIEWER": people["vera"]}
    account = await empty_world.admin.ask("{ account { id } }")
    empty_world.account_id = account["account"]["id"]
    return empty_world


@pytest_asyncio.fixture
async def open_page(browser: Any, studio: World) -> AsyncIterator[Open]:
    """Opens a path in a browser of its own. Nothing may come from elsewhere, or go wrong."""
    origin = studio.settings.public_url
    wrong: list[str] = []
    contexts = []

    async def keep_inside(route: Any) -> None:
        if route.request.url.startswith((f"{origin}/", "data:", "blob:")):
            await route.continue_()
        else:
            wrong.append(f"request: {route.request.url}")
            await route.abort()

    def watch_socket(socket: Any) -> None:
        if not socket.url.startswith(origin.replace("http", "ws", 1) + "/"):
            wrong.append(f"socket: {socket.url}")

    def watch_console(message: Any) -> None:
        if message.type in ("error", "warning") and not EXPECTED.match(message.text):
            wrong.append(f"console: {message.text}")

    async def open_path(path: str, person: Person | None = None, width: int = 1280, **options: Any) -> Any:
        context = await browser.new_context(
            base_url=origin, viewport={"width": width, "height": 800}, **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        await context.route("**/*", keep_inside)
        if person is not None:
            cookie = {"name": "ta_session", "value": person.token, "url": origin, "httpOnly": True}
            await context.add_cookies([cookie])
        page = await context.new_page()
        page.on("console", watch_console)
        page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
        page.on("websocket", watch_socket)
        await page.goto(path)
        return page

    yield open_path
    for context in contexts:
        await context.close()
    assert wrong == []


@asynccontextmanager
async def emails_delivered(world: World) -> AsyncIterator[None]:
    """Once those that are on their way have come to the mailbox."""
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(world.settings, world.database, stop))
    try:
        while await world.emails():  # noqa: ASYNC110 - the job's row is what tells
            await asyncio.sleep(0.02)
        yield
    finally:
        stop.set()
        await asyncio.wait_for(working, 10)


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


async def test_an_invited_person_joins_in_one_click_and_runs_a_query(studio: World, open_page: Open) -> None:
    async with emails_delivered(studio):
        page = await open_page("/mailbox")
        await page.get_by_role("link", name=MARGARET).first.click()
        await page.frame_locator("iframe").get_by_role("link", name="Open the invitation").click()
        await playwright.expect(page.get_by_role("heading", level=1)).to_have_text(
            "Ada Lovelace invites you to Analytical Studio"
        )
        await page.get_by_role("button", name="Join").click()

    await page.wait_for_url(studio.settings.app_url)
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
    await playwright.expect(page.get_by_text(f"Signed in as Margaret <{MARGARET}>")).to_be_visible()
    members = await studio.admin.ask("{ account { members(first: 10) { nodes { email } } } }")
    assert {"email": MARGARET} in members["account"]["members"]["nodes"]


async def test_the_keyboard_is_enough(studio: World, open_page: Open) -> None:
    page = await open_page(f"/join/{await studio.token_for(MARGARET)}")

    for _ in range(2):
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.innerText") == "Join"
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    await page.keyboard.press("Enter")

    await page.wait_for_url(studio.settings.app_url)


async def test_the_wrong_person_switches_and_joins(studio: World, open_page: Open) -> None:
    page = await open_page(f"/join/{await studio.token_for(MARGARET)}", studio.viewer)
    await playwright.expect(page.get_by_text("m•••@e•••.com")).to_be_visible()
    await playwright.expect(page.get_by_text("vera@example.com").first).to_be_visible()
    assert MARGARET not in await page.content()

    await page.get_by_role("button", name="Sign out and continue").click()
    await page.get_by_role("button", name="Join").click()

    await page.wait_for_url(studio.settings.app_url)
    await playwright.expect(page.get_by_text(MARGARET)).to_be_visible()


async def test_nothing_is_wider_than_a_small_phone(studio: World, open_page: Open) -> None:
    link = f"/join/{await studio.token_for(MARGARET)}"
    async with emails_delivered(studio):
        page = await open_page("/mailbox", width=320)
    mail = await page.get_by_role("link", name=MARGARET).first.get_attribute("href")

    for path in ("/", "/sign-in", "/mailbox", mail, link):
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
    async with page.expect_websocket() as opening:
        await choose(page, "LiveAuditLog")
    await (await opening.value).wait_for_event("framereceived")

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
