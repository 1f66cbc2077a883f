"""Chromium, and the demo that it opens."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import pytest_asyncio

from tests.support.beginnings import Beginnings
from tests.support.demo_people import demo_people
from tests.support.machine_network import network_unchanged
from tests.support.world import Person, World

_COMMANDS = (
    *("chromium-headless-shell", "chrome-headless-shell"),
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
"""The headless shell, which has no windows, takes a third of the CPU time."""
CHROMIUM = next(filter(None, map(shutil.which, _COMMANDS)), None)
PATIENCE_MILLISECONDS = 60_000
# Of a page that is itself the answer to what is not open to somebody.
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 403 ")
_NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Any]:
    playwright = pytest.importorskip("playwright.async_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    playwright.expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with playwright.async_playwright() as started:
        launched = await started.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *("--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-dev-shm-usage"),
                _NO_OTHER_HOST,
            ],
        )
        yield launched
        await launched.close()


@pytest.fixture(autouse=True)
def browsers_network(request: pytest.FixtureRequest) -> Iterator[None]:
    with network_unchanged() if "browser" in request.fixturenames else nullcontext():
        yield


@pytest_asyncio.fixture
async def studio(empty_world: World, beginnings: Beginnings) -> World:
    """The demo, its Admin signed in."""
    people = await demo_people(empty_world, beginnings)
    empty_world.people = {"ADMIN": people["ada"], "MEMBER": people["bob"], "VIEWER": people["vera"]}
    account = await empty_world.admin.ask("{ account { id } }")
    empty_world.account_id = account["account"]["id"]
    return empty_world


@pytest_asyncio.fixture
async def open_page(browser: Any, studio: World) -> AsyncIterator[Any]:
    """Opens a path in a browser of its own. Nothing may come from elsewhere, or go wrong, but for what is
    `expected` in the browser's console. `origin` is that of the app's server, unless it is given."""
    app_origin = studio.settings.public_url
    origins = {app_origin}
    wrong: list[str] = []
    contexts = []

    def watch_request(request: Any) -> None:
        if not request.url.startswith((*(f"{origin}/" for origin in origins), "data:", "blob:")):
            wrong.append(f"request: {request.url}")

    def watch_socket(socket: Any) -> None:
        sockets = tuple(f"{origin.replace('http', 'ws', 1)}/" for origin in origins)
        if not socket.url.startswith(sockets):
            wrong.append(f"socket: {socket.url}")

    async def open_path(
        path: str,
        person: Person | None = None,
        width: int = 1280,
        origin: str = app_origin,
        expected: re.Pattern[str] = EXPECTED,
        **options: Any,
    ) -> Any:
        def watch_console(message: Any) -> None:
            if message.type in ("error", "warning") and not expected.match(message.text):
                wrong.append(f"console: {message.text}")

        origins.add(origin)
        context = await browser.new_context(
            base_url=origin, viewport={"width": width, "height": 800}, **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        context.on("request", watch_request)
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
