"""Errors for requests that are not allowed."""

from collections.abc import Mapping
from uuid import UUID

from graphql import GraphQLError

from models.accounts import ACCOUNT_ID_PREFIX
from permissions.rate_limits import Level, clock_time, retry_after, time_text
from permissions.roles import Permission


class Unauthenticated(GraphQLError):
    def __init__(self, message: str = "Sign in first.") -> None:
        super().__init__(message, extensions={"code": "UNAUTHENTICATED"})


class Forbidden(GraphQLError):
    """`permission` is the one that would have allowed the request. For an API key, `message` says what the
    key lacks. `which` ends the sentence in the audit log if it was not a permission that was missing."""

    def __init__(self, permission: Permission, message: str | None = None, which: str | None = None) -> None:
        super().__init__(
            message or f"Your role does not allow this: it needs {permission.value}.",
            extensions={"code": "FORBIDDEN", "permission": permission.value},
        )
        self.permission = permission
        self.which = which or f"which needs {permission.value}"


class ReauthenticationRequired(GraphQLError):
    """The account no longer accepts the session, by its policy or because the member's sessions were ended.
    Other accounts of the person do."""

    def __init__(self, account_id: UUID) -> None:
        super().__init__(
            "This account requires you to sign in again.",
            extensions={
                "code": "REAUTHENTICATION_REQUIRED",
                "accountId": f"{ACCOUNT_ID_PREFIX}_{account_id.hex}",
            },
        )


class ForbiddenNetwork(Forbidden):
    """A request with an API key from outside of its allowed networks, which no permission would allow."""

    def __init__(self, ip: str | None) -> None:
        message = f"This API key is not accepted from {ip or 'an unknown address'}: use it from its networks."
        super().__init__(Permission.ACCESS_API, message, "which comes from outside of the key's networks")
        self.extensions = {"code": "FORBIDDEN"}


class OutOfScope(GraphQLError):
    """A request that no permission would allow with this API key."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "FORBIDDEN"})


class NoSubscription(OutOfScope):
    """A subscription of an API key without the scope READ, also if the key had it at the beginning."""

    def __init__(self) -> None:
        super().__init__("This API key lacks the scope READ, which subscriptions require.")


class RateLimited(GraphQLError):
    """`level` is that of the bucket without enough tokens."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.retry_at = clock_time(level.refused_until)
        retry_at = time_text(self.retry_at)
        super().__init__(
            f"Too many requests: {level.limit:,} a minute are allowed. Try again at {retry_at}.",
            extensions={"code": "RATE_LIMITED", "retryAt": retry_at, "rateLimit": level.shown()},
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the response."""
        return {"retry-after": retry_after(self.retry_at)}
