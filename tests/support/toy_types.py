"""A schema that knows no product and has every kind of type, for the tests of the executor.

What its fields return is whatever the test says: a `Thing` shows an object that the test makes, each kind of
value in three ways: `int` is the object's attribute, `intSync` and `intAsync` are resolved to the same.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, NewType

import strawberry
from strawberry import UNSET
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info as StrawberryInfo


@dataclass
class Toys:
    """Context of a request: the objects that are shown, created on each access, and the changes with what was
    read of them."""

    make: Callable[[], Any] = SimpleNamespace
    done: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)


Info = StrawberryInfo[Toys, None]


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = 2


def _write_even(value: Any) -> Any:
    if value % 2:
        raise ValueError(f"{value} is odd")
    return value or None


def _read_even(value: Any) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError(f"{value!r} is not even")
    return value


Even = NewType("Even", int)
_EVEN = strawberry.scalar(name="Even", serialize=_write_even, parse_value=_read_even)


@strawberry.interface
class Animal:
    name: str
    friends: list["Animal"] = strawberry.field(default_factory=list)

    @strawberry.field
    async def call(self) -> str:
        return f"{self.name}!"


@strawberry.type
class Cat(Animal):
    lives: int = 9


@strawberry.type
class Dog(Animal):
    good: bool = True

    @strawberry.field
    async def owner(self) -> "Person | None":
        return Person(name=f"{self.name}'s")


class Stored:
    """Another class that the type `Person` shows."""

    def __init__(self, name: str) -> None:
        self.name = name


@strawberry.type
class Person:
    name: str

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, Person | Stored)


Being = Annotated[Dog | Person, strawberry.union("Being")]


class Tall(BasePermission):
    """Returns or raises the object's `tall`."""

    message = "Not tall enough."

    def has_permission(self, source: Any, info: Any, **_arguments: Any) -> Any:
        if isinstance(source.tall, Exception):
            raise source.tall
        return source.tall


class TallLater(Tall):
    async def has_permission(self, source: Any, info: Any, **arguments: Any) -> Any:
        return super().has_permission(source, info, **arguments)


class Louder(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return f"{next_(source, info, **arguments)}!"


_Thing: Any = Annotated["Thing", strawberry.lazy("tests.support.toy_types")]
KINDS: dict[str, Any] = {
    "int": int | None,
    "float": float | None,
    "string": str | None,
    "id": strawberry.ID | None,
    "boolean": bool | None,
    "colour": Colour | None,
    "even": Even | None,
    "ints": list[int] | None,
    "maybe_ints": list[int | None] | None,
    "rows": list[list[int | None] | None] | None,
    "full_rows": list[list[int]] | None,
    "sure": int,
    "sure_even": Even,
    "child": _Thing | None,
    "sure_child": _Thing,
    "children": list[_Thing] | None,
    "maybe_children": list[_Thing | None] | None,
    "animal": Animal | None,
    "animals": list[Animal] | None,
    "maybe_animals": list[Animal | None] | None,
    "being": Being | None,
    "beings": list[Being | None] | None,
    "person": Person | None,
}


def _resolved(root: Any, name: str) -> Any:
    value = getattr(root, name)
    if isinstance(value, Exception):
        raise value
    return value


def _fields(name: str, kind: Any) -> dict[str, Any]:
    def resolve(root: strawberry.Parent[Any]) -> Any:
        return _resolved(root, name)

    async def resolve_later(root: strawberry.Parent[Any]) -> Any:
        await asyncio.sleep(0)
        return _resolved(root, name)

    return {
        name: strawberry.field(graphql_type=kind),
        f"{name}_sync": strawberry.field(resolver=resolve, graphql_type=kind),
        f"{name}_async": strawberry.field(resolver=resolve_later, graphql_type=kind),
    }


def _thing() -> type:
    """`Thing`, with three fields for each kind of value."""
    fields = {name: made for kind in KINDS for name, made in _fields(kind, KINDS[kind]).items()}

    def seen(root: strawberry.Parent[Any]) -> str | None:
        return "seen"

    async def seen_later(root: strawberry.Parent[Any]) -> str | None:
        return "seen"

    def all_seen(root: strawberry.Parent[Any]) -> list[str]:
        return ["seen"]

    def loud(root: strawberry.Parent[Any]) -> str:
        return "loud"

    annotations = dict.fromkeys(fields, Any)
    silently = PermissionExtension([Tall()], fail_silently=True)
    fields |= {
        "guarded": strawberry.field(resolver=seen, extensions=[PermissionExtension([Tall()])]),
        "guarded_later": strawberry.field(
            resolver=seen_later, extensions=[PermissionExtension([TallLater()])]
        ),
        "guarded_silently": strawberry.field(resolver=all_seen, extensions=[silently]),
        "loud": strawberry.field(resolver=loud, extensions=[Louder()]),
    }
    return strawberry.type(
        type("Thing", (), {**fields, "__annotations__": annotations, "__module__": __name__})
    )


Thing = _thing()


@strawberry.input
class Span:
    least: int = 0
    most: int | None = None
    colours: list[Colour] = strawberry.field(default_factory=lambda: [Colour.RED])
    inner: "Span | None" = UNSET


@strawberry.input(one_of=True)
class Choice:
    number: strawberry.Maybe[int]
    text: strawberry.Maybe[str]


def _make(info: Info) -> Any:
    return info.context.make()


async def _make_later(info: Info) -> Any:
    return info.context.make()


@strawberry.type
class Query:
    thing: Any = strawberry.field(resolver=_make, graphql_type=Thing | None)
    sure_thing: Any = strawberry.field(resolver=_make_later, graphql_type=Thing)

    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    def told(
        self,
        number: int | None = UNSET,
        text: str = "text",
        colour: Colour | None = Colour.BLUE,
        even: Even | None = None,
        ids: list[strawberry.ID] | None = None,
        rows: list[list[int] | None] | None = None,
        span: Span | None = None,
        choice: Choice | None = None,
    ) -> str:
        return repr((number, text, colour, even, ids, rows, span, choice))

    @strawberry.field
    def needed(self, number: int, span: Span) -> str:
        return repr((number, span))

    @strawberry.field
    def asked(self, info: Info, name: str = "") -> str:
        """Parts of `Info` that a resolver may use besides the context."""
        value: Any = info
        for each in name.split("."):
            value = getattr(value, each)
        return str(value)


@strawberry.type
class Touched:
    """Result of a change."""

    name: str
    maybe: str | None = None
    sure: int = 1

    @strawberry.field
    async def late(self, info: Info) -> str:
        info.context.read.append(f"{self.name} after {info.context.done[-1]}")
        return self.name

    @strawberry.field
    async def broken(self) -> str | None:
        raise ValueError(f"{self.name} is broken")


async def _guarded(info: Info) -> str | None:
    info.context.done.append("guarded")
    return "done"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def touch(self, info: Info, name: str = "it", sure: int | None = 1) -> Touched | None:
        info.context.done.append(f"begin {name}")
        await asyncio.sleep(0.001)
        info.context.done.append(f"end {name}")
        return Touched(name=name, sure=sure)  # type: ignore[arg-type]

    @strawberry.mutation
    def touch_at_once(self, info: Info, name: str = "it") -> Touched | None:
        info.context.done.append(f"at once {name}")
        return Touched(name=name)

    @strawberry.mutation
    async def touch_surely(self, info: Info, name: str = "it", sure: int | None = 1) -> Touched:
        info.context.done.append(f"surely {name}")
        return Touched(name=name, sure=sure)  # type: ignore[arg-type]

    @strawberry.mutation
    async def fail(self, info: Info, name: str = "it") -> Touched | None:
        info.context.done.append(f"fail {name}")
        raise ValueError(f"{name} failed")

    @strawberry.mutation
    async def fail_surely(self, info: Info, name: str = "it") -> Touched:
        info.context.done.append(f"fail {name}")
        raise ValueError(f"{name} failed")

    guarded: str | None = strawberry.mutation(
        resolver=_guarded, extensions=[PermissionExtension([TallLater()])]
    )


SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    types=[Cat, Dog, Person],
    config=StrawberryConfig(scalar_map={Even: _EVEN}),
)
