"""What a client is told when it may not."""

from graphql import GraphQLError

from permissions.roles import Permission


class Unauthenticated(GraphQLError):
    def __init__(self, message: str = "Sign in first.") -> None:
        super().__init__(message, extensions={"code": "UNAUTHENTICATED"})


class Forbidden(GraphQLError):
    """`permission` is the one that would have opened it. Of an API key, `message` says what the key lacks.
    `which` is how the log ends its sentence where it is no permission that was missing."""

    def __init__(self, permission: Permission, message: str | None = None, which: str | None = None) -> None:
        super().__init__(
            message or f"Your role does not allow this: it needs {permission.value}.",
            extensions={"code": "FORBIDDEN", "permission": permission.value},
        )
        self.permission = permission
        self.which = which or f"which needs {permission.value}"


class OutOfScope(GraphQLError):
    """What no permission would open to this API key."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "FORBIDDEN"})


class BadUserInput(GraphQLError):
    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})
