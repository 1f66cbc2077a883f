"""Error pages for browsers, and the static files that pages load."""

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from engine.outages import RETRY_AFTER_SECONDS, logged_as_outage
from permissions.errors import RateLimited
from web.error_masking import UNAVAILABLE, unavailable_message
from web.error_responses import error_json, wants_a_page
from web.forms import CrossSiteForm
from web.html_pages import page
from web.request_scope import request_id
from web.security_headers import STATIC_FILES_POLICY

log = structlog.get_logger()


class StaticFolder(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = STATIC_FILES_POLICY
        return response


def static_routes() -> list[BaseRoute]:
    return [Mount("/static", StaticFolder(directory=Path(__file__).parent / "static"))]


def exception_handlers() -> dict[int | type[Exception], ExceptionHandler]:
    return {HTTPException: _refused, RateLimited: _rate_limited, CrossSiteForm: _cross_site}


class ErrorPageMiddleware:
    """Middleware that answers unhandled exceptions with an error page. Starlette's own handler would raise
    them again, and the server would log them a second time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            return  # The client does not wait for a response.
        except Exception as error:
            if scope["type"] != "http" or has_started:
                raise
            await failed(Request(scope), error)(scope, receive, send)


def with_error_pages(
    render: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """The page that `render` returns, or the error page where it raises: for pages that are not routes."""

    async def answer(request: Request) -> Response:
        try:
            return await render(request)
        except RateLimited as refusal:
            return await _rate_limited(request, refusal)
        except Exception as error:
            return failed(request, error)

    return answer


async def _refused(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    response = page("error", refusal.status_code, request_id=None, retry_at=None)
    response.headers.update(refusal.headers or {})
    return response


async def _cross_site(_request: Request, error: Exception) -> Response:
    return page("cross_site", public_origin=cast("CrossSiteForm", error).public_origin)


async def _rate_limited(_request: Request, error: Exception) -> Response:
    refusal = cast("RateLimited", error)
    response = page("error", 429, request_id=None, retry_at=refusal.retry_at)
    response.headers.update(refusal.headers)
    return response


def failed(request: Request, error: Exception) -> Response:
    if logged_as_outage(error, request_id=request_id(request)):
        return _unavailable(request)
    # Without the path, which may contain a token. As text: a log renderer may add the values of variables.
    exception = "".join(traceback.format_exception(error))
    log.error("page_failed", request_id=request_id(request), exception=exception)
    return page("error", 500, request_id=request_id(request), retry_at=None)


def _unavailable(request: Request) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if not wants_a_page(request):
        return error_json(503, UNAVAILABLE, unavailable_message(request_id(request)), headers)
    response = page("error", 503, request_id=request_id(request), retry_at=None)
    response.headers.update(headers)
    return response
