"""Cookie that identifies the browser which requested or opened an emailed link."""

import re
from collections.abc import Callable
from secrets import token_urlsafe

from starlette.requests import HTTPConnection
from starlette.responses import Response

from settings import Settings

_NAME = "ta_browser"
_SECRET = re.compile(r"[\w-]{43}", re.ASCII)


def secret_of(connection: HTTPConnection, settings: Settings) -> str | None:
    """The secret in the request's cookie, 256 random bits; None without a valid cookie."""
    value = connection.cookies.get(settings.cookie_prefix + _NAME, "")
    return value if _SECRET.fullmatch(value) else None


def issuing(
    connection: HTTPConnection, settings: Settings, response: Callable[[], Response]
) -> Callable[[], str]:
    """Returns a function that sets the cookie, or extends it, for the lifetime of a sign-in link."""
    secret = secret_of(connection, settings) or token_urlsafe(32)

    def issue() -> str:
        response().set_cookie(
            settings.cookie_prefix + _NAME,
            secret,
            max_age=settings.sign_in_lifetime_seconds,
            httponly=True,
            samesite="lax",  # Not strict: links are opened from webmail pages.
            secure=settings.secure_cookies,
        )
        return secret

    return issue
