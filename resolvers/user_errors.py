"""What a person can mend: raised by a change, answered as `userErrors`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.enums import described_enum


@described_enum(
    "What a person can mend.",
    """
    INVALID The value is not of the right form.
    NOT_FOUND There is no such thing, or none that the viewer may know of.
    ALREADY_MEMBER The person is a member already.
    ALREADY_INVITED The person is invited already.
    INVITATION_EXPIRED The invitation's time is over.
    INVITATION_REVOKED The invitation was withdrawn.
    INVITATION_ALREADY_USED The invitation was accepted already.
    WRONG_EMAIL The invitation is for somebody else than who is signed in.
    OWNER_PROTECTED The owner is always an Admin and never removed.
    LICENSE_LIMIT_REACHED Nothing is left of what was bought, or of the account's limit.
    SPEND_LIMIT_REACHED The account's monthly spend would be above its limit.
    NOT_ACTIVE It has ended, so this cannot be done with it.
    ROLE_WITHOUT_API_ACCESS The member's role may not use the API.
    TOKEN_INVALID The link or token is not valid, or not any more.
    TOO_MANY_REQUESTS Too often: try again later.
    IDEMPOTENCY_CONFLICT The idempotency key was used with another input.
    """,
)
class UserErrorCode(StrEnum):
    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_MEMBER = "ALREADY_MEMBER"
    ALREADY_INVITED = "ALREADY_INVITED"
    INVITATION_EXPIRED = "INVITATION_EXPIRED"
    INVITATION_REVOKED = "INVITATION_REVOKED"
    INVITATION_ALREADY_USED = "INVITATION_ALREADY_USED"
    WRONG_EMAIL = "WRONG_EMAIL"
    OWNER_PROTECTED = "OWNER_PROTECTED"
    LICENSE_LIMIT_REACHED = "LICENSE_LIMIT_REACHED"
    SPEND_LIMIT_REACHED = "SPEND_LIMIT_REACHED"
    NOT_ACTIVE = "NOT_ACTIVE"
    ROLE_WITHOUT_API_ACCESS = "ROLE_WITHOUT_API_ACCESS"
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"


@dataclass(frozen=True)
class InputError:
    code: UserErrorCode
    message: str
    path: list[str]


@dataclass(frozen=True)
class LicenseLimitReached(InputError):
    limit: int
    used: int


@dataclass(frozen=True)
class WrongEmail(InputError):
    invited_masked_email: str
    signed_in_email: str


@dataclass(frozen=True)
class RetryLater(InputError):
    retry_at: datetime


class Refused(Exception):
    """Leaves a change with nothing changed, and tells the person why."""

    def __init__(self, *errors: InputError) -> None:
        super().__init__(errors[0].message)
        self.errors = list(errors)


def refused(code: UserErrorCode, message: str, *path: str) -> Refused:
    return Refused(InputError(code, message, list(path)))


def invalid(message: str, *path: str) -> Refused:
    return refused(UserErrorCode.INVALID, message, *path)


def not_found(what: str, *path: str) -> Refused:
    return refused(UserErrorCode.NOT_FOUND, f"There is no such {what}.", *path)


def too_many_requests(message: str, retry_at: datetime, *path: str) -> Refused:
    return Refused(RetryLater(UserErrorCode.TOO_MANY_REQUESTS, message, list(path), retry_at=retry_at))
