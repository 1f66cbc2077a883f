"""Responses to refused downloads: the reason and what to do, as HTML for browsers, or else as JSON."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from starlette.requests import Request
from starlette.responses import Response

from models.storage import StorageUnavailable
from permissions.errors import RateLimited
from resolvers.downloads.links import RefusalReason
from web.error_responses import error_json, wants_a_page
from web.html_pages import page
from web.request_scope import request_id

RETRY_AFTER_SECONDS = 30
log = structlog.get_logger()


class _Refusal(NamedTuple):
    status_code: int
    title: str
    why: str
    advice: str


_NEW_LINK = "Request the download again to get a new link."
_REFUSALS = {
    RefusalReason.UNKNOWN: _Refusal(
        404, "Download not found", "The link is mistyped, or expired long ago.", _NEW_LINK
    ),
    RefusalReason.EXPIRED: _Refusal(
        410, "This download link has expired", "A link is valid for a few minutes.", _NEW_LINK
    ),
    RefusalReason.WRONG_PERSON: _Refusal(
        403,
        "This download link is for another person",
        "The link was issued to another person than the one who is signed in here.",
        "Request the download yourself.",
    ),
    RefusalReason.MEMBER_REMOVED: _Refusal(
        403,
        "You are no longer a member",
        "The link was issued to a member who has since left the account.",
        "Ask an Admin of the account to invite you again.",
    ),
    RefusalReason.NOT_PERMITTED: _Refusal(
        403,
        "Your role does not allow this download",
        "Your role has changed since the link was issued.",
        "Ask an Admin of the account for the file, or for a role that may download it.",
    ),
    RefusalReason.SIGNED_OUT: _Refusal(
        403,
        "You have signed out",
        "The session or API key that requested the link has ended, and the link with it.",
        "Sign in and request the download again.",
    ),
    RefusalReason.REAUTHENTICATION_REQUIRED: _Refusal(
        403,
        "Sign in again",
        "The account no longer accepts the session that requested the link.",
        "Sign in again and request the download again.",
    ),
    RefusalReason.LICENSE_NOT_ACTIVE: _Refusal(
        403,
        "The license is not active",
        "It was suspended or revoked, or has expired, since the link was issued.",
        "Ask an Admin of the account about the license.",
    ),
    RefusalReason.LICENSE_CHANGED: _Refusal(
        403,
        "The license has changed",
        "Its key or its site was changed since the link was issued.",
        "Check for updates again with the license key and the site of now.",
    ),
    RefusalReason.THEME_NOT_ALLOWED: _Refusal(
        403,
        "Your limits do not include this theme",
        "An Admin of the account has changed your limits since the link was issued.",
        "Ask an Admin of the account for the file, or to change your limits.",
    ),
    RefusalReason.TOO_LARGE: _Refusal(
        413,
        "This report is too large",
        "Creating it would take more space, memory or time than a report may take.",
        "Request a report of a shorter period, or as CSV instead of PDF. Ask the operator of this site about"
        " personal data that is too large.",
    ),
    RefusalReason.GONE: _Refusal(
        403,
        "This file no longer exists",
        "It was removed from the catalog after the link was issued.",
        "Check the catalog for a newer version.",
    ),
}


def refused(request: Request, reason: RefusalReason) -> Response:
    refusal = _REFUSALS[reason]
    if wants_a_page(request):
        return page(
            "download_refused",
            refusal.status_code,
            title=refusal.title,
            why=refusal.why,
            advice=refusal.advice,
        )
    return error_json(refusal.status_code, reason.value, f"{refusal.title}. {refusal.why} {refusal.advice}")


def unavailable(request: Request, error: StorageUnavailable) -> Response:
    log.error("storage_unavailable", request_id=request_id(request), error=str(error))
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if wants_a_page(request):
        return _error_page(503, headers, request_id=request_id(request), retry_at=None)
    message = "The file storage is unavailable at the moment. Try again in a few seconds."
    return error_json(503, "UNAVAILABLE", message, headers)


def too_many(request: Request, limited: RateLimited) -> Response:
    if wants_a_page(request):
        return _error_page(429, limited.headers, request_id=None, retry_at=limited.retry_at)
    return error_json(429, "RATE_LIMITED", limited.message, limited.headers)


def _error_page(status_code: int, headers: Mapping[str, str], **values: Any) -> Response:
    response = page("error", status_code, **values)
    response.headers.update(headers)
    return response
