"""The front page, and the pages to sign in and out. Opening a sign-in link changes nothing; its button signs
in."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from models.columns import now
from models.sessions import SignInLink
from permissions.context import Context
from permissions.rate_limits import retry_after
from resolvers.sessions import mutations as sessions
from resolvers.sessions.inputs import RequestSignInInput, SignInInput
from resolvers.text import clean_email, mask_email
from resolvers.user_errors import RetryLater, UserErrors
from web.authentication import page_context, with_cookies
from web.forms import read_form, refuse_other_sites
from web.html_pages import origin_of, page, redirect


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
    return with_cookies(await sent_page(context, email, email), cookies)


async def sent_page(context: Context, email: str, shown_as: str) -> Response:
    """Sends a sign-in link to `email`, and returns the page that confirms it for the address `shown_as`."""
    try:
        answer = await sessions.request_sign_in(context, RequestSignInInput(email=email))
    except UserErrors as refusal:
        error = refusal.errors[0]
        if isinstance(error, RetryLater):
            too_many = page("sign_in_too_many", email=shown_as, retry_at=error.retry_at)
            too_many.headers["Retry-After"] = retry_after(error.retry_at)
            return too_many
        return page("sign_in", 400, email=shown_as, problem=error.message)
    return page(
        "sign_in_sent",
        email=shown_as if shown_as != email else answer.sent_to,
        lifetime_seconds=context.settings.sign_in_lifetime_seconds,
        has_mailbox=context.settings.smtp_url is None,
    )


async def show_link(request: Request) -> Response:
    cookies = Response()
    context = await page_context(request, cookies)
    return with_cookies(await _link_page(context, request.path_params["token"]), cookies)


async def use_link(request: Request) -> Response:
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    token = request.path_params["token"]
    typed_email = (await read_form(request)).get("email")
    link = await sessions.find_sign_in_link(context, token)
    if link is not None and not _is_confirmed(context, link, typed_email):
        if typed_email is not None:
            await sessions.count_wrong_address(context, link)
        return with_cookies(await _link_page(context, token, typed_email), cookies)
    try:
        await sessions.sign_in(context, SignInInput(token=token))
    except UserErrors:
        return with_cookies(await _link_page(context, token), cookies)
    return with_cookies(redirect(context.settings.app_url), cookies)


def _is_confirmed(context: Context, link: SignInLink, typed_email: str | None) -> bool:
    """Whether the link is opened in the browser that requested it, or the typed address is the link's."""
    if not sessions.is_of_another_browser(context, link):
        return True
    try:
        return typed_email is not None and clean_email(typed_email) == link.email
    except UserErrors:
        return False


async def sign_out(request: Request) -> Response:
    refuse_other_sites(request)
    cookies = Response()
    context = await page_context(request, cookies)
    await sessions.sign_out(context)
    return with_cookies(page("signed_out"), cookies)


def _replaced_email(context: Context, link: SignInLink) -> str | None:
    viewer = context.viewer
    return viewer.user.email if viewer is not None and viewer.user.email != link.email else None


async def _link_page(context: Context, token: str, typed_email: str | None = None) -> Response:
    """The page for the link's current state. `typed_email` is a typed address that is not the link's."""
    link = await sessions.find_sign_in_link(context, token)
    if link is None or not await sessions.may_sign_in(context, link):
        return page("sign_in_link_invalid")
    masked_email = mask_email(link.email)
    if link.used_at is not None:
        if sessions.is_signed_in_by(context, link):
            return redirect(context.settings.app_url)
        return page("sign_in_link_used", masked_email=masked_email)
    if link.expires_at <= now():
        return page("sign_in_link_expired", masked_email=masked_email)
    context.issue_browser_secret()  # So that a second click in this browser is recognised.
    return page(
        "sign_in_link",
        200 if typed_email is None else 400,
        app_origin=origin_of(context.settings.app_url),
        masked_email=masked_email,
        replaced_email=_replaced_email(context, link),
        confirm=sessions.is_of_another_browser(context, link),
        typed_email=typed_email,
    )
