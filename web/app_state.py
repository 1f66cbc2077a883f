"""State that all requests of a server process share: database, listener, rate limiter and others."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import structlog

from models.database import Database
from models.notifications import AuditAnnouncer, Listener
from models.readiness import ReadinessProbe
from models.spools import Spools
from models.storage import Storage
from resolvers.audit.api_calls import ApiCalls
from resolvers.denials import Denials, denials_of
from resolvers.downloads.transfers import Transfers
from resolvers.licenses.check_notes import LicenseCheckNotes
from resolvers.licenses.signing import LicenseSigner
from settings import Settings
from web.background_process import ProcessStatus
from web.license_key_limits import LicenseKeyLimiter
from web.proxy_headers import Proxies
from web.rate_limits import RateLimiter, RateLimits

if TYPE_CHECKING:
    from web.shared_limits import SharedLimits

_CLOSING_SECONDS = 5
log = structlog.get_logger()


@dataclass(frozen=True)
class State:
    settings: Settings
    database: Database
    announcer: AuditAnnouncer
    listener: Listener
    rate_limiter: RateLimiter
    proxies: Proxies
    worker_status: ProcessStatus

    @cached_property
    def storage(self) -> Storage:
        """Raises StorageUnavailable on each access while STORAGE_URL cannot be opened."""
        return Storage(self.settings.storage_url)

    @cached_property
    def readiness_probe(self) -> ReadinessProbe:
        return ReadinessProbe(self.database)

    @cached_property
    def transfers(self) -> Transfers:
        return Transfers(self.database, self.announcer)

    @cached_property
    def api_calls(self) -> ApiCalls:
        return ApiCalls(self.database, self.announcer)

    @cached_property
    def denials(self) -> Denials:
        return denials_of(self.database, self.announcer)

    @cached_property
    def license_keys(self) -> LicenseKeyLimiter:
        return LicenseKeyLimiter(self.rate_limiter)

    @cached_property
    def shared_limits(self) -> "SharedLimits | None":
        """None where servers do not share their limits."""
        url = self.settings.rate_limit_url
        if url is None:
            return None
        from web.shared_limits import SharedLimits

        return SharedLimits(url.get_secret_value(), self.rate_limiter.rate_limits.by_name())

    @cached_property
    def license_signer(self) -> LicenseSigner:
        return LicenseSigner(self.settings)

    @cached_property
    def license_check_notes(self) -> LicenseCheckNotes:
        return LicenseCheckNotes(self.database)

    @classmethod
    def of(
        cls,
        settings: Settings,
        rate_limits: RateLimits | None = None,
        worker_status: ProcessStatus | None = None,
    ) -> Self:
        """`rate_limits` and `worker_status` are passed where the server's processes share them."""
        if settings.database_url is None:
            raise ValueError("DATABASE_URL is not set")
        spools = Spools(settings.data_dir / "reports", settings.report_max_bytes, settings.report_spool_bytes)
        database = Database(settings.database_url.get_secret_value(), settings.database_pool_size, spools)
        rate_limiter = RateLimiter(
            rate_limits or RateLimits(settings), max(1, settings.database_pool_size // 2)
        )
        proxies = Proxies(settings.trusted_proxies)
        announcer, listener = AuditAnnouncer(database), Listener(database)
        status = worker_status or ProcessStatus()
        return cls(settings, database, announcer, listener, rate_limiter, proxies, status)

    def start(self) -> None:
        """Starts what runs in the background."""
        self.listener.start()
        if self.shared_limits is not None:
            self.shared_limits.start()

    async def close(self) -> None:
        """Closes everything within 5 seconds; what takes longer ends with the process."""
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self.transfers.close()
                await self.api_calls.close()
                await self.denials.close()
                await self.license_check_notes.close()
                await self.listener.close()
                if self.shared_limits is not None:
                    await self.shared_limits.close()
                await self.announcer.close()
                await self.database.close()
        except TimeoutError:
            log.warning("state_not_closed_in_time", timeout_seconds=_CLOSING_SECONDS)
