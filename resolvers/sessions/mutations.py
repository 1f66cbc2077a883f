"""Signs people in by an emailed one-time link, signs them out, and changes profiles."""

import contextlib
from datetime import timedelta
from typing import cast

from sqlalchemy import Update, case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from engine.conditions import Condition
from engine.row_reader import row
from engine.row_writer import RowWriter, Writer
from engine.snapshots import columns, new_row, snapshot
from engine.statements import Statement, parameter
from mailer import messages
from mailer.queue import Lane
from models.audit_actions import AuditAction
from models.columns import new_id, now
from models.members import User
from models.sessions import Session, SignInLink
from permissions.client_sites import site_name
from permissions.context import Context
from permissions.errors import Unauthenticated
from permissions.security_log import security_event, source_of
from permissions.tokens import hash_token, new_token
from permissions.viewer import Viewer
from resolvers.change import change
from resolvers.results import mutation_result, shown
from resolvers.sessions.clients import tell_of_new_client
from resolvers.sessions.inputs import RequestSignInInput, SignInInput, UpdateProfileInput
from resolvers.sessions.revocations import end_session
from resolvers.sessions.sign_in_email_limits import count_sign_in_email, may_go_to_somebody_unknown
from resolvers.sessions.sign_ins import announce, log_refused, record_sign_in
from resolvers.sessions.tokens import open_session, opened_session
from resolvers.text import clean_email, clean_line
from resolvers.unaudited import enqueue, personal_change
from resolvers.user_errors import RetryLater, UserErrorCode, UserErrors, user_error

_HOUR = timedelta(hours=1)
_MOST_WRONG_ADDRESSES = 5
_MOST_OF_A_NAME = 100
_NAMELESS = "New member"

_link_with = Condition(lambda token_hash: col(SignInLink.token_hash) == token_hash)
_addressed = Condition(lambda email: col(User.email) == email)


@mutation_result
class RequestSignInResult:
    """Payload of `requestSignIn`: the email address, whether or not it is known."""

    sent_to: str | None = shown(
        "Email address in normalized form. It does not tell whether the address is known.", default=None
    )


async def request_sign_in(context: Context, input: RequestSignInInput) -> RequestSignInResult:
    email = clean_email(input.email, "email")
    async with personal_change(context.database) as writer:
        await _refuse_too_many(writer, email, context.settings.sign_in_emails_per_hour)
        await count_sign_in_email(writer, context.settings, email, context.client.ip)
        known = await _user(writer, email)
        link, token = sign_in_link(
            email, context.settings.sign_in_lifetime_seconds, context.issue_browser_secret()
        )
        await writer.insert(link)
        if known or (
            context.settings.sign_up == "open"
            and await may_go_to_somebody_unknown(writer, context.settings, email)
        ):
            message = messages.sign_in(
                to=email,
                link=context.settings.sign_in_link.replace("{token}", token),
                expires_at=link.expires_at,
            )
            await enqueue(writer, [message], Lane(f"client {site_name(context.client.ip)}", is_urgent=True))
    return RequestSignInResult(sent_to=email)


def sign_in_link(
    email: str, lifetime_seconds: int, browser_secret: str | None = None
) -> tuple[SignInLink, str]:
    """A new link and its token. `browser_secret` is that of the browser that requested it."""
    token, token_hash = new_token()
    expires_at = now() + timedelta(seconds=lifetime_seconds)
    requested_by = hash_token(browser_secret) if browser_secret else None
    values = {"email": email, "expires_at": expires_at, "requested_by": requested_by}
    return new_row(SignInLink, token_hash=token_hash, **values), token


async def _refuse_too_many(writer: RowWriter, email: str, most: int) -> None:
    """Limits the emails to an address per hour, whether or not the address is known. After the limit, one
    email is sent whenever the previous link has expired, so that nobody can lock another person out by
    requesting all of its emails."""
    await writer.fetch(_LOCK_EMAIL, email=email)
    ((count, oldest, works_until),) = await writer.fetch(_LINKS_TO, email=email, since=now() - _HOUR)
    if count >= most and works_until > now():
        message = (
            "Too many sign-in emails were sent to this address: use the newest one, which is still valid."
        )
        retry_at = min(oldest + _HOUR, works_until)
        raise UserErrors(RetryLater(UserErrorCode.TOO_MANY_REQUESTS, message, ["email"], retry_at=retry_at))


_LOCK_EMAIL = Statement(lambda: select(func.pg_advisory_xact_lock(func.hashtext(parameter("email")))))
_LINKS_TO = Statement(
    lambda: select(
        func.count(), func.min(col(SignInLink.created_at)), func.max(col(SignInLink.expires_at))
    ).where(col(SignInLink.email) == parameter("email"), col(SignInLink.created_at) > parameter("since"))
)


async def find_sign_in_link(context: Context, token: str) -> SignInLink | None:
    return await row(context.database, SignInLink, _link_with(hash_token(token)))


async def may_sign_in(context: Context, link: SignInLink) -> bool:
    """Whether the link is valid. With SIGN_UP=closed, the link for an unknown address was never sent."""
    if context.settings.sign_up == "open":
        return True
    return await row(context.database, User, _addressed(link.email)) is not None


def is_of_another_browser(context: Context, link: SignInLink) -> bool:
    """Whether the link was requested in a known browser and is opened in another one by a person who is not
    signed in as its addressee. An attacker could send its own link to sign the victim in as the attacker."""
    if link.requested_by is None or (context.viewer and context.viewer.user.email == link.email):
        return False
    return context.browser_secret is None or hash_token(context.browser_secret) != link.requested_by


async def count_wrong_address(context: Context, link: SignInLink) -> None:
    """Counts a wrong address that was entered for a link. After a few of them the link expires."""
    async with personal_change(context.database) as writer:
        await writer.fetch(_COUNT_WRONG_ADDRESS, token_hash=link.token_hash)


def _count_wrong_address() -> Update:
    wrong, expires_at = col(SignInLink.wrong_addresses) + 1, col(SignInLink.expires_at)
    over = case((wrong >= _MOST_WRONG_ADDRESSES, func.least(expires_at, func.now())), else_=expires_at)
    return (
        update(SignInLink)
        .where(col(SignInLink.token_hash) == parameter("token_hash"))
        .values(wrong_addresses=wrong, expires_at=over)
    )


_COUNT_WRONG_ADDRESS = Statement(_count_wrong_address)


@mutation_result
class SignInResult:
    """Payload of `signIn`: the viewer and a session token."""

    viewer: Viewer | None = shown("Viewer who is now signed in.")
    session_token: str | None = shown(
        "Session token for clients without cookies, sent as `Authorization: Bearer …`. It is"
        " shown once. Null in a browser page, which receives a cookie.",
        default=None,
    )


async def sign_in(context: Context, input: SignInInput) -> SignInResult:
    """A link opens one session. Repeating it in the browser that used the link returns the same session."""
    session = session_token = None
    async with personal_change(context.database) as writer:
        link = await writer.find(SignInLink, hash_token(input.token), lock=True)
        if link is None or (link.used_at is None and link.expires_at <= now()):
            raise _sign_in_again(context, "This link is no longer valid")
        if link.used_at is None:
            user = await _signing_in(context, writer, link)
            session, session_token = await open_session(writer, context, user, input.token)
            await writer.update(link, used_at=now())
            replaced = replaced_session(context)
            await tell_of_new_client(writer, context.settings, user, session, replaced)
        else:
            session_token = await _opened_by_this_browser(context, writer, link, input.token)
        if session_token:
            await _end_replaced(context, writer, session_token)
        recorded = await record_sign_in(writer, session, context.client) if session else None
    if recorded:
        announce(context, recorded)
    if session_token:
        context.token = session_token
        context.keep_cookie(session_token)
        await context.reload_viewer()
    return SignInResult(viewer=context.viewer, session_token=None if context.is_page else session_token)


def replaced_session(context: Context) -> Session | None:
    """Session of the request's cookie, which the cookie of a new session would replace."""
    viewer = context.viewer
    return viewer.session if viewer is not None and context.by_cookie and not viewer.is_api_key else None


async def _end_replaced(context: Context, writer: RowWriter, session_token: str) -> None:
    replaced = replaced_session(context)
    if replaced is not None and replaced.token_hash != hash_token(session_token):
        await end_session(writer, replaced.id)


async def _opened_by_this_browser(
    context: Context, writer: RowWriter, link: SignInLink, token: str
) -> str | None:
    """Token of the session that this browser opened by the link. None if the addressee is signed in with
    another session and needs none. Raises `UserErrors` for anyone else, and where an account of the person
    does not accept the session."""
    user = await _user(writer, link.email)
    session_token = await opened_session(writer, context, token, user.id) if user else None
    if session_token is None and not is_signed_in_by(context, link):
        raise _sign_in_again(context, "This link has already been used")
    return session_token


def is_signed_in_by(context: Context, link: SignInLink) -> bool:
    """Whether the addressee of the link is signed in, with a session that all of its accounts accept."""
    viewer = context.viewer
    return viewer is not None and viewer.user.email == link.email and not viewer.memberships_after_sign_in


async def _signing_in(context: Context, writer: RowWriter, link: SignInLink) -> User:
    known = await _user(writer, link.email)
    if known is not None:
        return known
    if context.settings.sign_up == "closed":
        raise _sign_in_again(context, "This link is no longer valid")
    user, _ = await person(writer, link.email, name_from(link.email))
    return user


async def person(writer: Writer, email: str, name: str) -> tuple[User, bool]:
    """The user with this address, and whether this transaction created it. Of concurrent transactions, only
    one does."""
    created = await writer.fetch(_CREATE_USER, id=new_id(), email=email, name=name, created_at=now())
    return cast("User", await _user(writer, email)), bool(created)


async def _user(writer: Writer, email: str) -> User | None:
    found = await writer.fetch(_USER, email=email)
    return snapshot(User, found[0]) if found else None


_USER = Statement(lambda: select(*columns(User)).where(col(User.email) == parameter("email")))
_CREATE_USER = Statement(
    lambda: (
        insert(User)
        .values({name: parameter(name) for name in ("id", "email", "name", "created_at")})
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(col(User.id))
    )
)


def name_from(email: str) -> str:
    """First display name of a person: `Ada Lovelace` for `ada.lovelace@example.com`. It is never the address,
    because names are visible to the whole team."""
    local = email.partition("@")[0].partition("+")[0]
    words = local.replace(".", " ").replace("_", " ").replace("-", " ").split()
    name = " ".join(words).title()[:_MOST_OF_A_NAME]
    try:
        return clean_line(name, "A name") if any(map(str.isalnum, name)) else _NAMELESS
    except UserErrors:
        return _NAMELESS


@mutation_result
class SignOutResult:
    """Payload of `signOut`: `userErrors` only."""


async def sign_out(context: Context) -> SignOutResult:
    if context.viewer is not None:
        async with personal_change(context.database) as writer:
            await end_session(writer, context.viewer.session.id)
        security_event("signed_out", source_of(context))
    context.token = context.viewer = None
    context.keep_cookie("")
    return SignOutResult()


@mutation_result
class UpdateProfileResult:
    """Payload of `updateProfile`: the person with the new name."""

    user: User = shown("Person with the new name.")


async def update_profile(context: Context, input: UpdateProfileInput) -> UpdateProfileResult:
    """Changes the person's name, and its copy in each account, with an event in each log. Raises
    `ReauthenticationRequired`, because a name is the same everywhere."""
    viewer = context.signed_in()
    viewer.require_accepted_everywhere()
    name = clean_line(input.name, "A name", "name")
    async with personal_change(context.database) as writer:
        user = await writer.find(User, viewer.user.id, lock=True)
        if user is None or user.erased_at is not None:
            raise Unauthenticated()
        user = await writer.update(user, name=name)
    for account_id in sorted(viewer.memberships):
        # An account from which the member was removed meanwhile is skipped.
        with contextlib.suppress(UserErrors):
            async with change(context, account_id, AuditAction.MEMBER_RENAMED) as tx:
                before = tx.acting.name
                member = await tx.update(tx.acting, name=name)
                if before == name:
                    tx.without_event()
                else:
                    tx.record(member, name, f"changed the display name to {name}", name=[before, name])
    await context.reload_viewer()
    return UpdateProfileResult(user=user)


def _sign_in_again(context: Context, why: str) -> UserErrors:
    log_refused(context, why)
    return user_error(UserErrorCode.TOKEN_INVALID, f"{why}: request a new one.", "token")
