"""Spans of HTTP requests, by the semantic conventions of OpenTelemetry, except that the path is only stated
where it cannot contain a token."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry import tracing

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))


async def respond_traced(
    scope: Scope, receive: Receive, send: Send, app: ASGIApp, *, is_endpoint: bool
) -> None:
    """Calls the app in a span. `is_endpoint`: whether the path is that of an endpoint, without a token."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    sent = scope["method"]
    method = sent if sent in _METHODS else "_OTHER"
    attributes = {
        "http.request.method": method,
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope.get("http_version", "1.1"),
        "server.address": headers.get("host", "").rpartition("]")[2].partition(":")[0] or "unknown",
    }
    if is_endpoint:
        attributes |= {"url.path": scope["path"], "http.route": scope["path"]}
    name = f"{method} {scope['path']}" if is_endpoint else method
    with tracing.request_span(name, headers, attributes) as span:

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                span.set_attribute("http.response.status_code", status)
                route = getattr(scope.get("route"), "path", None)
                if route is not None and not is_endpoint:
                    span.set_attribute("http.route", route)
                    span.update_name(f"{method} {route}")
                request_id = scope.get("state", {}).get("request_id")
                if request_id:
                    span.set_attribute("team_access.request_id", request_id)
                if status >= 500:
                    tracing.failed(span, str(status))
            await send(message)

        await app(scope, receive, send_noting)
