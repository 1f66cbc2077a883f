"""Why nothing goes out by a download's link, and what to do: a page for browsers, JSON for all others."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from starlette.requests import Request
from starlette.responses import Response

from models.storage import StorageUnavailable
from permissions.errors import RateLimited
from resolvers.downloads.links import WhyNot
from web.error_responses import error_json, wants_a_page
from web.html_pages import page
from web.request_scope import request_id

RETRY_AFTER_SECONDS = 30
log = structlog.get_logger()


class _Words(NamedTuple):
    status_code: int
    title: str
    why: str
    advice: str


_NEW_LINK = "Ask for the download again: each link is new."
_REFUSALS = {
    WhyNot.UNKNOWN: _Words(
        404, "This is not a download", "The link is mistyped, or was forgotten long ago.", _NEW_LINK
    ),
    WhyNot.EXPIRED: _Words(
        410, "This link's time is over", "A link works for a few minutes after it was asked for.", _NEW_LINK
    ),
    WhyNot.WRONG_PERSON: _Words(
        403,
        "This download is somebody else's",
        "The link was made for another person than the one who is signed in here.",
        "Ask for a download of your own.",
    ),
    WhyNot.MEMBER_REMOVED: _Words(
        403,
        "You are no longer a member",
        "The link was made for a member of an account who has left it since.",
        "Ask an Admin of the account to invite you again.",
    ),
    WhyNot.NOT_PERMITTED: _Words(
        403,
        "Your role does not allow this download",
        "It has changed since the link was made.",
        "Ask an Admin of the account for the file, or for the role.",
    ),
    WhyNot.SIGNED_OUT: _Words(
        403,
        "You have signed out",
        "The link ended with the session or the API key that asked for it.",
        "Sign in, and ask for the download again.",
    ),
    WhyNot.LICENSE_NOT_ACTIVE: _Words(
        403,
        "The license is not active",
        "It was suspended or revoked, or has expired, since the link was made.",
        "Ask an Admin of the account what became of it.",
    ),
    WhyNot.TOO_LARGE: _Words(
        413,
        "This report is too large",
        "It takes more bytes, memory or time than a report may here.",
        "Ask for one of a shorter period, or for CSV instead of a PDF.",
    ),
    WhyNot.GONE: _Words(
        403,
        "This file is gone",
        "It was taken out of the catalog since the link was made.",
        "Look in the catalog: there may be a newer one.",
    ),
}


def refused(request: Request, reason: WhyNot) -> Response:
    words = _REFUSALS[reason]
    if wants_a_page(request):
        return page(
            "download_refused", words.status_code, title=words.title, why=words.why, advice=words.advice
        )
    return error_json(words.status_code, reason.value, f"{words.title}. {words.why} {words.advice}")


def unavailable(request: Request, error: StorageUnavailable) -> Response:
    log.error("storage_unavailable", request_id=request_id(request), error=str(error))
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if wants_a_page(request):
        return _error_page(503, headers, request_id=request_id(request), retry_at=None)
    message = "The files are not to be reached just now. Try again in a moment."
    return error_json(503, "UNAVAILABLE", message, headers)


def too_many(request: Request, limited: RateLimited) -> Response:
    if wants_a_page(request):
        return _error_page(429, limited.headers, request_id=None, retry_at=limited.retry_at)
    return error_json(429, "RATE_LIMITED", limited.message, limited.headers)


def _error_page(status_code: int, headers: Mapping[str, str], **values: Any) -> Response:
    response = page("error", status_code, **values)
    response.headers.update(headers)
    return response
