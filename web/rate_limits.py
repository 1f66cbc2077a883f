"""Who comes in, and how often: a request is counted against the credential that it comes with, whether that
works or not, and against its client's address where the credential is nobody's, or there is none.

So many wrong keys from one address do not keep the good ones of that address out. Tokens that are known to be
somebody's are looked up at each request, as long as there is something in their bucket. Others are strangers:
few are looked up at a time, so that connections are left for who is known; where the address's bucket is
empty one at a time, and never again those that were nobody's.
"""

import asyncio
from time import monotonic
from typing import Generic, TypeVar
from uuid import UUID

from permissions.client_sites import site_of
from permissions.context import Context
from permissions.credentials import find
from permissions.errors import Forbidden, RateLimited, Unauthenticated
from permissions.rate_limits import Buckets, Level
from permissions.tokens import hash_token, is_mangled, looks_like_api_key
from settings import Settings

_MOST_REMEMBERED = 20_000
_PRESSED_SECONDS = 60
_RATE_LIMITED = "RATE_LIMITED"
_LIMITS = (_RATE_LIMITED, "QUERY_TOO_COMPLEX")
LIMIT_CODES = frozenset(_LIMITS)

Value = TypeVar("Value")


class RateLimits:
    """The buckets that the processes of a server share."""

    def __init__(self, settings: Settings, *, shared: bool = False) -> None:
        self.credentials = Buckets(settings.rate_limit_per_minute, shared=shared)
        self.addresses = Buckets(settings.rate_limit_per_minute_per_address, shared=shared)
        self._told = Buckets(1, shared=shared)

    def is_news(self, credential_id: UUID, limit: str) -> bool:
        """Whether this was not asked of the same credential and limit for a minute: a limit that is hit is
        audited once a minute, not once a hit."""
        level = self._told.take((credential_id.int, _LIMITS.index(limit)))
        return level is not None and not level.refused_until

    def was_told(self, credential_id: UUID, limit: str) -> bool:
        """Whether it is no news, without telling it."""
        level = self._told.look((credential_id.int, _LIMITS.index(limit)))
        return level is not None and level.refused_until > 0


class RateLimiter:
    """Of one process."""

    def __init__(self, rate_limits: RateLimits, strangers: int) -> None:
        """`strangers` may be looked up at a time."""
        self.rate_limits = rate_limits
        self._known = _Remembered[UUID]()
        self._nobodys = _Remembered[bool]()
        self._strangers = asyncio.Semaphore(strangers)
        self._crowd = asyncio.Semaphore(1)
        self._pressed_until = 0.0

    @property
    def is_pressed(self) -> bool:
        """Whether somebody was refused lately."""
        return monotonic() < self._pressed_until

    def turned_away(self, token: str | None, ip: str | None) -> RateLimited | None:
        """What `enter` would raise without looking anybody up, and the log does not have to be told."""
        token_hash = hash_token(token or "")
        credential_id = self._known.get(token_hash)
        if credential_id is not None:
            level = self.rate_limits.credentials.look(credential_id)
            if level is None or not level.refused_until or self._is_to_be_told(credential_id, token or ""):
                return None
            return RateLimited(level)
        level = self.rate_limits.addresses.look(site_of(ip))
        if level is None or not level.refused_until:
            return None
        is_useless = token is None or is_mangled(token) or self._nobodys.get(token_hash)
        return RateLimited(level) if is_useless or self._crowd.locked() else None

    async def enter(self, context: Context, told: dict[str, object]) -> None:
        """Looks up who asks with `context.token`, and counts the request; what is left of the limit is
        told as `rateLimit`, where there is one. Raises RateLimited, and what `Context.identify` raises."""
        if not context.token:
            self.count_address(context.client.ip, told)
            return
        token_hash = hash_token(context.token)
        credential_id = self._known.get(token_hash)
        if credential_id is None:
            if is_mangled(context.token):
                self.count_address(context.client.ip, told)
                await context.identify()  # Which refuses it without looking it up.
            else:
                await self._enter_unknown(context, token_hash, told)
            return
        refused = self._take(credential_id, told)
        if refused is not None:
            await self._refuse(context, credential_id, refused)
        try:
            await context.identify()
        except Unauthenticated:
            if context.caller is None:
                self._known.forget(token_hash)
                self.count_address(context.client.ip, told)
            raise

    def count_address(self, ip: str | None, told: dict[str, object], count: int = 1) -> None:
        """For who is nobody here, `count` requests. Raises RateLimited where fewer are left."""
        level = self.rate_limits.addresses.take(site_of(ip), count)
        if level is not None:
            told["rateLimit"] = level.shown()
            if level.refused_until:
                raise self._refused(level)

    def count_message(self, credential_id: UUID | None, ip: str | None) -> None:
        """Raises RateLimited."""
        if credential_id is None:
            self.count_address(ip, {})
        elif (level := self._take(credential_id, {})) is not None:
            raise self._refused(level)

    async def _enter_unknown(self, context: Context, token_hash: bytes, told: dict[str, object]) -> None:
        refusal: Unauthenticated | Forbidden | None = None
        try:
            async with self._turn(context, token_hash, told):
                await context.identify()
        except (Unauthenticated, Forbidden) as error:
            refusal = error
        found = context.caller or context.viewer
        if found is not None:
            self._known.remember(token_hash, found.credential_id)
            self._nobodys.forget(token_hash)
            refused = self._take(found.credential_id, told)
            if refused is not None:
                await self._refuse(context, found.credential_id, refused)
        else:
            self._nobodys.remember(token_hash, True)
            self.count_address(context.client.ip, told)
        if refusal is not None:
            raise refusal

    def _turn(self, context: Context, token_hash: bytes, told: dict[str, object]) -> asyncio.Semaphore:
        """To be looked up. Raises RateLimited where the address is over its limit and it is no use, or
        another one of such addresses is being looked up."""
        level = self.rate_limits.addresses.look(site_of(context.client.ip))
        if level is None or not level.refused_until:
            return self._strangers
        if self._crowd.locked() or self._nobodys.get(token_hash):
            told["rateLimit"] = level.shown()
            raise self._refused(level)
        return self._crowd

    def _take(self, credential_id: UUID, told: dict[str, object]) -> Level | None:
        """The bucket's level where there is too little in it."""
        level = self.rate_limits.credentials.take(credential_id)
        if level is None:
            return None
        told["rateLimit"] = level.shown()
        return level if level.refused_until else None

    async def _refuse(self, context: Context, credential_id: UUID, level: Level) -> None:
        """Raises RateLimited, having found out whose API key it is where the log is to have it."""
        if self._is_to_be_told(credential_id, context.token or ""):
            context.caller = context.caller or await find(context.database, context.token or "")
        raise self._refused(level)

    def _is_to_be_told(self, credential_id: UUID, token: str) -> bool:
        """Whether the log is to have it: of API keys, the first one in a minute."""
        return looks_like_api_key(token) and not self.rate_limits.was_told(credential_id, _RATE_LIMITED)

    def _refused(self, level: Level) -> RateLimited:
        self._pressed_until = monotonic() + _PRESSED_SECONDS
        return RateLimited(level)


class _Remembered(Generic[Value]):
    """By a token's hash; what has not been asked for lately is forgotten."""

    def __init__(self) -> None:
        self._lately: dict[bytes, Value] = {}
        self._before: dict[bytes, Value] = {}

    def get(self, token_hash: bytes) -> Value | None:
        value = self._lately.get(token_hash)
        if value is None and (value := self._before.get(token_hash)) is not None:
            self.remember(token_hash, value)
        return value

    def remember(self, token_hash: bytes, value: Value) -> None:
        if len(self._lately) >= _MOST_REMEMBERED:
            self._before, self._lately = self._lately, {}
        self._lately[token_hash] = value

    def forget(self, token_hash: bytes) -> None:
        self._lately.pop(token_hash, None)
        self._before.pop(token_hash, None)
