"""Arguments of generated operations, as JSON for variables and as literals."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from hypothesis import strategies as st

Keys = tuple[str, ...]
Choice = TypeVar("Choice")

_OF_SCALARS: Mapping[str, Sequence[Any]] = {
    "Boolean": (True, False),
    "Float": (0.5, 2, -1.25e3),
    "ID": ("1", 7, "seven"),
    "Int": (0, 1, 3, 2**31 - 1),
    "String": ("", "a", 'quoted "\\ and\nnot', "\N{SNOWMAN}"),
}
_NOT_COERCED: Mapping[str, Sequence[Any]] = {
    "Boolean": ("true", 1, []),
    "Float": ("0.5", True, {}),
    "ID": (1.5, True, {"id": 1}),
    "Int": ("1", 1.5, 2**31, True),
    "String": (1, False, {"a": 1}),
}
_NEVER_COERCED: Any = ([[[]]], {"unknown": {}}, ["unknown"])


@dataclass(frozen=True)
class Values:
    """Possible values of arguments, as JSON: by coordinate (`Query.theme(slug:)`, `ThemeFilter.tag`), by name
    (`slug`), or by type (`ID`); what is found first counts. Enums, lists and input objects are made up.

    `wrong` values have the right type, and are none that is there. `often` are fields to ask for, where the
    choice would be among all.
    """

    right: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    wrong: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    often: Sequence[str] = ()


@dataclass
class Chooser:
    """Draws values with the simplest choice first, to which failures shrink."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    values: Values
    mistakes: bool = False

    def chance(self, percent: int) -> bool:
        return bool(self.draw(_PERCENT) >= 100 - percent)

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        chosen: Choice = choices[self.number(0, len(choices) - 1)]
        return chosen

    def number(self, least: int, most: int) -> int:
        return least if least == most else int(self.draw(_integers(least, most)))

    def mistake(self, percent: int) -> bool:
        return self.mistakes and self.chance(percent)

    def json(self, kind: GraphQLInputType, keys: Keys, *, null: int = 10) -> Any:
        """A value that coerces to the type. A nullable one is null in the given percentage of cases."""
        if is_non_null_type(kind):
            return self.json(kind.of_type, keys, null=0)
        if null and self.chance(null):
            return None
        if is_list_type(kind):
            if self.chance(15):
                return self.json(kind.of_type, keys, null=0)
            return [self.json(kind.of_type, keys) for _ in range(self.number(0, 3))]
        if is_input_object_type(kind):
            return {
                name: self.json(kind.fields[name].type, keys_of(kind.name, name))
                for name in self.chosen_fields(kind)
            }
        return self.leaf(kind, keys)

    def leaf(self, kind: Any, keys: Keys) -> Any:
        if is_enum_type(kind):
            return self.one_of(list(kind.values))
        keys = (*keys, kind.name)
        if self.mistake(25) and (wrong := _found(self.values.wrong, keys)):
            return self.one_of(wrong)
        return self.one_of(
            _found(self.values.right, keys) or _OF_SCALARS.get(kind.name) or _OF_SCALARS["String"]
        )

    def uncoerced(self, kind: GraphQLInputType) -> Any:
        """A value that does not coerce to the type or, for a scalar that accepts anything, an unusual one."""
        if is_non_null_type(kind) and self.chance(20):
            return None
        named = get_named_type(kind)
        wrong = _NOT_COERCED.get(named.name, ("NONE",))
        return self.one_of([*wrong, *_NEVER_COERCED])

    def chosen_fields(self, kind: GraphQLInputObjectType) -> list[str]:
        names = list(kind.fields)
        if kind.is_one_of:
            return [self.one_of(names)]
        optional = [name for name in names if not is_required_input_field(kind.fields[name])]
        for _ in range(max(0, len(optional) - self.number(0, 2))):
            optional.remove(self.one_of(optional))
        return [name for name in names if name in optional or is_required_input_field(kind.fields[name])]


def keys_of(owner: str, name: str) -> Keys:
    """Keys of an input object's field."""
    return (f"{owner}.{name}", name)


def literal(kind: GraphQLInputType, value: Any) -> str:
    """GraphQL literal of a JSON value for the expected type."""
    if is_non_null_type(kind):
        return literal(kind.of_type, value)
    if value is None:
        return "null"
    if is_list_type(kind):
        if isinstance(value, list):
            return f"[{', '.join(literal(kind.of_type, each) for each in value)}]"
        return literal(kind.of_type, value)
    if is_input_object_type(kind):
        return written({name: literal(kind.fields[name].type, each) for name, each in value.items()})
    return str(value) if is_enum_type(kind) else untyped_literal(value)


def untyped_literal(value: Any) -> str:
    if isinstance(value, dict):
        return written({name: untyped_literal(each) for name, each in value.items()})
    if isinstance(value, list):
        return f"[{', '.join(map(untyped_literal, value))}]"
    return json.dumps(value)


def written(fields: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {text}' for name, text in fields.items())}}}"


def _found(values: Mapping[str, Sequence[Any]], keys: Keys) -> Sequence[Any]:
    return next((values[key] for key in keys if key in values), ())


@cache
def _integers(least: int, most: int) -> st.SearchStrategy[int]:
    """Cached, because Hypothesis validates each strategy on its first use."""
    return st.integers(least, most)


_PERCENT = _integers(0, 99)
