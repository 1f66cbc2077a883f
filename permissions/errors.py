"""What a client is told when it may not."""

from graphql import GraphQLError

from permissions.roles import Permission


class Unauthenticated(GraphQLError):
    def __init__(self, message: str = "Sign in first.") -> None:
        super().__init__(message, extensions={"code": "UNAUTHENTICATED"})


class Forbidden(GraphQLError):
    def __init__(self, permission: Permission) -> None:
        super().__init__(
            f"Your role does not allow this: it needs {permission.value}.",
            extensions={"code": "FORBIDDEN", "permission": permission.value},
        )
        self.permission = permission


class BadUserInput(GraphQLError):
    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})
