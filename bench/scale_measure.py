"""Times the same page in two accounts in turns, as GraphQL operations in this process."""

import asyncio
import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import asyncpg

from bench.scale_cases import Case
from bench.scale_data import FAR, MadeAccount, made_id
from engine.compiled_operations import COMPILED, executions
from engine.execution import execute
from engine.limits import Limits
from engine.operation_cache import Documents
from engine.pagination import encode_cursor
from models.columns import new_id, now
from models.database import Database
from models.notifications import AuditAnnouncer, Listener
from permissions.context import Context
from permissions.tokens import new_token
from schema import SCHEMA
from settings import Settings

PAGE = 50
_DOCUMENTS = Documents(SCHEMA._schema, Limits())
_WARM = 10
_TIMEOUT_SECONDS = 10
"""The timeout of operations in a server."""
_LONG_SECONDS = 0.5
"""A page that takes longer is read twice only, because it exceeds its limit anyway."""
_SESSION = "INSERT INTO sessions (id, user_id, token_hash, created_at, last_used_at, expires_at, ends_at)"


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
    def is_slow(self) -> bool:
        """Whether the page is so slow that other pages with the same filter are skipped."""
        return self.large_seconds > _LONG_SECONDS

    @property
    def is_reached(self) -> bool:
        return self.ratio <= self.case.filter.bound


class Accounts:
    """The viewers of the large and the small account, and the cursors in the middle of their lists."""

    def __init__(
        self, database: Database, owner: asyncpg.Connection, large: MadeAccount, small: MadeAccount
    ) -> None:
        """`database` has one connection. `owner` is the role that owns the tables."""
        self._database, self._owner = database, owner
        self._accounts = (large, small)
        self._contexts: dict[tuple[int, int], Context] = {}
        self._middles: dict[tuple[str, str, int], str] = {}

    async def measure(self, case: Case, runs: int) -> Measured:
        """Measures both accounts in turns. Both pages have the length of the shorter one."""
        executions.counts.clear()
        contexts = [await self._context(account, case.filter.member) for account in self._accounts]
        cursors = [await self._middle(case, account) for account in self._accounts]

        def variables(size: int) -> list[dict[str, Any]]:
            both = zip(self._accounts, cursors, strict=True)
            return [case.variables(account, size, cursor) for account, cursor in both]

        operation = case.order.listed.operation
        asked = list(zip(contexts, variables(PAGE), strict=True))
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                rows = min([_rows(await _ask(context, operation, values)) for context, values in asked])
        except TimeoutError:
            return Measured(case, 0, inf, _TIMEOUT_SECONDS, ["no answer in time"])
        asked = list(zip(contexts, variables(max(rows, 1)), strict=True))
        with _noted(self._database) as sent:
            await _ask(asked[0][0], operation, asked[0][1])
        large, small = await asyncio.wait_for(_times(operation, asked, runs), timeout=600)
        if set(executions.counts) != {COMPILED}:
            raise RuntimeError(f"Not all were compiled: {dict(executions.counts)}, {operation}")
        return Measured(case, rows, large, small, await self._indexes(sent))

    async def _context(self, account: MadeAccount, member: int) -> Context:
        """Context of a member who has just signed in."""
        key = (account.number, member)
        if key not in self._contexts:
            token, hash = new_token()
            user_id = made_id("user", account.number, member)
            values = (new_id(), user_id, hash, now(), FAR)
            await self._owner.execute(f"{_SESSION} VALUES ($1, $2, $3, $4, $4, $5, $5)", *values)
            database = self._database
            announcer, listener = AuditAnnouncer(database), Listener(database)
            context = Context(Settings(), database, announcer, listener, token=token)
            await context.authenticate()
            self._contexts[key] = context
        return self._contexts[key]

    async def _middle(self, case: Case, account: MadeAccount) -> str | None:
        """Cursor in the middle of the list."""
        order, table = case.order, case.order.listed.table
        if not case.depth.cursor:
            return None
        key = (table, order.cursor, account.number)
        if key not in self._middles:
            keys = ", ".join(order.keys)
            here = " AND removed_at IS NULL" if table == "members" else ""
            rows = f"FROM {table} WHERE account_id = $1{here}"
            middle = f"SELECT {keys} {rows} ORDER BY {keys} OFFSET (SELECT count(*) / 2 {rows}) LIMIT 1"
            if table == "audit_events":
                self._middles[key] = _cursor(case, [account.size.events // 2])
            else:
                self._middles[key] = _cursor(case, await self._owner.fetchrow(middle, account.id))
        return self._middles[key]

    async def _indexes(self, sent: list[tuple[str, int]]) -> list[str]:
        """Indexes in the generic plans of the statements."""
        found: list[str] = []
        for sql, parameters in sent:
            values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
            await self._database.fetch(f"PREPARE page AS {sql}")
            plan = await self._database.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE page{values}")
            await self._database.fetch("DEALLOCATE page")
            found += _indexes_of(json.loads(plan[0][0])[0]["Plan"])
        return list(dict.fromkeys(found))


def _cursor(case: Case, values: Any) -> str:
    return encode_cursor(case.order.cursor, values)


@contextmanager
def _noted(database: Database) -> Iterator[list[tuple[str, int]]]:
    """Yields the statements that are sent during the block, with the number of parameters of each."""
    sent: list[tuple[str, int]] = []
    fetch = database.fetch

    async def noting(sql: str, *arguments: Any) -> list[Any]:
        sent.append((sql, len(arguments)))
        return await fetch(sql, *arguments)

    database.fetch = noting
    try:
        yield sent
    finally:
        database.fetch = fetch


async def _times(
    operation: str, asked: list[tuple[Context, dict[str, Any]]], runs: int
) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    gc.disable()
    try:
        for _ in range(_WARM + runs):
            for (context, variables), found in zip(asked, times, strict=True):
                fresh = replace(context, loaders={})
                start = perf_counter()
                await _ask(fresh, operation, variables)
                found.append(perf_counter() - start)
            if times[0][-1] > _LONG_SECONDS:
                return times[0][-1], times[1][-1]
    finally:
        gc.enable()
    return median(times[0][_WARM:]), median(times[1][_WARM:])


async def _ask(context: Context, operation: str, variables: dict[str, Any]) -> Any:
    result = await execute(SCHEMA, _DOCUMENTS.prepare(operation, None, variables), context)
    if result.errors or result.data is None:
        raise RuntimeError(result.errors)
    return result.data


def _rows(data: Any) -> int:
    """Number of rows on the page; 0 if only `totalCount` is selected."""
    (parent,) = data.values()
    (page,) = parent.values()
    return len(page.get("nodes", ()))


def _indexes_of(plan: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in plan:
        yield plan["Index Name"]
    elif plan["Node Type"] == "Seq Scan":
        yield f"all of {plan['Relation Name']}"
    for each in plan.get("Plans", ()):
        yield from _indexes_of(each)
