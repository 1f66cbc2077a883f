"""Work that a job does in one account after the other."""

from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby
from operator import itemgetter
from typing import TypeVar
from uuid import UUID

from engine.outages import log_failure, outage_of
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.database import Database

ACROSS_ACCOUNTS = "a job looks for what is due; each change that follows is of one account"
Work = TypeVar("Work")


async def account_by_account(
    due: Iterable[tuple[UUID, Work]],
    act: Callable[[UUID, Work], Awaitable[int]],
    failures: dict[UUID, Exception],
) -> int:
    """Calls `act` for each account and its work, and returns the sum of its numbers.

    Work that raises is logged, left to the next run, and does not keep other work. Where another transaction
    has locked a row of the account, all of its work is left, because each attempt would wait for the lock.
    Failures are added to `failures`.
    """
    done, locked = 0, set[UUID]()
    for account_id, work in due:
        if account_id in locked:
            continue
        try:
            done += await act(account_id, work)
        except Exception as error:
            failures[account_id] = error
            if outage_of(error) is not None:
                locked.add(account_id)
            log_failure("account_not_done", error, account_id=str(account_id), job=_module_of(act))
    return done


def _module_of(act: Callable[..., object]) -> str:
    return str(getattr(act, "func", act).__module__)


class DueRows:
    """Ids of due rows. `build` selects the account's id and the id of each, in the order of an index, so that
    PostgreSQL does not scan the table for the first ones."""

    def __init__(self, build: Callable[[], AnySelect], batch: int = 500) -> None:
        self._build, self._batch = build, batch
        self.statement = Statement(lambda: self._rows(of_accounts=False), across_accounts=ACROSS_ACCOUNTS)
        self._statement_of_last = Statement(
            lambda: self._rows(of_accounts=True), across_accounts=ACROSS_ACCOUNTS
        )
        self._failed: set[UUID] = set()
        """Accounts that failed in the last run of this process. They come last in the next one, so that they
        do not use up its time."""

    def _rows(self, *, of_accounts: bool) -> AnySelect:
        rows = self._build()
        account_id, _ = rows.selected_columns
        is_one = any_of(account_id, parameter("accounts"))
        return rows.where(is_one if of_accounts else ~is_one).limit(self._batch)

    async def by_account(self, database: Database, act: Callable[[UUID, list[UUID]], Awaitable[int]]) -> int:
        """Calls `act` for one account after the other with the ids of its rows, until none are due, as
        `account_by_account` does. `act` is one transaction, so that a killed job leaves an account's batch
        either complete or untouched. It returns the number of rows that it changed: fewer where another
        worker was first. Returns their sum."""
        last, failures = self._failed, dict[UUID, Exception]()
        done = await self._finish(database, act, last, failures)
        if last:
            done += await self._finish(database, act, last, failures, only_last=True)
        self._failed = set(failures)
        return done

    async def _finish(
        self,
        database: Database,
        act: Callable[[UUID, list[UUID]], Awaitable[int]],
        last: set[UUID],
        failures: dict[UUID, Exception],
        *,
        only_last: bool = False,
    ) -> int:
        """Works on accounts that are not in `last`, or on those alone."""
        statement, done = self._statement_of_last if only_last else self.statement, 0
        while True:
            accounts = last - failures.keys() if only_last else last | failures.keys()
            records = await database.fetch(statement.sql, *statement.arguments(accounts=list(accounts)))
            found = groupby(sorted((row[0], row[1]) for row in records), key=itemgetter(0))
            failed_before = len(failures)
            due = ((account_id, [id for _, id in rows]) for account_id, rows in found)
            changed = await account_by_account(due, act, failures)
            done += changed
            if len(records) < self._batch or not (changed or len(failures) > failed_before):
                return done
