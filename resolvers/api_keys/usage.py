"""Reads how often an API key was used, by day."""

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from uuid import UUID

from sqlalchemy import and_
from sqlmodel import col

from engine.conditions import Condition
from engine.pagination import Order
from engine.row_loader import loaded, of_accounts
from engine.row_reader import rows
from engine.statements import any_of
from models.api_key_days import ApiKeyDay
from models.api_keys import ApiKey
from models.columns import now
from permissions.context import Context

MOST_DAYS = 90
USUAL_DAYS = 30


@dataclass(frozen=True)
class ApiKeyUsage:
    """Calls of a key on one day of UTC."""

    account_id: UUID
    member_id: UUID
    day: date
    calls: int
    denied: int


_BY_KEY = Order("key", (col(ApiKeyDay.api_key_id),))
_of_keys = Condition(
    lambda ids, since: and_(any_of(col(ApiKeyDay.api_key_id), ids), col(ApiKeyDay.day) >= since)
)


async def api_key_usage(context: Context, key: ApiKey, days: int) -> list[ApiKeyUsage]:
    """The last days, today first, including those without a call. The keys of a list are read together."""
    today = now().astimezone(UTC).date()
    since = today - timedelta(days=MOST_DAYS - 1)

    async def fetch(keys: list[tuple[UUID, UUID]]) -> list[dict[date, ApiKeyDay]]:
        accounts, ids = (list(each) for each in zip(*keys, strict=True))
        found: dict[UUID, dict[date, ApiKeyDay]] = {id: {} for id in ids}
        where = of_accounts(ApiKeyDay)(accounts), _of_keys(ids, since)
        for row in await rows(context.database, ApiKeyDay, *where, order=_BY_KEY):
            found[row.api_key_id][row.day] = row
        return [found[id] for id in ids]

    counted = await loaded(context, ApiKeyDay, fetch, (key.account_id, key.id))
    last = (today - timedelta(days=past) for past in range(days))
    return [_usage(key, day, counted.get(day)) for day in last]


def _usage(key: ApiKey, day: date, row: ApiKeyDay | None) -> ApiKeyUsage:
    calls, denied = (row.calls, row.denied) if row else (0, 0)
    return ApiKeyUsage(key.account_id, key.member_id, day, calls, denied)
