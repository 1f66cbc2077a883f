"""Declarations of types and fields. Each field has a rule (`allow=`), its own or that of its type."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, TypeVar, dataclass_transform

import strawberry
from sqlalchemy import and_
from sqlmodel import SQLModel
from strawberry.permission import PermissionExtension
from strawberry.types import Info as StrawberryInfo

from engine.compiler import PLANNED
from engine.conditions import BoundCondition, Condition
from engine.input_limits import number_argument, text_argument
from engine.list_sizes import LIST_SIZE, ListSize
from engine.pagination import DEFAULT_SIZE, MAXIMUM_SIZE, MOST_CURSOR_CHARACTERS, Listing, Order, Slice
from engine.row_compiler import ConnectionPlan
from engine.row_fields import ROW, ComputedFrom, GlobalId, RenamedColumn, Same, ToMany, ToOne
from engine.row_loader import load, load_referring
from engine.row_reader import page
from engine.statements import any_of
from engine.tables import AnyExpression, column_of, table_of
from permissions.allow import Allow, AllowDirective, rule
from permissions.context import Context
from permissions.roles import Permission
from resolvers.global_ids import PREFIXES, encode

Info = StrawberryInfo[Context, None]
Type = TypeVar("Type", bound=type)

RULE = "rule"
"""Key of a field's own rule (`allow=`) in its metadata."""
OBJECT_TYPES: dict[str, type] = {}
"""Types declared with `object_type`, by GraphQL name."""
NODE_RULES: dict[type[SQLModel], Allow] = {}
"""Rules (`allow=`) of the types with ids, by table."""


def require_node_rules(tables: Iterable[type[SQLModel]]) -> None:
    """Raises TypeError for a table whose ids clients see, but which no type with ids shows."""
    if missing := [each.__name__ for each in tables if each not in NODE_RULES]:
        raise TypeError(f"A type that is a Node has to show each of these tables: {', '.join(missing)}")


def computed(
    graphql_type: object,
    description: str,
    *,
    allow: Allow | Permission | None = None,
    size: ListSize | None = None,
) -> Callable[[Callable[..., object]], object]:
    """Field computed by a function of the object that is shown, and of the request. `size` is that of a list
    of objects."""

    metadata = {} if size is None else {LIST_SIZE: size}
    field = strawberry.field if allow is None else partial(guarded, allow=allow)

    def decorate(function: Callable[..., object]) -> object:
        return field(resolver=function, graphql_type=graphql_type, description=description, metadata=metadata)

    return decorate


def computed_from_columns(
    function: Callable[..., object],
    description: str,
    *,
    expression: Callable[[], AnyExpression] | None = None,
    allow: Allow | Permission | None = None,
) -> Any:
    """Field computed by a function of some columns of a row: those that its parameters name. `expression` is
    the same function in SQL."""
    columns = tuple(inspect.signature(function).parameters)

    def resolve(root: strawberry.Parent[object]) -> object:
        return function(*(getattr(root, name) for name in columns))

    return _field_of_row(resolve, description, ComputedFrom(function, columns, expression), allow)


def attribute(name: str, description: str, *, allow: Allow | Permission | None = None) -> Any:
    """A column under another name."""

    def resolve(root: strawberry.Parent[object]) -> object:
        return getattr(root, name)

    return _field_of_row(resolve, description, RenamedColumn(name), allow)


def same(description: str, *, allow: Allow | Permission | None = None, nullable: bool = True) -> Any:
    """The object itself, shown as another type, with an additional rule if `allow` is set."""

    def resolve(root: strawberry.Parent[object]) -> object:
        return root

    return _field_of_row(resolve, description, Same(), allow, nullable=nullable)


def _field_of_row(
    resolve: Callable[..., object],
    description: str,
    how: object,
    allow: Allow | Permission | None,
    *,
    nullable: bool = True,
) -> Any:
    metadata = {ROW: how}
    if allow is not None:
        return guarded(
            allow=allow, description=description, nullable=nullable, resolver=resolve, metadata=metadata
        )
    return strawberry.field(resolver=resolve, description=description, metadata=metadata)


def _global_id(root: strawberry.Parent[Any]) -> Any:
    return encode(type(root), root.id)


@strawberry.interface(
    description="Object with a globally unique id. `node` and `nodes` return the object with a given id."
)
class Node:
    id: strawberry.ID = strawberry.field(
        resolver=_global_id,
        description="Opaque, globally unique id of the object. Pass it unchanged to `node` or to an input.",
        metadata={ROW: GlobalId(PREFIXES)},
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def object_type(
    *, allow: Allow | Permission, description: str, of: type | None = None, name: str | None = None
) -> Callable[[Type], Type]:
    """Declares a type. `allow` is the rule of its fields that have none of their own. `of` is the class of
    the objects that it shows."""

    def decorate(cls: Type) -> Type:
        cls.shows = of  # type: ignore[attr-defined]
        OBJECT_TYPES[name or cls.__name__] = cls
        cls.rule = rule(allow)  # type: ignore[attr-defined]
        if of is not None:
            cls.is_type_of = classmethod(lambda _cls, value, _info: isinstance(value, of))  # type: ignore[attr-defined]
        if of is not None and issubclass(cls, Node):
            NODE_RULES[of] = rule(allow)
        directives = [AllowDirective(who=rule(allow).who)]
        described = with_requirement(description, allow)
        return strawberry.type(cls, name=name, description=described, directives=directives)

    return decorate


def with_requirement(description: str, allow: Allow | Permission, *, nullable: bool = False) -> str:
    """The description followed by the rule, because introspection does not show directives. For a nullable
    field it also says that a refusal makes it null."""
    needed = rule(allow)
    if not needed.requirement:
        return description
    article = "an" if needed.error_code[0] in "AEIOU" else "a"
    otherwise = f"; null with {article} `{needed.error_code}` error otherwise" if nullable else ""
    return f"{description} {needed.requirement}{otherwise}."


def guarded(
    *,
    allow: Allow | Permission,
    description: str,
    nullable: bool = True,
    resolver: Any = None,
    graphql_type: Any = None,
    metadata: Mapping[Any, object] | None = None,
) -> Any:
    """A field with a rule of its own, with which its description ends. Without a resolver it is the object's
    attribute."""
    return strawberry.field(
        resolver=resolver,
        graphql_type=graphql_type,
        description=with_requirement(description, allow, nullable=nullable),
        extensions=[PermissionExtension([rule(allow)])],
        metadata={**(metadata or {}), RULE: rule(allow)},
    )


def to_one(table: type[SQLModel], column: str, description: str) -> Any:
    """The row that `column` refers to, in the same account if the table has accounts."""
    of_account = "account_id" in table_of(table).columns

    async def resolve(root: strawberry.Parent[Any], info: Info) -> object:
        id = getattr(root, column)
        if id is None:
            return None
        return await load(info.context, table, id, account_id=root.account_id if of_account else None)

    return strawberry.field(resolver=resolve, description=description, metadata={ROW: ToOne(table, column)})


def to_many(table: type[SQLModel], column: str, *, order: Order, size: ListSize, description: str) -> Any:
    """All rows whose `column` refers to this one, in the same account if the table has accounts. For small
    numbers of rows."""
    of_account = "account_id" in table_of(table).columns
    referring = Condition(lambda ids: any_of(column_of(table, column), ids))
    one = Condition(lambda id: column_of(table, column) == id)
    one_of_account = Condition(
        lambda account_id, id: and_(
            column_of(table, "account_id") == account_id, column_of(table, column) == id
        )
    )

    def of(row: Any) -> BoundCondition:
        return one_of_account(row.account_id, row.id) if of_account else one(row.id)

    async def resolve(root: strawberry.Parent[Any], info: Info) -> object:
        account_id = root.account_id if of_account else None
        return await load_referring(info.context, table, column, referring, order, root.id, account_id)

    metadata = {ROW: ToMany(table, of, order), LIST_SIZE: size}
    return strawberry.field(resolver=resolve, description=description, metadata=metadata)


def connection(
    read: Callable[..., Listing],
    *,
    allow: Allow | Permission,
    description: str,
    nullable: bool = True,
    filter: type | None = None,
    order: type[StrEnum] | None = None,
) -> Any:
    """A page of a list: Relay's four arguments, and the list's own filter and order. The first value of
    `order` is the list's default."""

    async def resolve(root: strawberry.Parent[object], info: Info, **arguments: Any) -> object:
        slice = Slice(*(arguments.pop(name) for name in ("first", "after", "last", "before")))
        subject = () if root is None else (root,)
        return await page(info.context.database, read(info.context, *subject, **arguments), slice)

    take_arguments(resolve, _connection_arguments(filter, order))
    metadata = {PLANNED: ConnectionPlan(read)}
    return guarded(
        allow=allow, description=description, nullable=nullable, resolver=resolve, metadata=metadata
    )


def subscribed(stream: Any, *, allow: Allow | Permission, description: str) -> Any:
    """A subscription. Its stream checks the rule itself before each event."""
    directives = [AllowDirective(who=rule(allow).who)]
    described = with_requirement(description, allow)
    return strawberry.subscription(resolver=stream, description=described, directives=directives)


def _connection_arguments(
    filter: type | None, order: type[StrEnum] | None
) -> dict[str, tuple[object, object]]:
    def argument(kind: Any, declaration: object) -> tuple[object, object]:
        return Annotated[kind | None, declaration], None

    def size(description: str) -> tuple[object, object]:
        return argument(int, number_argument(description, least=0, most=MAXIMUM_SIZE))

    def cursor(description: str) -> tuple[object, object]:
        return argument(str, text_argument(description, most=MOST_CURSOR_CHARACTERS))

    arguments = {
        "first": size(
            f"Number of entries from the start of the list, 0 to {MAXIMUM_SIZE}. If omitted, {DEFAULT_SIZE},"
            " unless `last` is set. Cannot be combined with `last`."
        ),
        "after": cursor("Cursor after which the page starts. If omitted, it starts with the first entry."),
        "last": size(
            f"Number of entries from the end of the list, 0 to {MAXIMUM_SIZE}. If omitted, the page is"
            " counted from the start."
        ),
        "before": cursor("Cursor before which the page ends. If omitted, it can extend to the last entry."),
    }
    if filter is not None:
        described = strawberry.argument(
            description="Conditions that entries must all meet. If omitted, no entry is filtered out."
        )
        arguments["filter"] = argument(filter, described)
    if order is not None:
        described = strawberry.argument(description=f"Order of the list. If omitted, {next(iter(order))}.")
        arguments["order_by"] = argument(order, described)
    return arguments


def take_arguments(resolve: Any, arguments: dict[str, tuple[object, object]]) -> None:
    """Gives a resolver that takes `**arguments` the named arguments of the schema."""
    signature = inspect.signature(resolve)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    shown = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in arguments.items()
    ]
    resolve.__signature__ = signature.replace(parameters=[*own, *shown])
    resolve.__annotations__.pop("arguments")
    resolve.__annotations__.update({name: annotation for name, (annotation, _) in arguments.items()})
