"""The ASGI app: routes, lifespan, middleware."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import settings as settings_module
from engine.compiled_operations import executions
from engine.limits import Limits
from engine.outages import outages_ended_by
from models.columns import now
from schema import SCHEMA
from settings import Settings
from telemetry import tracing
from telemetry.families import WEBSOCKETS
from telemetry.reports import ReportChannel, reporting
from web import (
    claim_pages,
    console,
    downloads,
    error_pages,
    graphiql,
    health,
    join_pages,
    leaked_keys,
    license_checks,
    license_updates,
    mailbox_pages,
    sign_in_pages,
)
from web.allowed_hosts import Hosts
from web.app_state import State
from web.authentication import (
    count_executions,
    database_is_silent,
    document_client,
    limit_message,
    make_context,
)
from web.background_process import ProcessStatus
from web.connection_limits import ConnectionLimits
from web.event_loop_monitor import LoopWatch
from web.graphiql_examples import render_ide
from web.graphql_executor import GraphQLExecutor
from web.graphql_http import GraphQLHttpEndpoint
from web.graphql_stream import SubscriptionStreams
from web.graphql_websocket import GraphQLWebSocketEndpoint
from web.http_server import Shutdown
from web.license_requests import LicenseEndpoint
from web.load_shedding import LoadShedding
from web.logs import configure_logs
from web.persisted_documents import PersistedDocuments, persisted_documents
from web.proxy_headers import Proxies
from web.rate_limits import RateLimits
from web.security_headers import SecurityHeaders
from web.subscription_sizes import SubscriptionSizes
from web.traced_requests import respond_traced
from web.websocket_limits import WebSocketTable

GRAPHQL = "/graphql"
log = structlog.get_logger()


def create_app(
    settings: Settings | None = None,
    rate_limits: RateLimits | None = None,
    worker_status: ProcessStatus | None = None,
    reports: ReportChannel | None = None,
) -> Starlette:
    """`rate_limits` and `worker_status` are passed where the server's processes share them. `reports` takes
    the metrics."""
    settings = settings or settings_module.load()
    configure_logs(settings)
    persisted = persisted_documents(settings)
    graphql_http, graphql_websocket = _graphql_endpoints(settings, persisted)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.team_access = state = State.of(settings, rate_limits, worker_status)
        state.start()
        _measure(state, graphql_websocket.web_sockets)
        watch = LoopWatch()
        watch.start()
        try:
            with outages_ended_by(state.readiness_probe.is_available):
                async with reporting(reports, "server"), tracing.tracing(os.environ):
                    yield
        finally:
            watch.stop()
            await state.close()
            log.info("operations_by_executor", **executions.counts)

    security_headers = SecurityHeaders(https=settings.secure_cookies)
    app = TeamAccess(
        endpoints={
            GRAPHQL: _cors_around(LoadShedding(graphql_http), settings),
            "/licenses/verify": LicenseEndpoint(license_checks.verify),
            "/licenses/updates": LicenseEndpoint(license_updates.updates, needs_version=True),
        },
        security_headers=security_headers,
        hosts=Hosts(settings, security_headers),
        lifespan=lifespan,
        routes=[WebSocketRoute(GRAPHQL, graphql_websocket), *_page_routes(settings)],
        middleware=[Middleware(RequestIdMiddleware), Middleware(error_pages.ErrorPageMiddleware)],
        exception_handlers=error_pages.exception_handlers(),
    )
    app.state.is_ending = False
    app.state.shutdown = _shutdown(app, graphql_http, graphql_websocket, settings.shutdown_delay_seconds)
    app.state.persisted_documents = persisted
    app.state.connection_limits = ConnectionLimits.of(settings)
    app.state.proxies = Proxies(settings.trusted_proxies)
    app.state.security_headers = security_headers
    return app


def _measure(state: State, web_sockets: WebSocketTable) -> None:
    """Sets the sources of this process's gauges."""
    state.database.measure()
    WEBSOCKETS.measure(lambda: web_sockets.open)


def _shutdown(
    app: Starlette, http: GraphQLHttpEndpoint, websocket: GraphQLWebSocketEndpoint, delay_seconds: float
) -> Shutdown:
    async def begin() -> None:
        """Tells clients of WebSockets and streams to connect again."""
        app.state.is_ending = websocket.web_sockets.is_ending = True
        await asyncio.gather(websocket.close(), http.close())

    async def finish() -> None:
        """Ends downloads before the server cancels them."""
        await app.state.team_access.transfers.close()

    return Shutdown(begin, finish, delay_seconds)


def _page_routes(settings: Settings) -> Iterator[BaseRoute]:
    if settings.console == "on":
        yield from console.routes(settings)
    yield from sign_in_pages.routes()
    yield from join_pages.routes()
    yield from claim_pages.routes()
    yield from leaked_keys.routes()
    yield from license_checks.routes()
    if settings.smtp_url is None:
        yield from mailbox_pages.routes()
    yield from downloads.routes()
    yield from health.routes()
    yield from graphiql.static_routes()
    yield from error_pages.static_routes()


def _graphql_endpoints(
    settings: Settings, persisted: PersistedDocuments
) -> tuple[GraphQLHttpEndpoint, GraphQLWebSocketEndpoint]:
    limits = Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        aliases=settings.max_aliases,
        cost=settings.max_cost,
    )
    timeout_seconds = settings.operation_timeout_seconds
    executor = GraphQLExecutor(
        SCHEMA,
        make_context,
        limits,
        timeout_seconds,
        document_client,
        persisted,
        count_executions,
        settings.access_log == "on",
        database_is_silent,
    )
    web_sockets = WebSocketTable(ConnectionLimits.of(settings), Proxies(settings.trusted_proxies))
    sizes = SubscriptionSizes()
    http = GraphQLHttpEndpoint(
        executor,
        error_pages.with_error_pages(render_ide),
        streams=SubscriptionStreams(executor, web_sockets, sizes, settings.websocket_ping_seconds),
        allowed_origins=settings.allowed_origins,
        max_body_bytes=settings.max_body_bytes,
        max_batch=settings.max_batch,
    )
    websocket = GraphQLWebSocketEndpoint(
        executor,
        allowed_origins=settings.allowed_origins,
        max_subscriptions=settings.max_subscriptions,
        connection_init_timeout_seconds=settings.websocket_init_seconds,
        web_sockets=web_sockets,
        subscription_sizes=sizes,
        limit_message=limit_message,
    )
    return http, websocket


def _cors_around(view: ASGIApp, settings: Settings) -> ASGIApp:
    """Adds CORS headers for ALLOWED_ORIGINS: pages of those sites may call the API, and no other endpoint."""
    if not settings.allowed_origins:
        return view
    return CORSMiddleware(
        view,
        allow_origins=settings.allowed_origins,
        allow_credentials=True,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
        expose_headers=["x-request-id", "retry-after"],
        max_age=7_200,
    )


class TeamAccess(Starlette):
    """The ASGI application. HTTP requests for `endpoints`, by path, bypass the routes and middleware: those
    with the highest load, which handle their own errors."""

    def __init__(
        self,
        endpoints: Mapping[str, ASGIApp],
        security_headers: SecurityHeaders,
        hosts: Hosts,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        # The redirect would repeat the path, which can contain a token, with the Host that the client sent.
        self.router.redirect_slashes = False
        self._endpoints = endpoints
        self._security_headers = security_headers
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if tracing.tracer is None or scope["type"] != "http":
            await self._respond(scope, receive, send)
            return
        is_endpoint = scope["path"] in self._endpoints
        await respond_traced(scope, receive, send, self._respond, is_endpoint=is_endpoint)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            send_unchanged, send = send, self._security_headers.around(scope, send)
            if not self._hosts.allows(scope):
                await self._hosts.refuse(scope, send_unchanged if scope["type"] == "websocket" else send)
                return
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        assign_request_id(scope)
        await endpoint(scope, receive, send)


def assign_request_id(scope: Scope) -> str:
    """Sets the request's start time and a new request ID, which the log and error messages contain."""
    request_id = os.urandom(16).hex()
    scope.setdefault("state", {}).update(request_id=request_id, started_at=now())
    return request_id


class RequestIdMiddleware:
    """Middleware that sets the request ID and adds it to the response as X-Request-Id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = assign_request_id(scope)

        async def send_with_request_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [header for header in message["headers"] if header[0] != b"x-request-id"]
                message = {**message, "headers": [*headers, (b"x-request-id", request_id.encode())]}
            await send(message)

        await self._app(scope, receive, send_with_request_id)
