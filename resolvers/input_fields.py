"""Fields that inputs of several topics have."""

from typing import Any

from engine.input_limits import text
from resolvers.user_errors import UserErrorCode


def idempotency_key(exception: str = "") -> Any:
    """A client's key for a change, which is then made once however often it is asked for. `exception` is
    what a repetition does not answer as the first time."""
    answered = (
        "The same key with the same input changes nothing and answers as the first time, for 24 hours at"
        " least."
    )
    return text(f"{answered} {exception}".strip(), most=255, default=None)


def token(description: str) -> Any:
    """The token of an emailed link."""
    return text(description, most=200, code=UserErrorCode.TOKEN_INVALID)
