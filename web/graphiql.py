"""GraphiQL, the API explorer at /graphql, and the files that it loads, all served by this server.

The bundle in static/graphiql is built by graphiql/build; its file names contain a hash of their contents.
"""

import gzip
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web.security_headers import STATIC_FILES_POLICY

STATIC_PATH = "/static/graphiql"

# style-src: Monaco adds <style> elements and style attributes, and does not support a nonce for them.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self'",
        "font-src 'self'",
        "img-src 'self' data:",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

_folder = Path(__file__).parent
_sources = _folder / "graphiql"
_bundle = _folder / "static" / "graphiql"

EXAMPLES = (_sources / "examples.graphql").read_text(encoding="utf-8")


def graphiql_response(variables: Mapping[str, str], signed_in_as: str | None) -> Response:
    """The page.

    `variables` are those of the example operations: accountId, themeId and themeSlug, where they exist.
    `signed_in_as` is displayed: name, email address and role; None where nobody is signed in.
    """
    examples = {"query": EXAMPLES, "variables": dict(variables), "signedInAs": signed_in_as}
    return HTMLResponse(
        _page.render(static=STATIC_PATH, entry=_entry, examples=examples),
        headers={
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
        },
    )


def static_routes() -> list[Mount]:
    return [Mount(STATIC_PATH, Bundle(directory=_bundle))]


class Bundle(StaticFiles):
    """Static files whose names change with their contents, so that browsers may cache them forever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and _hashed_name.fullmatch(path):
            if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
                compressed = await run_in_threadpool(_compressed, path)
                response = Response(compressed, media_type=response.media_type)
                response.headers["Content-Encoding"] = "gzip"
            response.headers["Vary"] = "Accept-Encoding"
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = STATIC_FILES_POLICY
        return response


_hashed_name = re.compile(r"[\w.-]+-[\w-]{8}\.(js|css|ttf)")


@lru_cache(maxsize=64)
def _compressed(name: str) -> bytes:
    """Cached, since compressing 3 MB takes 0.1 s. The whole bundle takes 1.8 MB compressed."""
    return gzip.compress((_bundle / name).read_bytes())


def _entry_of(manifest: Path) -> dict[str, object]:
    """The files that the page loads: `file`, a script, and `css`, a list. The script loads the others."""
    entries: dict[str, dict[str, object]] = json.loads(manifest.read_text(encoding="utf-8"))
    return entries["src/main.jsx"]


_page = Environment(autoescape=True).from_string((_sources / "page.html").read_text(encoding="utf-8"))
_entry = _entry_of(_bundle / "manifest.json")
