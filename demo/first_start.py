"""The embedded database of somebody's first start: whole, with its demo, or not there at all."""

import asyncio

from rich.console import Console

import demo
from embedded import server as embedded
from embedded.server import APP_ROLE, DATABASE, OWNER_ROLE
from models import migrate
from models.database import Database
from settings import Settings

_UNFINISHED = f"{DATABASE}_unfinished"


def make_ready(server: embedded.Server, settings: Settings, notes: Console) -> None:
    """Migrated, and filled in where it is new. Under another name until that is done: what a kill left
    half-filled is never taken for whole, and made again from the start."""
    if asyncio.run(server.has_database(DATABASE)):
        if not asyncio.run(migrate.is_current(server.url(APP_ROLE))):
            migrate.upgrade(server.url(OWNER_ROLE), APP_ROLE)
        return
    if not server.is_own:
        raise embedded.InUseError("Another process is filling in the demo: try again in a moment.")
    with notes.status("Filling in the demo…"):
        asyncio.run(server.create_database(_UNFINISHED))
        migrate.upgrade(server.url(OWNER_ROLE, _UNFINISHED), APP_ROLE)
        asyncio.run(_fill_in(settings, server.url(APP_ROLE, _UNFINISHED)))
        asyncio.run(server.rename_database(_UNFINISHED, DATABASE))


async def _fill_in(settings: Settings, url: str) -> None:
    database = Database(url)
    try:
        await demo.seed(settings, database)
    finally:
        await database.close()
