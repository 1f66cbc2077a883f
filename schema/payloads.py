"""Payload types, derived from the results of changes: a field for each of the result's, and `userErrors`."""

from collections.abc import Callable
from dataclasses import Field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import strawberry

from engine.list_sizes import AS_LONG_AS_INPUT, LIST_SIZE, usually
from permissions.allow import ANYONE
from resolvers.results import DESCRIPTION, NEVER_NULL, SHOWN_AS
from resolvers.user_errors import MOST_USER_ERRORS, InputError
from schema import (
    accounts,
    api_keys,
    audit_streams,
    billing,
    downloads,
    invitations,
    licenses,
    members,
    sessions,
)
from schema.fields import OBJECT_TYPES, object_type
from schema.user_errors import UserError

_DECLARING = (accounts, api_keys, audit_streams, billing, downloads, invitations, licenses, members, sessions)
"""Imported so that their object types are declared."""


@strawberry.type
class Payload:
    """Base of all payloads. The fields of the result are null if there are errors."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Problems that the caller can correct. Empty on success.",
        metadata={LIST_SIZE: usually(1, most=MOST_USER_ERRORS)},
    )


@cache
def payload_type(result: type) -> type:
    """The GraphQL type of a class of results: `InviteMemberResult` is shown as `InviteMemberPayload`."""
    name = result.__name__.removesuffix("Result") + "Payload"
    shown = {each.name: _graphql_type(each) for each in fields(result)}
    declared = {each.name: _declaration(each) for each in fields(result)}
    cls = type(name, (Payload,), {"__annotations__": shown, "__module__": __name__, **declared})
    return object_type(allow=ANYONE, description=result.__doc__ or "")(cls)


def payload_maker(result: type) -> tuple[Callable[[object], object], Callable[[list[InputError]], object]]:
    """Two functions, which build the payload from a result and from errors."""
    payload: Any = payload_type(result)
    names = [each.name for each in fields(result)]

    def of_result(made: Any) -> Any:
        return payload(**{name: getattr(made, name) for name in names})

    def of_errors(errors: list[InputError]) -> object:
        return payload(user_errors=errors)

    return of_result, of_errors


def _declaration(field: Field[object]) -> object:
    description = field.metadata[DESCRIPTION]
    metadata = {LIST_SIZE: AS_LONG_AS_INPUT} if get_origin(field.type) is list else None
    if field.metadata[NEVER_NULL]:
        return strawberry.field(default_factory=list, description=description, metadata=metadata)
    refused = "Null when `userErrors` is not empty."
    return strawberry.field(default=None, description=f"{description} {refused}", metadata=metadata)


def _graphql_type(field: Field[object]) -> object:
    kind = _shown(field.type, field.metadata[SHOWN_AS])
    return kind if field.metadata[NEVER_NULL] else kind | None


def _shown(kind: Any, shown_as: str | None) -> Any:
    if get_origin(kind) is list:
        return list[_shown(get_args(kind)[0], shown_as)]  # type: ignore[misc]
    if isinstance(kind, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    return OBJECT_TYPES.get(shown_as or kind.__name__, kind)
