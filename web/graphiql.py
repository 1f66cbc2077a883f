"""GraphiQL, the API explorer at /graphql, and the files that it loads, all served by this server.

The bundle in static/graphiql is built by graphiql/build.
"""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount

from web.bundles import Bundle, entry_of

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
    return [Mount(STATIC_PATH, Bundle(_bundle))]


_page = Environment(autoescape=True).from_string((_sources / "page.html").read_text(encoding="utf-8"))
_entry = entry_of(_bundle, "src/main.jsx")
