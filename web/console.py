"""The console, a single-page app at /, and the files that it loads, all served by this server.

The bundle in static/console is built by console/build. The page is the same for everybody: the app asks the
API for all that it shows.
"""

from pathlib import Path

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from settings import Settings
from web.bundles import Bundle, entry_of
from web.html_pages import PRIVATE_HEADERS

STATIC_PATH = "/static/console"

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types default",
    ]
)

_folder = Path(__file__).parent
_sources = _folder / "console"
_bundle = _folder / "static" / "console"

MANIFEST = _sources / "persisted.json"
"""The app's persisted documents."""


def routes(settings: Settings) -> list[BaseRoute]:
    html = _page.render(
        static=STATIC_PATH, entry=_entry, mailbox="/mailbox" if settings.smtp_url is None else None
    )

    async def show(request: Request) -> Response:
        return HTMLResponse(
            html,
            headers={**PRIVATE_HEADERS, "Content-Security-Policy": CONTENT_SECURITY_POLICY},
        )

    paths = ("/", "/accounts", "/accounts/{path:path}", "/you", "/you/{path:path}")
    return [Mount(STATIC_PATH, Bundle(_bundle)), *(Route(path, show) for path in paths)]


_page = Environment(autoescape=True).from_string((_sources / "page.html").read_text(encoding="utf-8"))
_entry = entry_of(_bundle, "src/main.tsx")
