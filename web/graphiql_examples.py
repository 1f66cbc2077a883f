"""GraphiQL page whose example operations use ids of the viewer's own account."""

from sqlalchemy import select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response

from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.catalog import Theme
from models.licenses import Entitlement
from permissions.context import Context
from resolvers.global_ids import encode
from web.authentication import page_context, with_cookies
from web.graphiql import graphiql_response


async def render_ide(request: Request) -> Response:
    cookies = Response()
    context = await page_context(request, cookies)
    return with_cookies(graphiql_response(await _variables(context), _signed_in_as(context)), cookies)


def _signed_in_as(context: Context) -> str | None:
    viewer = context.viewer
    if viewer is None:
        return None
    roles = {membership.role.value.title() for membership in viewer.memberships.values()}
    return ", ".join([f"{viewer.user.name} <{viewer.user.email}>", *sorted(roles)])


async def _variables(context: Context) -> dict[str, str]:
    """Ids of the viewer's first account and of a theme with unused licenses in it, where they exist."""
    if context.viewer is None or not context.viewer.memberships:
        return {}
    account_id = next(iter(context.viewer.memberships))
    variables = {"accountId": encode(Account, account_id)}
    for id, slug in await context.database.fetch(_PROVISIONABLE.sql, account_id):
        variables |= {"themeId": encode(Theme, id), "themeSlug": slug}
    return variables


def _provisionable() -> AnySelect:
    left = col(Entitlement.purchased) - col(Entitlement.provisioned)
    return (
        select(col(Theme.id), col(Theme.slug))
        .join(Entitlement, col(Entitlement.theme_id) == col(Theme.id))
        .where(col(Entitlement.account_id) == parameter("account_id"), col(Theme.withdrawn_at).is_(None))
        .order_by(left.desc())
        .limit(1)
    )


_PROVISIONABLE = Statement(_provisionable)
