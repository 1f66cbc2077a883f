"""The cookie by which the page of an emailed link recognises the browser that opened it, or asked for it."""

import re
from collections.abc import Callable
from secrets import token_urlsafe

from starlette.requests import HTTPConnection
from starlette.responses import Response

from settings import Settings

_NAME = "ta_browser"
_SECRET = re.compile(r"[\w-]{43}", re.ASCII)


def secret_of(connection: HTTPConnection, settings: Settings) -> str | None:
    """The secret that the browser brought: 256 random bits."""
    value = connection.cookies.get(settings.cookie_prefix + _NAME, "")
    return value if _SECRET.fullmatch(value) else None


def issuing(
    connection: HTTPConnection, settings: Settings, response: Callable[[], Response]
) -> Callable[[], str]:
    """Sets the cookie, or makes it live on, for as long as a sign-in link works."""
    secret = secret_of(connection, settings) or token_urlsafe(32)

    def issue() -> str:
        response().set_cookie(
            settings.cookie_prefix + _NAME,
            secret,
            max_age=settings.sign_in_lifetime_seconds,
            httponly=True,
            samesite="lax",  # Not strict: links are opened from the pages of webmail.
            secure=settings.secure_cookies,
        )
        return secret

    return issue
