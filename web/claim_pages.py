"""Pages of an API key's claim link. Opening the link changes nothing; the Claim button shows the secret once.
Each state of the key has its own page."""

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from models.api_keys import ApiKeyStatus
from permissions.context import Context
from permissions.roles import has_api_access, scopes_in_effect
from resolvers.api_keys import claims as api_key_claims
from resolvers.api_keys.claims import ClaimPreview
from resolvers.api_keys.inputs import ClaimApiKeyInput
from resolvers.sessions import mutations as sessions
from resolvers.user_errors import UserErrors
from web.authentication import page_context, with_cookies
from web.forms import refuse_other_sites
from web.html_pages import page, redirect


def routes() -> list[BaseRoute]:
    return [
        Route("/claim/{token}", show),
        Route("/claim/{token}", claim, methods=["POST"]),
        Route("/claim/{token}/switch", switch, methods=["POST"]),
    ]


async def show(request: Request) -> Response:
    cookies = Response()
    context = await page_context(request, cookies)
    return with_cookies(await _page(context, request.path_params["token"]), cookies)


async def claim(request: Request) -> Response:
    """Claims the key. Does not sign the browser in."""
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    token = request.path_params["token"]
    try:
        claimed = await api_key_claims.claim_api_key(context, ClaimApiKeyInput(token=token))
    except UserErrors:
        return with_cookies(await _page(context, token), cookies)
    if claimed.secret is None:
        return with_cookies(await _page(context, token), cookies)
    shown = page(
        "claimed",
        key_name=claimed.api_key.name,
        secret=claimed.secret,
        graphql_url=f"{context.settings.public_url}/graphql",
    )
    return with_cookies(shown, cookies)


async def switch(request: Request) -> Response:
    """Signs out the person whom the key is not for, and shows the link's page again."""
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    await sessions.sign_out(context)
    token = request.path_params["token"]
    return with_cookies(redirect(f"/claim/{quote(token, safe='')}"), cookies)


async def _page(context: Context, token: str) -> Response:
    shown = await api_key_claims.preview(context, token)
    if shown is None:
        return page("claim_invalid")
    key_page = partial(
        page,
        key_name=shown.key.name,
        account_name=shown.account_name,
        created_by_name=shown.created_by_name,
    )
    # Checked first: signing in with another address would not help with a key that has ended.
    if shown.member.has_ended:
        return key_page("claim_ended")
    if shown.key.status is ApiKeyStatus.REVOKED:
        return key_page("claim_revoked")
    if shown.key.status is ApiKeyStatus.EXPIRED:
        return key_page("claim_expired", was_claimed=shown.key.claimed_at is not None)
    if shown.is_somebody_else(context):
        return key_page(
            "claim_wrong_person",
            token=token,
            masked_email=shown.masked_email,
            signed_in_email=context.signed_in().user.email,
        )
    if shown.key.claimed_at is not None:
        return key_page("claim_used", prefix=shown.key.prefix, claimed_at=shown.key.claimed_at)
    if not has_api_access(shown.member.role):
        return key_page("claim_without_access", role=shown.member.role)
    return _claim_page(shown, key_page)


def _claim_page(shown: ClaimPreview, key_page: Callable[..., Response]) -> Response:
    scopes, later_scopes = scopes_in_effect(shown.member.role, shown.key.scopes)
    return key_page(
        "claim",
        masked_email=shown.masked_email,
        scopes=scopes,
        later_scopes=later_scopes,
        networks=shown.key.allowed_networks,
        claim_until=shown.key.claim_expires_at,
        expires_at=shown.key.expires_at,
    )
