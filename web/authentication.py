"""Authentication of HTTP requests and WebSockets: makes the context that resolvers work with."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog
from graphql import OperationType
from starlette.requests import HTTPConnection
from starlette.responses import Response
from strawberry.http.websocket_origin import is_same_origin

from engine.fair_queue import Requester
from engine.operation_cache import PreparedOperation
from engine.outages import logged_as_outage
from models.api_keys import ApiScope
from models.columns import now
from models.notifications import woken_or_due
from permissions import last_use
from permissions.client_networks import admits
from permissions.client_sites import Site, site_of
from permissions.context import Context
from permissions.credentials import find_working
from permissions.errors import Forbidden, NoSubscription, Unauthenticated
from permissions.roles import seen_by
from permissions.security_log import security_event, source_of
from permissions.tokens import looks_like_api_key
from permissions.viewer import Client, Viewer
from resolvers.audit.api_calls import Call, call_event
from schema import SCHEMA
from schema.scoped_selections import refuse_reading
from web import link_cookie
from web.app_state import State
from web.rate_limits import LIMIT_CODES, NETWORK, TOO_COMPLEX, RateLimiter
from web.request_scope import RequestScope, request_id

_MAX_HEADER_CHARACTERS = 300
_RETRY_SECONDS = 1
_USE_NOTED_EVERY = timedelta(hours=1)
log = structlog.get_logger()


async def make_context(scope: RequestScope) -> Context:
    """The context of one operation, with the credential looked up. Raises `Unauthenticated` for an invalid
    credential in the Authorization header, `Forbidden` for an API key from outside of its networks, or
    whose member's role has no API access, and `RateLimited`."""
    state = _state(scope.connection)
    rate_limiter = state.rate_limiter
    client = _client_of(state, scope.connection, scope.headers, scope.request_id)
    context = _context(state, scope.connection, client, lambda: scope.response)
    scope.log_fields, scope.is_admitted = partial(source_of, context), False
    _read_browser_secret(context, scope)
    try:
        if scope.authorization is None:
            cookie = scope.connection.cookies.get(state.settings.session_cookie, "")
            await _admit_by_cookie(context, cookie, rate_limiter, scope.extensions)
        else:
            context.token = bearer_of(scope.authorization)
            if context.token is None:
                rate_limiter.count_address(context.client.ip, scope.extensions)
                reason = "Malformed Authorization header: expected `Bearer TOKEN`."
                security_event("credential_refused", {**source_of(context), "reason": reason})
                raise Unauthenticated(reason)
            await rate_limiter.admit(context, scope.extensions)
    finally:
        scope.record = _call_recorder(context, state) or scope.record
    scope.is_admitted = True
    if context.viewer is not None:
        scope.credential_id = context.viewer.credential_id
    scope.rules = _rules(context, scope)
    _close_with_credential(context, scope)
    return context


def _rules(context: Context, scope: RequestScope) -> list[Callable[[PreparedOperation], None]]:
    """Rules for the operations of this credential."""
    rules = []
    settings, viewer = context.settings, context.viewer
    if (settings.documents if context.api_key_viewer is None else settings.api_key_documents) == "persisted":
        rules.append(scope.connection.app.state.persisted_documents.require)
    if viewer is not None and viewer.scopes is not None and not viewer.reads:
        rules.append(partial(_admit_without_read, viewer.scopes))
    return rules


def client_site(connection: HTTPConnection) -> Site:
    return site_of(_state(connection).proxies.client_of(connection))


def document_client(scope: RequestScope) -> Requester:
    """Client that a new document is read for."""
    state, connection = _state(scope.connection), scope.connection
    credential_id = scope.credential_id
    if credential_id is None:
        ip = state.proxies.client_of(connection)
        credential_id = state.rate_limiter.known_credential(_token_of(scope, state), ip)
    return Requester(client_site(connection), credential_id)


def _token_of(scope: RequestScope, state: State) -> str | None:
    if scope.authorization is None:
        return scope.connection.cookies.get(state.settings.session_cookie)
    return bearer_of(scope.authorization)


def limit_message(scope: RequestScope, *, counts: bool) -> None:
    """Counts a message of a WebSocket as a request of its credential or address. Raises RateLimited."""
    state, connection = _state(scope.connection), scope.connection
    ip = state.proxies.client_of(connection)
    if counts:
        state.rate_limiter.count_message(scope.credential_id, ip)
    elif state.rate_limiter.has_refused_recently:
        limited = state.rate_limiter.known_refusal(_token_of(scope, state), ip)
        if limited is not None:
            raise limited


def database_is_silent(scope: RequestScope) -> bool:
    return _state(scope.connection).database.is_silent


async def count_executions(scope: RequestScope) -> None:
    """Counts further executions of a subscription as a request of its credential, as soon as the credential's
    rate limit permits one."""
    if scope.credential_id is not None:
        await _state(scope.connection).rate_limiter.wait_and_count(scope.credential_id)


def bearer_of(authorization: str) -> str | None:
    """The token of an Authorization header."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _read_browser_secret(context: Context, scope: RequestScope) -> None:
    """For a page of this site that calls the API: its session is in a cookie, and no response contains its
    token."""
    connection = scope.connection
    if connection.scope["type"] == "http" and _is_of_own_page(scope.headers):
        context.is_page = True
        context.browser_secret = link_cookie.secret_of(connection, context.settings)
        context.issue_browser_secret = link_cookie.issuing(
            connection, context.settings, lambda: scope.response
        )


def _is_of_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a script on a page of this site sent the request. Browsers without Sec-Fetch-Site, such as
    Safari before 16.4, send Origin with every POST."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None or origin is None:
        return site == "same-origin"
    return is_same_origin(origin, headers.get("host"))


def _call_recorder(context: Context, state: State) -> Callable[[Call], Awaitable[None]] | None:
    """Returns the function that adds a call to the audit log: for calls with an API key, including one that
    was revoked or has expired; None for others. An exceeded limit, and a request from outside of the key's
    networks, are recorded once a minute, except a mutation that was executed."""
    viewer = context.api_key_viewer
    if viewer is None:
        return None

    async def record(call: Call) -> None:
        limits = LIMIT_CODES.intersection(call.codes)
        if call.kind == OperationType.MUTATION.name:  # It was executed before its answer was too complex.
            limits = limits - {TOO_COMPLEX}
        if not admits(viewer.api_key.allowed_networks, context.client.ip):
            limits = limits | {NETWORK}
        if all(state.rate_limiter.rate_limits.take_report(viewer.credential_id, limit) for limit in limits):
            await state.api_calls.record(call_event(viewer, context.client, call))

    return record


def _admit_without_read(scopes: tuple[ApiScope, ...], prepared: PreparedOperation) -> None:
    """For API keys without the scope READ. Raises `OutOfScope`."""
    if prepared.operation.type is OperationType.SUBSCRIPTION:
        raise NoSubscription
    refuse_reading(prepared, SCHEMA._schema, seen_by(scopes))


async def page_context(connection: HTTPConnection, response: Response) -> Context:
    """The context for an HTML page. The browser's cookie must be that of a session: an API key in it is
    ignored. Cookies are set on `response`. Raises `RateLimited`."""
    state = _state(connection)
    context = _context(state, connection, client_of(connection), lambda: response)
    context.browser_secret = link_cookie.secret_of(connection, state.settings)
    context.issue_browser_secret = link_cookie.issuing(connection, state.settings, lambda: response)
    cookie = connection.cookies.get(state.settings.session_cookie, "")
    await _admit_by_cookie(context, "" if looks_like_api_key(cookie) else cookie, state.rate_limiter, {})
    return context


def _close_with_credential(context: Context, scope: RequestScope) -> None:
    """Closes a WebSocket or stream when its credential ends: a database notification wakes the task, which
    looks the credential up again."""
    if not scope.stays_open or context.viewer is None:
        return
    asgi_scope = scope.connection.scope
    if asgi_scope.get("watched"):
        return
    asgi_scope["watched"] = True
    credential_id, user_id = context.viewer.credential.id, context.viewer.user.id
    is_api_key, token = context.viewer.is_api_key, context.token or ""

    async def close_at_credential_end() -> None:
        # A change of role does not end a session, but can end an API key's access.
        ids = (credential_id, user_id) if is_api_key else (credential_id,)
        async with context.listener.woken_by(*ids) as woken:
            try:
                while True:
                    viewer = await _authenticated_unless_outage(context, token)
                    if viewer is None:
                        await asyncio.sleep(_RETRY_SECONDS)
                    else:
                        await woken_or_due(woken, await _next_look(context, viewer))
                        woken.clear()
            except (Unauthenticated, Forbidden) as refusal:
                await scope.close(4403, refusal.message)
            except Exception as error:
                # A WebSocket whose credential cannot be checked must not stay open.
                log.warning(
                    "websocket_closed_credential_not_checked", request_id=scope.request_id, error=str(error)
                )
                await scope.close(1013, "Try again later")

    scope.at_end.append(asyncio.create_task(close_at_credential_end()).cancel)


async def _next_look(context: Context, viewer: Viewer) -> datetime | None:
    """Time of the next look at a credential whose connection stays open. Writes the use of an API key, which
    a rule of the account may otherwise revoke as unused."""
    if not viewer.is_api_key:
        return None
    if last_use.is_due(viewer, _USE_NOTED_EVERY):
        lifetime_seconds = context.settings.session_lifetime_seconds
        await last_use.note(context.database, viewer, lifetime_seconds, context.client.ip)
    until = viewer.key_member.access_until
    return min(filter(None, (until, now() + _USE_NOTED_EVERY)))


async def _authenticated_unless_outage(context: Context, token: str) -> Viewer | None:
    """The viewer, if the credential could be looked up: None in an outage. No event is sent then, since each
    event is checked as well. Raises Unauthenticated or Forbidden where the credential has ended."""
    try:
        async with context.listener.query_slot():
            return await find_working(context.database, token, context.client.ip)
    except Exception as error:
        if not logged_as_outage(error):
            raise
        return None


def with_cookies(response: Response, cookies: Response) -> Response:
    """The response, with the cookies that were set on the response `cookies`."""
    response.raw_headers.extend(header for header in cookies.raw_headers if header[0] == b"set-cookie")
    return response


async def _admit_by_cookie(
    context: Context, cookie: str, rate_limiter: RateLimiter, extensions: dict[str, object]
) -> None:
    """A cookie of an ended session is not an error: the request is anonymous. The cookie is kept: the browser
    may have another session by the time of the response, whose cookie would be deleted. An API key in the
    cookie that is not valid raises Unauthenticated, as in the header."""
    context.token = cookie or None
    context.by_cookie = True
    try:
        await rate_limiter.admit(context, extensions)
    except Unauthenticated:
        if looks_like_api_key(cookie):
            raise
        context.token = None


def _context(
    state: State, connection: HTTPConnection, client: Client, response: Callable[[], Response]
) -> Context:
    settings = state.settings
    lifetime_seconds = min(settings.session_lifetime_seconds, settings.session_max_lifetime_seconds)

    def keep_cookie(token: str) -> None:
        response().set_cookie(
            settings.session_cookie,
            token,
            max_age=lifetime_seconds if token else 0,
            httponly=True,
            samesite="lax",
            secure=settings.secure_cookies,
        )

    return Context(
        settings=settings,
        database=state.database,
        announcer=state.announcer,
        listener=state.listener,
        client=client,
        keep_cookie=keep_cookie,
        denials=state.denials,
        started_at=_started_at(connection),
    )


def _state(connection: HTTPConnection) -> State:
    state: State = connection.app.state.team_access
    return state


def _started_at(connection: HTTPConnection) -> datetime:
    """The start time of the request; on a WebSocket, which may be open for days, the current time."""
    if connection.scope["type"] != "http":
        return now()
    started_at: datetime | None = connection.scope.get("state", {}).get("started_at")
    return started_at or now()


def client_of(connection: HTTPConnection) -> Client:
    return _client_of(_state(connection), connection, connection.headers, request_id(connection))


def _client_of(
    state: State, connection: HTTPConnection, headers: Mapping[str, str], request_id: str
) -> Client:
    user_agent = headers.get("user-agent")
    return Client(
        state.proxies.client_of(connection),
        user_agent[:_MAX_HEADER_CHARACTERS] if user_agent else None,
        request_id,
    )
