from typing import Annotated

import strawberry

from engine.input_limits import items_argument, text_argument
from engine.list_sizes import LIST_SIZE, sized_by
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
from schema.fields import NODE_RULES, Info, Node, connection, guarded
from schema.invitations import InvitationPreview
from schema.sessions import Viewer

Ids = Annotated[list[strawberry.ID], items_argument("Ids of the objects to read.", most=by_id.MOST_NODES)]
Id = Annotated[strawberry.ID, strawberry.argument(description="Id of the object to read.")]


async def _viewer(info: Info) -> object:
    return info.context.viewer


async def _account(
    info: Info,
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="Id of the account. If omitted, the viewer's only account."),
    ] = None,
) -> object:
    return await accounts_queries.account(info.context, id)


async def _node(info: Info, id: Id) -> object:
    return await by_id.node(info.context, id, NODE_RULES)


async def _nodes(
    info: Info,
    ids: Ids,
) -> object:
    return await by_id.nodes(info.context, list(ids), NODE_RULES)


async def _theme(info: Info, slug: Annotated[str, text_argument("Slug of the theme.", most=100)]) -> object:
    return await theme_by_slug(info.context, slug)


async def _invitation(
    info: Info, token: Annotated[str, text_argument("Token of the link in the invitation email.", most=200)]
) -> object:
    viewer = info.context.viewer
    if viewer is not None and viewer.is_api_key:
        return None  # An invitation is for a person, not for an API key.
    return await joining.preview(info.context, token)


@strawberry.type(
    description="Entry points for reading data. The viewer is the authenticated caller. A field for which"
    " the viewer lacks the permission is null, with a FORBIDDEN error that names the permission; without a"
    " credential, the error is UNAUTHENTICATED."
)
class Query:
    viewer: Viewer | None = guarded(
        resolver=_viewer,
        allow=ANYONE,
        description="Authenticated caller: a person with a session, or an API key. Null when the request"
        " has no credential.",
    )
    account: Account | None = guarded(
        resolver=_account,
        allow=SIGNED_IN,
        description="Account of which the viewer is a member. Null for any other account, and without `id`"
        " unless the viewer has exactly one.",
    )
    node: Node | None = guarded(
        resolver=_node,
        allow=SIGNED_IN,
        description="Object with the given id. Null when there is no such object or it is not visible to the"
        " viewer, and null with a FORBIDDEN error when the viewer lacks the permission to see objects of its"
        " type.",
    )
    nodes: list[Node | None] = guarded(
        resolver=_nodes,
        allow=ANYONE,
        metadata={LIST_SIZE: sized_by("ids", default=by_id.MOST_NODES, most=by_id.MOST_NODES)},
        description="Objects with the given ids, in the same order. An entry is null when there is no such"
        " object or it is not visible to the viewer, and null with an error when the viewer lacks the"
        " permission to see objects of its type or is not authenticated.",
    )
    catalog: Connection[Theme] | None = connection(
        catalog_themes,
        allow=Permission.BROWSE_CATALOG,
        filter=ThemeFilter,
        order=ThemeOrder,
        description="Themes of the catalog that can be purchased, sorted by name unless `orderBy` is set.",
    )
    theme: Theme | None = guarded(
        resolver=_theme,
        allow=Permission.BROWSE_CATALOG,
        description="Theme of the catalog with the given slug. Null when there is none that can be"
        " purchased.",
    )
    invitation: InvitationPreview | None = guarded(
        resolver=_invitation,
        allow=ANYONE,
        description="Invitation of an emailed link. Reading it changes nothing, so link scanners do no harm."
        " Null when the token is not valid or the request has an API key.",
    )
