"""Declaration of mutations. Input and payload are derived from the function that makes the change."""

import inspect
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Annotated, Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import PermissionExtension
from strawberry.types.base import get_object_definition

from engine.input_limits import excesses_of
from engine.scalars import plain
from permissions.allow import SIGNED_IN, Allow, AllowDirective, Has, rule
from permissions.context import MutationCall
from permissions.errors import OutOfScope
from permissions.roles import Permission
from resolvers.user_errors import MOST_USER_ERRORS, InputError, UserErrorCode, UserErrors
from schema.fields import RULE, Info, take_arguments
from schema.payloads import payload_maker, payload_type


def mutation_field(
    make: Callable[..., Awaitable[object]], *, allow: Allow | Permission, description: str
) -> object:
    """A field for `make`, a function of the context and an optional input that returns the result. The
    field's description ends with the rule.

    A rule about an account is checked by the change itself, under its lock. Other rules are checked here,
    before any data is read. An API key can only make changes whose rule is a permission in an account.
    """
    who = rule(allow)
    in_account = isinstance(who, Has)
    signature = inspect.signature(make)
    input: type | None = signature.parameters["input"].annotation if "input" in signature.parameters else None
    of_result, of_errors = payload_maker(signature.return_annotation)

    async def resolve(info: Info, **arguments: object) -> object:
        viewer = info.context.viewer
        if viewer is not None and viewer.is_api_key and not in_account:
            raise OutOfScope("This cannot be done with an API key: sign in instead.")
        given = tuple(arguments.values())
        values = plain(given[0]) if given else {}
        if errors := _errors_of(input, values):
            return of_errors(errors)
        info.context.current_mutation = MutationCall(who, values)
        try:
            return of_result(await make(info.context, *given))
        except UserErrors as refusal:
            return of_errors(refusal.errors)

    take_arguments(resolve, _arguments(input))
    checked_here: list[FieldExtension] = [
        PermissionExtension([SIGNED_IN if in_account else who], use_directives=False)
    ]
    return strawberry.field(
        resolver=resolve,
        graphql_type=payload_type(signature.return_annotation) | None,
        description=f"{description} {_requirement(who)}",
        extensions=checked_here,
        directives=[AllowDirective(who=who.who)],
        metadata={RULE: who},
    )


def _errors_of(input: type | None, values: Any) -> list[InputError]:
    return [
        InputError(UserErrorCode(code or UserErrorCode.INVALID), message, list(path))
        for path, message, code in islice(excesses_of(input, values), MOST_USER_ERRORS)
    ]


def _arguments(input: type | None) -> dict[str, tuple[object, object]]:
    if input is None:
        return {}
    definition = get_object_definition(input, strict=True)
    described = strawberry.argument(description=definition.description)
    return {"input": (Annotated[input, described], inspect.Parameter.empty)}


def _requirement(who: Allow) -> str:
    """Like `with_requirement`, but API keys are refused unless the rule is a permission in an account."""
    if isinstance(who, Has):
        return f"{who.requirement}; null with a `FORBIDDEN` error otherwise."
    if who is SIGNED_IN:
        return "Requires a session; null with `UNAUTHENTICATED`, or `FORBIDDEN` for an API key, otherwise."
    return "Requires no authentication; null with a `FORBIDDEN` error for an API key."
