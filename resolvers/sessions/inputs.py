"""Inputs of sessions and sign-in: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import text
from resolvers.input_fields import token


@strawberry.input(description="Whom to send a link.")
class RequestSignInInput:
    email: str = text("The person's address.", most=320)


@strawberry.input(description="The emailed link's token.")
class SignInInput:
    token: str = token("What stands in the link.")


@strawberry.input(description="Which session to end.")
class RevokeSessionInput:
    session_id: strawberry.ID = strawberry.field(description="One of the viewer's own.")


@strawberry.input(description="How the viewer wants to be called.")
class UpdateProfileInput:
    name: str = text("Not empty.", most=100)
