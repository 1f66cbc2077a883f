"""Writes what installed themes reported in license checks, some seconds later for all licenses together."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.outages import log_failure
from models.database import Database
from resolvers.licenses.checks import CheckedLicense
from resolvers.unaudited import note_license_checks

_NOTED_EVERY = timedelta(hours=1)
_WAITING_SECONDS = 2
_CLOSING_SECONDS = 2
_MOST_KEPT = 10_000


class _Note(NamedTuple):
    license: CheckedLicense
    at: datetime
    site: str
    version: str | None


class LicenseCheckNotes:
    """Notes of one process. Each license is noted at most once an hour. A crash loses the notes of the last
    two seconds, which the next checks repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._notes: dict[object, _Note] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, license: CheckedLicense, at: datetime, site: str, version: str | None) -> None:
        last = license.last_verified_at
        if last is not None and at - last < _NOTED_EVERY:
            return
        if license.id in self._notes or len(self._notes) >= _MOST_KEPT:
            return
        self._notes[license.id] = _Note(license, at, site, version)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_soon())

    async def close(self) -> None:
        """Writes what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._write()

    async def _write_soon(self) -> None:
        while self._notes:
            await asyncio.sleep(_WAITING_SECONDS)
            await self._write()

    async def _write(self) -> None:
        """Notes that cannot be written are dropped: the next check of the license repeats them."""
        notes, self._notes = [*self._notes.values()], {}
        if not notes:
            return
        try:
            await note_license_checks(
                self._database,
                [(each.license.account_id, each.license.id) for each in notes],
                [each.at for each in notes],
                [each.site for each in notes],
                [each.version for each in notes],
            )
        except Exception as error:
            log_failure("license_checks_not_noted", error)
