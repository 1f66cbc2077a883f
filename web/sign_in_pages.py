"""The front page, and signing in and out without an app: opening a link changes nothing, its button does."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from models.columns import now
from permissions.context import Context
from permissions.rate_limits import retry_after
from resolvers import sessions
from resolvers.refusals import Refused, RetryLater
from resolvers.text import mask_email
from schema.sessions import RequestSignInInput, SignInInput
from web.asking import page_context, with_cookies
from web.forms import read_form, refuse_other_sites
from web.pages import origin_of, page, redirect


def routes() -> list[BaseRoute]:
    return [
        Route("/", front),
        Route("/sign-in", sign_in_form),
        Route("/sign-in", request_link, methods=["POST"]),
        Route("/sign-in/{token}", show_link),
        Route("/sign-in/{token}", use_link, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]


async def front(request: Request) -> Response:
    cookies = Response()
    context = await page_context(request, cookies)
    user = context.viewer.user if context.viewer else None
    shown = page(
        "front",
        signed_in_name=user.name if user else None,
        signed_in_email=user.email if user else None,
        app_url=context.settings.app_url,
        has_mailbox=context.settings.smtp_url is None,
    )
    return with_cookies(shown, cookies)


async def sign_in_form(request: Request) -> Response:
    return page("sign_in", email="", problem=None)


async def request_link(request: Request) -> Response:
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    email = (await read_form(request)).get("email", "")
    try:
        answer = await sessions.request_sign_in(context, RequestSignInInput(email=email))
    except Refused as refusal:
        error = refusal.errors[0]
        if isinstance(error, RetryLater):
            too_many = page("sign_in_too_many", email=email, retry_at=error.retry_at)
            too_many.headers["Retry-After"] = retry_after(error.retry_at)
            return too_many
        return page("sign_in", 400, email=email, problem=error.message)
    shown = page(
        "sign_in_sent",
        email=answer["sent_to"],
        lifetime_seconds=context.settings.sign_in_lifetime_seconds,
        has_mailbox=context.settings.smtp_url is None,
    )
    return with_cookies(shown, cookies)


async def show_link(request: Request) -> Response:
    cookies = Response()
    context = await page_context(request, cookies)
    return with_cookies(await _link_page(context, request.path_params["token"]), cookies)


async def use_link(request: Request) -> Response:
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    token = request.path_params["token"]
    try:
        await sessions.sign_in(context, SignInInput(token=token))
    except Refused:
        return with_cookies(await _link_page(context, token), cookies)
    return with_cookies(redirect(context.settings.app_url), cookies)


async def sign_out(request: Request) -> Response:
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    await sessions.sign_out(context)
    return with_cookies(page("signed_out"), cookies)


async def _link_page(context: Context, token: str) -> Response:
    """What the link is good for as of now."""
    link = await sessions.find_sign_in_link(context, token)
    if link is None or not await sessions.may_sign_in(context, link):
        return page("sign_in_link_invalid")
    masked_email = mask_email(link.email)
    if link.used_at is not None:
        if context.viewer is not None and context.viewer.user.email == link.email:
            return redirect(context.settings.app_url)
        return page("sign_in_link_used", masked_email=masked_email)
    if link.expires_at <= now():
        return page("sign_in_link_expired", masked_email=masked_email)
    return page("sign_in_link", app_origin=origin_of(context.settings.app_url), masked_email=masked_email)
