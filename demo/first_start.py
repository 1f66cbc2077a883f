"""Preparation of the embedded database at its first start, complete with demo data or not at all."""

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
    """Migrates the database. A new one gets the demo data and has another name until it is complete, so that
    an incomplete one that a killed process left is never used but created again."""
    if asyncio.run(server.has_database(DATABASE)):
        if not asyncio.run(migrate.is_current(server.url(APP_ROLE))):
            migrate.upgrade(server.url(OWNER_ROLE), APP_ROLE)
        return
    if not server.is_own:
        raise embedded.InUseError("Another process is creating the demo data: try again in a moment.")
    with notes.status("Creating the demo data…"):
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
