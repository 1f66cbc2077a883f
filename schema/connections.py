"""Connections, edges and page infos, as specified by Relay."""

from typing import Generic, TypeVar

import strawberry

from engine.compiler import PLANNED
from engine.pagination import Page
from engine.row_compiler import Total
from engine.row_reader import count
from permissions.allow import ANYONE
from schema.fields import Info, object_type

NodeType = TypeVar("NodeType")


@object_type(
    allow=ANYONE,
    description="Cursors of the first and the last entry on a page, and whether there"
    " are entries before and after them.",
)
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether the list has further entries after this page."
    )
    has_previous_page: bool = strawberry.field(description="Whether the list has entries before this page.")
    start_cursor: str | None = strawberry.field(
        description="Cursor of the first entry on this page, for `before`. Null when the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last entry on this page, for `after`. Null when the page is empty."
    )


@object_type(allow=ANYONE, description="Entry on a page of a list: an object with its cursor.")
class Edge(Generic[NodeType]):
    cursor: str = strawberry.field(
        description="Opaque position of the entry in the list. Pass it as `after`"
        " or `before` to read on from there."
    )
    node: NodeType = strawberry.field(description="Object at this position of the list.")


async def _total_count(root: strawberry.Parent[Page], info: Info) -> int:
    return await count(info.context.database, root.listing)  # type: ignore[return-value]


@object_type(
    allow=ANYONE,
    description="Page of a list, in the form of a Relay connection. `first` and"
    " `after` read forward, `last` and `before` backward.",
)
class Connection(Generic[NodeType]):
    edges: list[Edge[NodeType]] = strawberry.field(description="Entries of this page, each with its cursor.")
    nodes: list[NodeType] = strawberry.field(description="Objects on this page, without their cursors.")
    page_info: PageInfo = strawberry.field(
        description="Cursors for the next and the previous page, and whether these pages exist."
    )
    total_count: int = strawberry.field(
        resolver=_total_count,
        description="Number of entries in the whole list, after filtering.",
        metadata={PLANNED: Total()},
    )
