"""Inputs of sessions and sign-in: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import text
from resolvers.input_fields import token


@strawberry.input(description="Input of `requestSignIn`: the email address of the person.")
class RequestSignInInput:
    email: str = text("Email address of the person who wants to sign in.", most=320)


@strawberry.input(description="Input of `signIn`: the token of the emailed link.")
class SignInInput:
    token: str = token("Token of the link in the sign-in email.")


@strawberry.input(description="Input of `revokeSession`: the session to end.")
class RevokeSessionInput:
    session_id: strawberry.ID = strawberry.field(description="Id of one of the viewer's sessions.")


@strawberry.input(description="Input of `updateProfile`: the new display name of the viewer.")
class UpdateProfileInput:
    name: str = text("New display name of the viewer, on one line and not empty.", most=100)
