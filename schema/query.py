from typing import Annotated, Any

import strawberry

from engine.input_limits import items_argument, text_argument
from permissions.allow import ANYONE, SIGNED_IN
from permissions.roles import Permission
from resolvers import nodes as by_id
from resolvers.accounts import queries as accounts_queries
from resolvers.catalog.inputs import ThemeFilter
from resolvers.catalog.queries import ThemeOrder, catalog_themes, theme_by_slug
from resolvers.invitations import joining
from schema.accounts import Account
from schema.catalog import Theme
from schema.connections import Connection
from schema.fields import Info, Node, connection, guarded
from schema.invitations import InvitationPreview
from schema.sessions import Viewer

Ids = Annotated[list[strawberry.ID], items_argument("Of whatever is wanted.", most=by_id.MOST_NODES)]
Id = Annotated[strawberry.ID, strawberry.argument(description="Whose.")]


async def _viewer(info: Info) -> Any:
    return info.context.viewer


async def _account(
    info: Info,
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="May be left out where the viewer belongs to exactly one."),
    ] = None,
) -> Any:
    return await accounts_queries.account(info.context, id)


async def _node(info: Info, id: Id) -> Any:
    return await by_id.node(info.context, id)


async def _nodes(
    info: Info,
    ids: Annotated[list[strawberry.ID], items_argument("Of whatever is wanted.", most=by_id.MOST_NODES)],
) -> Any:
    return await by_id.nodes(info.context, list(ids))


async def _theme(info: Info, slug: Annotated[str, text_argument("Its short name.", most=100)]) -> Any:
    return await theme_by_slug(info.context, slug)


async def _invitation(
    info: Info, token: Annotated[str, text_argument("What stands in the link.", most=200)]
) -> Any:
    viewer = info.context.viewer
    if viewer is not None and viewer.is_api_key:
        return None  # An invitation is a person's affair.
    return await joining.preview(info.context, token)


@strawberry.type(description="What can be read.")
class Query:
    viewer: Viewer | None = guarded(
        resolver=_viewer, allow=ANYONE, description="Who is asking. Null where nobody is signed in."
    )
    account: Account | None = guarded(
        resolver=_account, allow=SIGNED_IN, description="An account that the viewer belongs to."
    )
    node: Node | None = guarded(
        resolver=_node, allow=SIGNED_IN, description="Whatever has this id, if the viewer may see it."
    )
    nodes: list[Node | None] = guarded(
        resolver=_nodes, allow=ANYONE, description="Whatever has these ids, in their order."
    )
    catalog: Connection[Theme] | None = connection(
        catalog_themes,
        allow=Permission.BROWSE_CATALOG,
        filter=ThemeFilter,
        order=ThemeOrder,
        description="The themes on offer, from A to Z.",
    )
    theme: Theme | None = guarded(
        resolver=_theme, allow=Permission.BROWSE_CATALOG, description="A theme on offer."
    )
    invitation: InvitationPreview | None = guarded(
        resolver=_invitation,
        allow=ANYONE,
        description="What an invitation's link shows before anyone signs in. Reading it changes nothing."
        " Null for API keys.",
    )
