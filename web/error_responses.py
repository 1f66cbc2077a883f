"""Error responses outside GraphQL: HTML for browsers, JSON for other clients."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

from web.graphql_request import HTML, preferred_media_type
from web.html_pages import PRIVATE_HEADERS


def wants_a_page(request: Request) -> bool:
    return preferred_media_type(request.headers.get("accept", "")) == HTML


def error_json(
    status_code: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    error = {"code": code, "message": message}
    return JSONResponse({"error": error}, status_code, {**PRIVATE_HEADERS, **(headers or {})})
