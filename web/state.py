"""What the requests of one process share."""

from dataclasses import dataclass
from typing import Self

from models.database import Database
from models.notifications import AuditAnnouncer, Listener
from settings import Settings


@dataclass(frozen=True)
class State:
    settings: Settings
    database: Database
    announcer: AuditAnnouncer
    listener: Listener

    @classmethod
    def of(cls, settings: Settings) -> Self:
        if settings.database_url is None:
            raise ValueError("DATABASE_URL is not set")
        database = Database(settings.database_url.get_secret_value(), settings.database_pool_size)
        return cls(settings, database, AuditAnnouncer(database), Listener(database))

    async def close(self) -> None:
        await self.listener.close()
        await self.announcer.close()
        await self.database.close()
