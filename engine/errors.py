"""Errors that the engine answers requests with."""

from graphql import GraphQLError


class BadUserInput(GraphQLError):
    """An argument's value is not allowed. The message names the argument and says what is."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})
