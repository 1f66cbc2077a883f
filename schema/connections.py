"""Relay's connections."""

from typing import Generic, TypeVar

import strawberry

from engine.compiler import PLANNED
from engine.pagination import Page
from engine.row_compiler import Total
from engine.row_reader import count
from permissions.allow import ANYONE
from schema.fields import Info, object_type

NodeType = TypeVar("NodeType")


@object_type(allow=ANYONE, description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether something comes after this page.")
    has_previous_page: bool = strawberry.field(description="Whether something comes before this page.")
    start_cursor: str | None = strawberry.field(description="The first one's cursor.")
    end_cursor: str | None = strawberry.field(description="The last one's cursor: the next page's `after`.")


@object_type(allow=ANYONE, description="One of a list, and its place there.")
class Edge(Generic[NodeType]):
    cursor: str = strawberry.field(description="Its place, for `after` and `before`.")
    node: NodeType = strawberry.field(description="The one itself.")


async def _total_count(root: strawberry.Parent[Page], info: Info) -> int:
    return await count(info.context.database, root.listing)  # type: ignore[return-value]


@object_type(allow=ANYONE, description="A page of a list.")
class Connection(Generic[NodeType]):
    edges: list[Edge[NodeType]] = strawberry.field(description="The page's, each with its cursor.")
    nodes: list[NodeType] = strawberry.field(description="The page's, without the cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(
        resolver=_total_count,
        description="How many there are on all pages.",
        metadata={PLANNED: Total()},
    )
