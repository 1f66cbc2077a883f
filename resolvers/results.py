"""Results of changes. The payload type that clients see is derived from the result's class."""

from dataclasses import MISSING, dataclass, field
from typing import Any, TypeVar, dataclass_transform

Result = TypeVar("Result")

DESCRIPTION = "description"
SHOWN_AS = "shown_as"
NEVER_NULL = "never_null"


def shown(
    description: str, *, default: Any = MISSING, shown_as: str | None = None, never_null: bool = False
) -> Any:
    """A field of a result and of its payload, where it is null if the change was refused. `shown_as` is the
    name of its GraphQL type if that differs from the class. A list with `never_null` is empty instead of
    null."""
    metadata = {DESCRIPTION: description, SHOWN_AS: shown_as, NEVER_NULL: never_null}
    return field(default=default, metadata=metadata)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(shown,))
def mutation_result(cls: type[Result]) -> type[Result]:
    """Declares the result of a mutation. Its docstring is the description of the payload."""
    return dataclass(kw_only=True, frozen=True)(cls)
