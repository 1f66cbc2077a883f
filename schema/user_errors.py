"""`userErrors`: what a person can mend."""

from datetime import datetime

import strawberry

from permissions.allow import ANYONE
from resolvers import user_errors as refusals
from resolvers.user_errors import UserErrorCode
from schema.fields import object_type

_CODE = "What kind of error it is."
_MESSAGE = "What is wrong and what would be right, for a person to read."
_PATH = 'Where in the input: `["email"]`.'


@strawberry.interface(description="What a person can mend.")
class UserError:
    code: UserErrorCode = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    path: list[str] = strawberry.field(description=_PATH)


@object_type(allow=ANYONE, description="Something is wrong with the input.")
class InputError(UserError):
    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return type(value) is refusals.InputError


@object_type(
    allow=ANYONE, of=refusals.LicenseLimitReached, description="Nothing is left of what may be provisioned."
)
class LicenseLimitReached(UserError):
    limit: int = strawberry.field(description="How many there may be.")
    used: int = strawberry.field(description="How many there are.")


@object_type(allow=ANYONE, of=refusals.WrongEmail, description="The invitation is for somebody else.")
class WrongEmail(UserError):
    invited_masked_email: str = strawberry.field(
        description="Enough of the invited address to recognise one's own: `j•••@e•••.com`."
    )
    signed_in_email: str = strawberry.field(description="The address that is signed in.")


@object_type(allow=ANYONE, of=refusals.RetryLater, description="Too often.")
class RetryLater(UserError):
    retry_at: datetime = strawberry.field(description="From when on it works again.")


TYPES = (InputError, LicenseLimitReached, WrongEmail, RetryLater)
