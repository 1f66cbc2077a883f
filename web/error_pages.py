"""What a browser is shown where a page cannot be, and the files that pages load."""

from pathlib import Path
from typing import cast

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ExceptionHandler

from web.exchange import request_id
from web.pages import page

log = structlog.get_logger()


def static_routes() -> list[BaseRoute]:
    return [Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))]


def exception_handlers() -> dict[int | type[Exception], ExceptionHandler]:
    return {HTTPException: _refused, Exception: _failed}


async def _refused(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    response = page("error", refusal.status_code, request_id=None, retry_at=None)
    response.headers.update(refusal.headers or {})
    return response


async def _failed(request: Request, error: Exception) -> Response:
    # Not the path: it may hold a token.
    log.error("page_failed", request_id=request_id(request), exc_info=error)
    return page("error", 500, request_id=request_id(request), retry_at=None)
