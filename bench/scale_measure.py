"""Times the same page in two accounts, by turns: prepared, as the app's role, with its settings."""

import asyncio
import gc
import json
from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from bench.scale_cases import Case
from bench.scale_data import Tenant

PAGE = 51
"""One more than a page shows, by which it is known whether there is another one."""
SETTINGS = {
    "jit": "off",
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_generic_plan",
    "enable_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_WARM = 10


class Measured(NamedTuple):
    case: Case
    rows: int
    large_seconds: float
    small_seconds: float
    indexes: list[str]

    @property
    def ratio(self) -> float:
        return self.large_seconds / self.small_seconds

    @property
    def is_reached(self) -> bool:
        return self.ratio <= self.case.filter.bound


class Accounts:
    """The large one and the small one, and where their middles are."""

    def __init__(self, connection: asyncpg.Connection, large: Tenant, small: Tenant) -> None:
        self._connection = connection
        self._tenants = (large, small)
        self._middles: dict[tuple[str, str, int], list[Any]] = {}

    async def measure(self, case: Case, runs: int) -> Measured:
        """Both pages are as long as the shorter one, or a page of three would be compared with one of 50."""
        arguments = [await self._arguments(case, tenant) for tenant in self._tenants]
        whole = await self._connection.prepare(case.sql(PAGE))
        rows = min([len(await whole.fetch(*each)) for each in arguments])
        statement = await self._connection.prepare(case.sql(max(rows, 1)))
        large, small = await asyncio.wait_for(_times(statement, arguments, runs), timeout=600)
        indexes = await self._indexes(statement, arguments[0])
        return Measured(case, rows, large, small, indexes)

    async def _arguments(self, case: Case, tenant: Tenant) -> list[Any]:
        cursor = await self._middle(case, tenant) if case.depth.cursor else []
        return [tenant.id, *case.filter.values(tenant), *cursor]

    async def _middle(self, case: Case, tenant: Tenant) -> list[Any]:
        order = case.order
        key = (order.table, order.name, tenant.number)
        if key not in self._middles:
            keys = ", ".join(sql for sql, _ in order.keys)
            here = " AND removed_at IS NULL" if order.table == "members" else ""
            rows = f"FROM {order.table} WHERE account_id = $1{here}"
            if order.table == "audit_events":
                return [tenant.size.events // 2]
            found = await self._connection.fetchrow(
                f"SELECT {keys} {rows} ORDER BY {keys} OFFSET (SELECT count(*) / 2 {rows}) LIMIT 1",
                tenant.id,
            )
            self._middles[key] = list(found or ())
        return self._middles[key]

    async def _indexes(self, statement: "PreparedStatement[Any]", arguments: Sequence[Any]) -> list[str]:
        """Of the very plan that was run."""
        values = ", ".join(map(_literal, arguments))
        explain = f'EXPLAIN (FORMAT JSON) EXECUTE "{statement.get_name()}" ({values})'
        (plan,) = json.loads(await self._connection.fetchval(explain))
        return list(dict.fromkeys(_indexes_of(plan["Plan"])))


async def _times(
    statement: "PreparedStatement[Any]", arguments: list[list[Any]], runs: int
) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    gc.disable()
    try:
        for _ in range(_WARM + runs):
            for each, found in zip(arguments, times, strict=True):
                start = perf_counter()
                await statement.fetch(*each)
                found.append(perf_counter() - start)
    finally:
        gc.enable()
    return median(times[0][_WARM:]), median(times[1][_WARM:])


def _indexes_of(plan: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in plan:
        yield plan["Index Name"]
    elif plan["Node Type"] == "Seq Scan":
        yield f"all of {plan['Relation Name']}"
    for each in plan.get("Plans", ()):
        yield from _indexes_of(each)


def _literal(value: object) -> str:
    if isinstance(value, list):
        return _literal("{" + ",".join(f'"{each}"' for each in value) + "}")
    return "'" + str(value).replace("'", "''") + "'"
