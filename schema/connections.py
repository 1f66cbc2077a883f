"""Relay's connections."""

from typing import Generic, TypeVar

import strawberry

from permissions.allow import ANYONE
from resolvers.pages import Page
from schema.fields import object_type

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


def _edges(root: strawberry.Parent[Page]) -> list[Edge[NodeType]]:
    return [Edge(cursor=cursor, node=row) for cursor, row in zip(root.cursors, root.rows, strict=True)]  # type: ignore[arg-type]


def _nodes(root: strawberry.Parent[Page]) -> list[NodeType]:
    return root.rows  # type: ignore[return-value]


def _page_info(root: strawberry.Parent[Page]) -> PageInfo:
    return PageInfo(
        has_next_page=root.has_next_page,
        has_previous_page=root.has_previous_page,
        start_cursor=root.cursors[0] if root.cursors else None,
        end_cursor=root.cursors[-1] if root.cursors else None,
    )


async def _total_count(root: strawberry.Parent[Page]) -> int:
    return await root.count()  # type: ignore[return-value]


async def _counted(root: strawberry.Parent[Page]) -> int | None:
    return await root.count()


@object_type(allow=ANYONE, description="A page of a list.")
class Connection(Generic[NodeType]):
    edges: list[Edge[NodeType]] = strawberry.field(
        resolver=_edges, description="The page's, each with its cursor."
    )
    nodes: list[NodeType] = strawberry.field(resolver=_nodes, description="The page's, without the cursors.")
    page_info: PageInfo = strawberry.field(resolver=_page_info, description="Where the page lies.")
    total_count: int = strawberry.field(resolver=_total_count, description="How many there are on all pages.")
