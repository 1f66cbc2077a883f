"""Input fields that several topics share."""

from typing import Any

from engine.input_limits import text
from resolvers.user_errors import UserErrorCode


def idempotency_key(exception: str = "") -> Any:
    """Input field for an idempotency key. `exception` describes what the result of a repeated request
    lacks."""
    answered = (
        "Key chosen by the client, such as a UUID, that makes retries safe: a request repeated with the same"
        " key and input within 24 hours changes nothing and returns the first result; with a different input,"
        " it is refused with IDEMPOTENCY_CONFLICT. If omitted, a repeated request is executed again."
    )
    return text(f"{answered} {exception}".strip(), most=255, default=None)


def token(description: str) -> Any:
    """Input field for the token of an emailed link."""
    return text(description, most=200, code=UserErrorCode.TOKEN_INVALID)
