"""Relay's connections."""

from typing import Generic, TypeVar

import strawberry

from permissions.allow import ANYONE
from resolvers.pages import Page
from resolvers.rows import count
from schema.compiler import PLANNED
from schema.fields import Info, object_type
from schema.rows import Total

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
