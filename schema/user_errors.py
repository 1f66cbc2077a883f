"""Types of `userErrors`, which the caller can correct."""

from datetime import datetime

import strawberry

from permissions.allow import ANYONE
from resolvers import user_errors
from resolvers.user_errors import UserErrorCode
from schema.fields import object_type

_CODE = "Kind of the problem, for programs to act on."
_MESSAGE = "Explanation of the problem for people, in English: what is wrong and what would be right."
_PATH = (
    'Path of the input field concerned, such as `["email"]` or `["items", "0", "quantity"]`. Empty when it'
    " concerns no single field."
)


@strawberry.interface(
    description="Problem that the caller can correct, reported in `userErrors`. A change that reports one"
    " was not made."
)
class UserError:
    code: UserErrorCode = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    path: list[str] = strawberry.field(description=_PATH)


@object_type(
    allow=ANYONE,
    description="Problem with a value of the input, or with the state of an object that the input refers to.",
)
class InputError(UserError):
    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return type(value) is user_errors.InputError


@object_type(
    allow=ANYONE,
    of=user_errors.LicenseLimitReached,
    description="No further license can be active: all purchased licenses of the theme are in use, or the"
    " limit of the account or of the member on active licenses is reached.",
)
class LicenseLimitReached(UserError):
    limit: int = strawberry.field(
        description="The limit that is reached: the number of purchased licenses"
        " of the theme, or `maxActiveLicenses` of `AccountLimits` or of `MemberLimits`."
    )
    used: int = strawberry.field(description="Number of licenses that count toward the limit now.")


@object_type(
    allow=ANYONE,
    of=user_errors.WrongEmail,
    description="The link was sent to an email address other than that of the person who is signed in.",
)
class WrongEmail(UserError):
    invited_masked_email: str = strawberry.field(
        description="Email address to which the link was sent, masked so that only its owner recognizes it:"
        " `j•••@e•••.com`."
    )
    signed_in_email: str = strawberry.field(description="Email address of the person who is signed in.")


@object_type(
    allow=ANYONE,
    of=user_errors.RetryLater,
    description="A limit on emails or new accounts in a period of time is reached. The same request can"
    " succeed later.",
)
class RetryLater(UserError):
    retry_at: datetime = strawberry.field(description="Time from which the request can succeed again.")


TYPES = (InputError, LicenseLimitReached, WrongEmail, RetryLater)
