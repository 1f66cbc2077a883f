"""Errors that the caller can fix: raised by a change and returned as `userErrors`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.enums import described_enum


@described_enum(
    "Kind of a problem that the caller can correct.",
    """
    INVALID The value does not have the required form or range.
    NOT_FOUND The object does not exist, or it is not visible to the viewer.
    ALREADY_MEMBER The person is already a member of the account.
    ALREADY_INVITED The person already has a pending invitation, which can be resent.
    INVITATION_EXPIRED The invitation has expired; an Admin can resend it.
    INVITATION_REVOKED The invitation was revoked by an Admin.
    INVITATION_ALREADY_USED The invitation was already accepted.
    WRONG_EMAIL The link was sent to another email address than that of the viewer.
    OWNER_PROTECTED The owner must remain an Admin and cannot leave or be removed.
    LICENSE_LIMIT_REACHED All purchased licenses are in use, or a limit of the account or member is reached.
    SPEND_LIMIT_REACHED The purchase would exceed the account's monthly spending limit.
    NOT_ACTIVE The object's status does not allow the change.
    ROLE_WITHOUT_API_ACCESS The member's role does not include `ACCESS_API`.
    TOKEN_INVALID The link's token is malformed, used or expired.
    TOO_MANY_REQUESTS A limit on emails or accounts is reached. `RetryLater` says when to try again.
    IDEMPOTENCY_CONFLICT The idempotency key was used before with a different input.
    THEME_NOT_ALLOWED The limits of the member do not include the theme.
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
    THEME_NOT_ALLOWED = "THEME_NOT_ALLOWED"


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


MOST_USER_ERRORS = 100
"""Maximum number of errors of one change. Further ones are reported once these are corrected."""


class UserErrors(Exception):
    """Ends a change without any effect, with errors for the caller."""

    def __init__(self, *errors: InputError) -> None:
        super().__init__(errors[0].message)
        self.errors = list(errors[:MOST_USER_ERRORS])


def user_error(code: UserErrorCode, message: str, *path: str) -> UserErrors:
    return UserErrors(InputError(code, message, list(path)))


def invalid(message: str, *path: str) -> UserErrors:
    return user_error(UserErrorCode.INVALID, message, *path)


def not_found(what: str, *path: str) -> UserErrors:
    return user_error(UserErrorCode.NOT_FOUND, f"There is no such {what}.", *path)


def too_many_requests(message: str, retry_at: datetime, *path: str) -> UserErrors:
    return UserErrors(RetryLater(UserErrorCode.TOO_MANY_REQUESTS, message, list(path), retry_at=retry_at))
