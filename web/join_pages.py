"""Pages of an invitation link. Opening the link changes nothing; the Join button accepts the invitation. Each
state of the invitation has its own page."""

from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from models.invitations import InvitationStatus
from permissions.context import Context
from resolvers.invitations import joining
from resolvers.invitations.inputs import AcceptInvitationInput, DeclineInvitationInput
from resolvers.invitations.joining import InvitationPreview
from resolvers.sessions import mutations as sessions
from resolvers.user_errors import UserErrors
from web.authentication import page_context, with_cookies
from web.forms import refuse_other_sites
from web.html_pages import origin_of, page, redirect
from web.sign_in_pages import sent_page


def routes() -> list[BaseRoute]:
    return [
        Route("/join/{token}", show),
        Route("/join/{token}", join, methods=["POST"]),
        Route("/join/{token}/decline", decline, methods=["POST"]),
        Route("/join/{token}/switch", switch, methods=["POST"]),
        Route("/join/{token}/sign-in", send_sign_in_link, methods=["POST"]),
    ]


async def show(request: Request) -> Response:
    cookies = Response()
    context = await page_context(request, cookies)
    return with_cookies(await _page(context, request.path_params["token"]), cookies)


async def join(request: Request) -> Response:
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    token = request.path_params["token"]
    try:
        await joining.accept_invitation(context, AcceptInvitationInput(token=token))
    except UserErrors:
        return with_cookies(await _page(context, token), cookies)
    if context.viewer is None:
        shown = await joining.preview(context, token)
        return with_cookies(_joined_page(token, shown) if shown else page("join_invalid"), cookies)
    return with_cookies(redirect(context.settings.app_url), cookies)


async def send_sign_in_link(request: Request) -> Response:
    """Sends a sign-in link to the invited address, which is shown masked. For people who already had an
    account: accepting an invitation does not sign them in."""
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    token = request.path_params["token"]
    shown = await joining.preview(context, token)
    if shown is None or context.viewer is not None or shown.status is not InvitationStatus.ACCEPTED:
        return with_cookies(await _page(context, token), cookies)
    sent = await sent_page(context, shown.invitation.email, shown.masked_email)
    return with_cookies(sent, cookies)


async def decline(request: Request) -> Response:
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    token = request.path_params["token"]
    try:
        await joining.decline_invitation(context, DeclineInvitationInput(token=token))
    except UserErrors:
        return with_cookies(await _page(context, token), cookies)
    return with_cookies(await _page(context, token, just_now=True), cookies)


async def switch(request: Request) -> Response:
    """Signs out the person whom the invitation is not for, and shows the link's page again."""
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    await sessions.sign_out(context)
    token = request.path_params["token"]
    return with_cookies(redirect(f"/join/{quote(token, safe='')}"), cookies)


async def _page(context: Context, token: str, *, just_now: bool = False) -> Response:
    shown = await joining.preview(context, token)
    if shown is None:
        return page("join_invalid")
    viewer = context.viewer
    invitation_page = partial(page, inviter_name=shown.invited_by_name, account_name=shown.account_name)
    # Checked first: signing in with another address would not help with an invitation that has ended.
    if shown.status is InvitationStatus.REVOKED:
        return invitation_page("join_revoked")
    if shown.status is InvitationStatus.DECLINED:
        return invitation_page("join_declined", 200 if just_now else None, just_now=just_now)
    if shown.status is InvitationStatus.EXPIRED:
        return invitation_page("join_expired", masked_email=shown.masked_email, expires_at=shown.expires_at)
    if viewer is not None and viewer.user.email != shown.invitation.email:
        return invitation_page(
            "join_wrong_person",
            token=token,
            masked_email=shown.masked_email,
            signed_in_email=viewer.user.email,
        )
    if shown.status is InvitationStatus.ACCEPTED:
        return _accepted_page(context, token, shown)
    return _join_page(context, token, shown)


def _join_page(context: Context, token: str, shown: InvitationPreview) -> Response:
    user = context.viewer.user if context.viewer else None
    context.issue_browser_secret()  # So that a second click in this browser is recognised.
    return page(
        "join",
        app_origin=origin_of(context.settings.app_url),
        token=token,
        inviter_name=shown.invited_by_name,
        account_name=shown.account_name,
        role=shown.role,
        masked_email=shown.masked_email,
        expires_at=shown.expires_at,
        access_until=shown.invitation.access_until,
        signed_in_name=user.name if user else None,
        signed_in_email=user.email if user else None,
    )


def _joined_page(token: str, shown: InvitationPreview) -> Response:
    """The page for somebody who already had an account and is not signed in by the invitation."""
    return page(
        "joined_signed_out",
        token=token,
        account_name=shown.account_name,
        role=shown.role,
        masked_email=shown.masked_email,
    )


def _accepted_page(context: Context, token: str, shown: InvitationPreview) -> Response:
    if context.viewer is None:
        return page(
            "join_used", token=token, account_name=shown.account_name, masked_email=shown.masked_email
        )
    membership = context.viewer.own_membership(shown.invitation.account_id)
    if membership is None:
        return page("join_ended", account_name=shown.account_name, inviter_name=shown.invited_by_name)
    return page(
        "joined",
        account_name=shown.account_name,
        role=membership.role,
        app_url=context.settings.app_url,
    )
