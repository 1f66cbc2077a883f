"""Rate limits of requests: per credential, whether it is valid or not, and per client address for requests
with an unknown credential or none.

So invalid keys from an address do not use up the limit of the valid ones. A known token, which belongs to a
credential, is looked up at each request while its bucket is not empty. Few unknown tokens are looked up at a
time, so that database connections are left for known ones; while the address's bucket is empty only one at
a time, and never a token that was found to belong to no credential.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from time import monotonic
from uuid import UUID

from engine.fair_queue import FairSemaphore, Requester, requester
from permissions.client_sites import site_of
from permissions.context import Context
from permissions.credentials import find_viewer
from permissions.errors import Forbidden, RateLimited, Unauthenticated
from permissions.rate_limits import Buckets, Level
from permissions.tokens import hash_token, is_mangled, looks_like_api_key
from settings import Settings
from web.recent_tokens import RecentTokens

_RECENTLY_SECONDS = 60
_RATE_LIMITED = "RATE_LIMITED"
_LIMITS = (_RATE_LIMITED, "QUERY_TOO_COMPLEX")
LIMIT_CODES = frozenset(_LIMITS)
NETWORK = "NETWORK"
_REPORTED = (*_LIMITS, NETWORK)
"""Reasons of refusals that are recorded once a minute: exceeded limits, and networks that a key excludes."""


class RateLimits:
    """The buckets that the processes of a server share."""

    def __init__(self, settings: Settings, *, shared: bool = False) -> None:
        self.credentials = Buckets(settings.rate_limit_per_minute, shared=shared)
        self.addresses = Buckets(settings.rate_limit_per_minute_per_address, shared=shared)
        self.license_keys = Buckets(settings.license_checks_per_minute, shared=shared)
        self._reports = Buckets(1, shared=shared)

    def take_report(self, credential_id: UUID, limit: str) -> bool:
        """Whether the exceeded limit is due to be recorded in the audit log: once a minute for each
        credential and limit. Counts as recorded then."""
        level = self._reports.take((credential_id.int, _REPORTED.index(limit)))
        return level is not None and not level.refused_until

    def was_reported(self, credential_id: UUID, limit: str) -> bool:
        """Whether the exceeded limit was recorded within the last minute."""
        level = self._reports.look((credential_id.int, _REPORTED.index(limit)))
        return level is not None and level.refused_until > 0


class RateLimiter:
    """Rate limiter of one process: looks credentials up and counts their requests."""

    def __init__(self, rate_limits: RateLimits, max_unknown_lookups: int) -> None:
        """`max_unknown_lookups`: how many unknown tokens are looked up at a time."""
        self.rate_limits = rate_limits
        self._known = RecentTokens[UUID]()
        self._useless = RecentTokens[bool]()
        self._unknown_lookups = FairSemaphore(max_unknown_lookups)
        self._over_limit_lookups = asyncio.Semaphore(1)
        self._last_refusal_expires_at = 0.0

    @property
    def has_refused_recently(self) -> bool:
        """Whether a request was refused within the last minute."""
        return monotonic() < self._last_refusal_expires_at

    def known_credential(self, token: str | None) -> UUID | None:
        """The credential that a token was found to belong to recently."""
        return self._known.get(hash_token(token)) if token else None

    def known_refusal(self, token: str | None, ip: str | None) -> RateLimited | None:
        """The RateLimited that `admit` would raise without a look-up and without an audit event; else
        None."""
        token_hash = hash_token(token or "")
        credential_id = self._known.get(token_hash)
        if credential_id is not None:
            level = self.rate_limits.credentials.look(credential_id)
            if level is None or not level.refused_until or self._is_report_due(credential_id, token or ""):
                return None
            return RateLimited(level)
        level = self.rate_limits.addresses.look(site_of(ip))
        if level is None or not level.refused_until:
            return None
        is_useless = token is None or is_mangled(token) or self._useless.get(token_hash)
        return RateLimited(level) if is_useless or self._over_limit_lookups.locked() else None

    async def admit(self, context: Context, extensions: dict[str, object]) -> None:
        """Looks up the credential of `context.token` and counts the request. Sets `rateLimit` in `extensions`
        to the limit and what is left of it. Raises RateLimited, and what `Context.authenticate` raises."""
        site = site_of(context.client.ip)
        if not context.token:
            requester.set(Requester(site))
            self.count_address(context.client.ip, extensions)
            return
        token_hash = hash_token(context.token)
        credential_id = self._known.get(token_hash)
        requester.set(Requester(credential_id or site))  # Until the credential is looked up.
        if credential_id is None:
            if is_mangled(context.token):
                self.count_address(context.client.ip, extensions)
                await context.authenticate()  # Refuses the malformed key without a database query.
            else:
                await self._admit_unknown(context, token_hash, extensions)
            return
        refused = self._take(credential_id, extensions)
        if refused is not None:
            await self._refuse(context, credential_id, refused)
        try:
            await context.authenticate()
        except Unauthenticated:
            if context.api_key_viewer is None:
                self._known.forget(token_hash)
                self.count_address(context.client.ip, extensions)
            raise

    def count_address(self, ip: str | None, extensions: dict[str, object], count: int = 1) -> None:
        """Counts `count` requests against the address. Raises RateLimited where fewer are left."""
        level = self.rate_limits.addresses.take(site_of(ip), count)
        if level is not None:
            extensions["rateLimit"] = level.shown()
            if level.refused_until:
                raise self._refused(level)

    def count_message(self, credential_id: UUID | None, ip: str | None) -> None:
        """Counts a WebSocket message as a request. Raises RateLimited."""
        if credential_id is None:
            self.count_address(ip, {})
        elif (level := self._take(credential_id, {})) is not None:
            raise self._refused(level)

    async def _admit_unknown(
        self, context: Context, token_hash: bytes, extensions: dict[str, object]
    ) -> None:
        refusal: Unauthenticated | Forbidden | None = None
        try:
            async with self._lookup_slot(context, token_hash, extensions):
                await context.authenticate()
        except (Unauthenticated, Forbidden) as error:
            refusal = error
        viewer = context.api_key_viewer or context.viewer
        if viewer is not None:
            self._known.remember(token_hash, viewer.credential_id)
            self._useless.forget(token_hash)
            refused = self._take(viewer.credential_id, extensions)
            if refused is not None:
                await self._refuse(context, viewer.credential_id, refused)
        else:
            self._useless.remember(token_hash, True)
            self.count_address(context.client.ip, extensions)
        if refusal is not None:
            raise refusal

    def _lookup_slot(
        self, context: Context, token_hash: bytes, extensions: dict[str, object]
    ) -> AbstractAsyncContextManager[None]:
        """A place for the look-up. Raises RateLimited where the address is over its limit and the
        token is known to be useless or another look-up over the limit is running."""
        level = self.rate_limits.addresses.look(site_of(context.client.ip))
        if level is None or not level.refused_until:
            return self._unknown_lookups.place()
        if self._over_limit_lookups.locked() or self._useless.get(token_hash):
            extensions["rateLimit"] = level.shown()
            raise self._refused(level)
        return self._over_limit_lookups

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
        raise self._refused(level)

    def _is_report_due(self, credential_id: UUID, token: str) -> bool:
        """Whether the refusal is to be recorded in the audit log: for API keys, once a minute."""
        return looks_like_api_key(token) and not self.rate_limits.was_reported(credential_id, _RATE_LIMITED)

    def _refused(self, level: Level) -> RateLimited:
        self._last_refusal_expires_at = monotonic() + _RECENTLY_SECONDS
        return RateLimited(level)
