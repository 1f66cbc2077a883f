"""Middleware that limits the concurrent requests of each client address behind trusted proxies, where the
limit of connections per address does not apply."""

from collections import Counter

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from permissions.client_sites import Site, site_of
from web.connection_limits import ConnectionTable, too_many_from_address


class ProxiedRequests:
    def __init__(self, app: ASGIApp, table: ConnectionTable) -> None:
        self._app, self._table = app, table
        self._by_site: Counter[Site] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        proxies, allowed = self._table.proxies, self._table.limits.connections_per_address
        if scope["type"] != "http" or not peer or not proxies.trusts(peer[0]):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        site = site_of(proxies.client_of(connection))
        if self._by_site[site] >= allowed:
            is_json = "json" in connection.headers.get("content-type", "")
            refusal = too_many_from_address("requests", "connections_per_address", allowed)
            headers, body = refusal.response(as_json=is_json)
            headers = self._table.security_headers.with_headers(headers)
            await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        self._by_site[site] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._by_site[site] -= 1
            if not self._by_site[site]:
                del self._by_site[site]
