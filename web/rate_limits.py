"""Rate limits of requests: per credential, whether it is valid or not, and per client address for requests
with an unknown credential or none, and for those from outside of an API key's networks.

So invalid keys from an address do not use up the limit of the valid ones, and a stolen key does not lose its
limit to requests from elsewhere. A known token, which belongs to a credential, is looked up at each request
while its bucket is not empty.
"""

import asyncio
from time import monotonic
from typing import NamedTuple
from uuid import UUID
from weakref import WeakValueDictionary

from engine.fair_queue import Requester, requester
from permissions.client_networks import admits
from permissions.client_sites import site_of
from permissions.context import Context
from permissions.credentials import find_viewer
from permissions.errors import Forbidden, ForbiddenNetwork, RateLimited, Unauthenticated
from permissions.rate_limits import Buckets, Level
from permissions.security_log import security_event, source_of
from permissions.tokens import hash_token, is_mangled, looks_like_api_key
from permissions.viewer import Viewer
from settings import Settings
from telemetry.families import RATE_LIMITED
from telemetry.series import Counter
from web.recent_tokens import RecentTokens
from web.unknown_tokens import UnknownTokens

_RECENTLY_SECONDS = 60
_SHORTEST_WAIT_SECONDS = 0.005
_RATE_LIMITED = "RATE_LIMITED"
TOO_COMPLEX = "QUERY_TOO_COMPLEX"
_LIMITS = (_RATE_LIMITED, TOO_COMPLEX)
LIMIT_CODES = frozenset(_LIMITS)
NETWORK = "NETWORK"
_OF_CREDENTIAL, _OF_ADDRESS = RATE_LIMITED.labels("credential"), RATE_LIMITED.labels("address")
_REPORTED = (*_LIMITS, NETWORK)
"""Reasons of refusals that are recorded once a minute: exceeded limits, and networks that a key excludes."""


class RateLimits:
    """The buckets that the processes of a server share."""

    def __init__(self, settings: Settings, *, shared: bool = False) -> None:
        self.credentials = Buckets(settings.rate_limit_per_minute, shared=shared)
        self.addresses = Buckets(settings.rate_limit_per_minute_per_address, shared=shared)
        self.license_keys = Buckets(settings.license_checks_per_minute, shared=shared)
        self._reports = Buckets(1, shared=shared)

    def by_name(self) -> dict[str, Buckets]:
        """All buckets, which several servers can share."""
        return {
            "credentials": self.credentials,
            "addresses": self.addresses,
            "license_keys": self.license_keys,
            "reports": self._reports,
        }

    def take_report(self, credential_id: UUID, limit: str) -> bool:
        """Whether the exceeded limit is due to be recorded in the audit log: once a minute for each
        credential and limit. Counts as recorded then."""
        level = self._reports.take((credential_id.int, _REPORTED.index(limit)))
        return level is not None and not level.refused_until

    def was_reported(self, credential_id: UUID, limit: str) -> bool:
        """Whether the exceeded limit was recorded within the last minute."""
        level = self._reports.look((credential_id.int, _REPORTED.index(limit)))
        return level is not None and level.refused_until > 0


class _Known(NamedTuple):
    """A credential that a token belongs to, in whose turn its requests were last executed, and the networks
    that it was last accepted from, comma-separated."""

    credential_id: UUID
    requester: Requester
    networks: str

    @classmethod
    def of(cls, viewer: Viewer) -> "_Known":
        networks = viewer.api_key.allowed_networks if viewer.is_api_key else ""
        return cls(viewer.credential_id, viewer.requester, networks)


class RateLimiter:
    """Rate limiter of one process: looks credentials up and counts their requests."""

    def __init__(self, rate_limits: RateLimits, max_unknown_lookups: int) -> None:
        """`max_unknown_lookups`: how many unknown tokens are looked up at a time."""
        self.rate_limits = rate_limits
        self._known = RecentTokens[_Known]()
        self.unknown = UnknownTokens(rate_limits.addresses, max_unknown_lookups)
        self._last_refusal_expires_at = 0.0
        self._turns = WeakValueDictionary[UUID, asyncio.Lock]()
        """For each credential that waits for its limit, whose turn it is."""

    @property
    def has_refused_recently(self) -> bool:
        """Whether a request was refused within the last minute."""
        return monotonic() < self._last_refusal_expires_at

    def known_credential(self, token: str | None, ip: str | None) -> UUID | None:
        """The credential that a token was found to belong to recently, if the client with this address is in
        its networks."""
        known = self._known_at(hash_token(token), ip) if token else None
        return known.credential_id if known is not None else None

    def known_refusal(self, token: str | None, ip: str | None) -> RateLimited | None:
        """The RateLimited that `admit` would raise without a look-up and without an audit event; else
        None."""
        token_hash = hash_token(token or "")
        known = self._known_at(token_hash, ip)
        if known is not None:
            credential_id = known.credential_id
            level = self.rate_limits.credentials.look(credential_id)
            if level is None or not level.refused_until or self._is_report_due(credential_id, token or ""):
                return None
            return RateLimited(level)
        is_useless = token is None or is_mangled(token) or self._is_of_others(token_hash)
        return self.unknown.refusal(token_hash, site_of(ip), is_useless=is_useless)

    async def admit(self, context: Context, extensions: dict[str, object]) -> None:
        """Like `_admit`, with a line in the security log where it raises."""
        try:
            await self._admit(context, extensions)
        except (Unauthenticated, Forbidden, RateLimited) as refusal:
            event = "rate_limited" if isinstance(refusal, RateLimited) else "credential_refused"
            kind = "api_key" if looks_like_api_key(context.token or "") else "session"
            reason = "the rate limit is exceeded" if event == "rate_limited" else refusal.message
            fields = {"credential": kind if context.token else None, **source_of(context), "reason": reason}
            security_event(event, fields)
            raise

    async def _admit(self, context: Context, extensions: dict[str, object]) -> None:
        """Looks up the credential of `context.token` and counts the request. Sets `rateLimit` in `extensions`
        to the limit and what is left of it. Raises RateLimited, and what `Context.authenticate` raises."""
        site = site_of(context.client.ip)
        if not context.token:
            requester.set(Requester(site))
            self.count_address(context.client.ip, extensions)
            return
        token_hash = hash_token(context.token)
        known = self._known_at(token_hash, context.client.ip)
        requester.set(known.requester if known else Requester(site))  # Until the credential is looked up.
        if known is None:
            if is_mangled(context.token):
                self.count_address(context.client.ip, extensions)
                await context.authenticate()  # Refuses the malformed key without a database query.
            else:
                await self._admit_unknown(context, token_hash, extensions)
            return
        refused = self._take(known.credential_id, extensions)
        if refused is not None:
            await self._refuse(context, known.credential_id, refused)
        try:
            await context.authenticate()
        except Unauthenticated:
            if context.api_key_viewer is None:
                self._known.forget(token_hash)
                self.count_address(context.client.ip, extensions)
            raise
        except ForbiddenNetwork:
            if context.api_key_viewer is not None:  # Its networks have changed.
                self._known.remember(token_hash, _Known.of(context.api_key_viewer))
            raise

    def count_address(self, ip: str | None, extensions: dict[str, object], count: int = 1) -> None:
        """Counts `count` requests against the address. Raises RateLimited where fewer are left."""
        level = self.rate_limits.addresses.take(site_of(ip), count)
        if level is not None:
            extensions["rateLimit"] = level.shown()
            if level.refused_until:
                raise self._refused(level, _OF_ADDRESS)

    def count_message(self, credential_id: UUID | None, ip: str | None) -> None:
        """Counts a WebSocket message as a request. Raises RateLimited."""
        if credential_id is None:
            self.count_address(ip, {})
        elif (level := self._take(credential_id, {})) is not None:
            raise self._refused(level, _OF_CREDENTIAL)

    async def wait_and_count(self, credential_id: UUID) -> None:
        """Counts one more request of the credential, as soon as its limit permits one. Those who wait for the
        same limit do so one after the other."""
        turn = self._turns.setdefault(credential_id, asyncio.Lock())
        async with turn:
            while (level := self._take(credential_id, {})) is not None:  # noqa: ASYNC110
                await asyncio.sleep(max(level.wait_seconds, _SHORTEST_WAIT_SECONDS))

    async def _admit_unknown(
        self, context: Context, token_hash: bytes, extensions: dict[str, object]
    ) -> None:
        site, is_of_others = site_of(context.client.ip), self._is_of_others(token_hash)
        limited = self.unknown.refusal(token_hash, site, is_useless=is_of_others)
        if limited is not None:
            extensions["rateLimit"] = limited.level.shown()
            raise self._refused(limited.level, _OF_ADDRESS)
        refusal: Unauthenticated | Forbidden | None = None
        try:
            async with self.unknown.place(site):
                await context.authenticate()
        except (Unauthenticated, Forbidden) as error:
            refusal = error
        viewer = context.api_key_viewer or context.viewer
        if viewer is not None:
            self._known.remember(token_hash, _Known.of(viewer))
            self.unknown.useless.forget(token_hash)
        else:
            self.unknown.useless.remember(token_hash, True)
        if viewer is None or isinstance(refusal, ForbiddenNetwork):
            self.count_address(context.client.ip, extensions)
        else:
            refused = self._take(viewer.credential_id, extensions)
            if refused is not None:
                await self._refuse(context, viewer.credential_id, refused)
        if refusal is not None:
            raise refusal

    def _known_at(self, token_hash: bytes, ip: str | None) -> _Known | None:
        """Known credential of a token, if the client with this address is in its networks."""
        known = self._known.get(token_hash)
        return known if known is not None and admits(known.networks, ip) else None

    def _is_of_others(self, token_hash: bytes) -> bool:
        """Whether a token that is not known at the client's address belongs to an API key that is not
        accepted from there."""
        return self._known.get(token_hash) is not None

    def _take(self, credential_id: UUID, extensions: dict[str, object]) -> Level | None:
        """Counts a request of the credential; returns the bucket's level where the limit is exceeded."""
        level = self.rate_limits.credentials.take(credential_id)
        if level is None:
            return None
        extensions["rateLimit"] = level.shown()
        return level if level.refused_until else None

    async def _refuse(self, context: Context, credential_id: UUID, level: Level) -> None:
        """Raises RateLimited, after looking up the API key where the refusal is to be recorded."""
        if self._is_report_due(credential_id, context.token or ""):
            context.api_key_viewer = context.api_key_viewer or await find_viewer(
                context.database, context.token or ""
            )
        raise self._refused(level, _OF_CREDENTIAL)

    def _is_report_due(self, credential_id: UUID, token: str) -> bool:
        """Whether the refusal is to be recorded in the audit log: for API keys, once a minute."""
        return looks_like_api_key(token) and not self.rate_limits.was_reported(credential_id, _RATE_LIMITED)

    def _refused(self, level: Level, series: Counter) -> RateLimited:
        series.value += 1
        self._last_refusal_expires_at = monotonic() + _RECENTLY_SECONDS
        return RateLimited(level)
