"""The one statement that writes the audit log."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from models.audit import AuditEvent
from models.canonical import canonical_json
from models.snapshots import attributes
from models.statements import column_type

_APPENDED = tuple(
    name
    for name in attributes(AuditEvent)
    if name not in ("sequence", "occurred_at", "previous_hash", "hash")  # By the trigger.
)


async def append(driver: asyncpg.Connection, events: Sequence[Mapping[str, Any]]) -> None:
    """However many: an array for each column. The heads of the accounts' logs are locked in the events'
    order, from here to the commit."""
    columns = [[event[name] for event in events] for name in _APPENDED]
    columns[_APPENDED.index("details")] = [canonical_json(event["details"]) for event in events]
    await driver.execute(_APPEND, *columns)


def _appending() -> str:
    columns = ", ".join(_APPENDED)
    types = (column_type(AuditEvent, name) for name in _APPENDED)
    arrays = ", ".join(f"${place}::{each}[]" for place, each in enumerate(types, 1))
    return f"""INSERT INTO audit_events ({columns})
        SELECT {columns} FROM unnest({arrays}) WITH ORDINALITY AS event ({columns}, place)
        ORDER BY place"""  # noqa: S608


_APPEND = _appending()
