"""Shares of the accounts in the connections for reading."""

from collections.abc import Hashable, Sequence
from itertools import islice
from math import exp, inf
from time import monotonic
from typing import Generic, TypeVar

from engine.read_loans import Loan

SLICES_SECONDS = (0.1, 1.0, inf)
"""Time slices of a statement's attempts. A page takes some milliseconds; what takes over 0.1 s counts or
searches a large list."""
ATTEMPTS = range(len(SLICES_SECONDS))
_SLOW_SECONDS = 10
_COUNTED_SECONDS = 0.01
_KEPT_SECONDS = 60
_MOST_ACCOUNTS = 10_000

Value = TypeVar("Value")


class ReadingShares:
    """Counts the connections that each account has. Tasks of the server itself are not counted.

    An account that has a connection gets another one only while more than one (of eight or more: two) are
    free, so that one is left for another account. An account is slow while a statement of it has run for over
    0.1 s, and for 10 seconds after such a statement. A slow account gets a fifth of the connections at most.

    While others wait, a statement may run for 0.1 s at its first attempt, for 1 s at its second, and for any
    time at its third. Second and third attempts together have half of the connections, third ones a fifth,
    and together with slow accounts all but one or two. So there are always connections whose statements end
    or are interrupted soon. On a busy machine all accounts become slow: to one that has used less than half
    of what the others have used on average, the last limit does not apply.
    """

    def __init__(self, connections: int) -> None:
        self.free = connections
        self._kept_free = 0 if connections == 1 else 1 if connections < 8 else 2
        self._most_slow = max(1, connections - self._kept_free)
        self._half, self._fifth = max(1, connections // 2), max(1, connections // 5)
        self._of_slow = self._repeated = self._last = 0
        """Numbers of connections of slow accounts and repeated statements, of these, and of third
        attempts."""
        self._loans: dict[Hashable, list[Loan]] = {}
        """Loans of each account, oldest first."""
        self._slow = _Recent[None](_SLOW_SECONDS)
        self._used = _Recent[tuple[float, float]](_KEPT_SECONDS)
        """Seconds for which each account has had connections, and when they were counted."""

    def may_take(self, account: Hashable, attempt: int = 0, instead_of: Loan | None = None) -> bool:
        """Whether the account may have another connection; with `instead_of`, if that one was given back."""
        free = self.free + (instead_of is not None)
        if not free:
            return False
        loans = self._loans.get(account, ())
        held = len(loans) if instead_of is None else len(loans) - (instead_of in loans)
        if held and free <= self._kept_free:
            return False
        if attempt and not self._has_repeated(attempt, instead_of):
            return False
        is_slow = attempt or self._is_slow(account, loans, monotonic())
        return not is_slow or self._has_slow(account, held, instead_of)

    def take(self, loan: Loan) -> None:
        account = loan.requester.account
        loans = self._loans.get(account)
        loan.is_slow = loan.attempt > 0 or self._is_slow(account, loans, loan.start)
        if loans is not None:
            loans.append(loan)
        elif account is not None:
            self._loans[account] = [loan]
        self.free -= 1
        if loan.is_slow:
            self._count_slow(loan, 1)

    def give_back(self, loan: Loan) -> None:
        self.free += 1
        if loan.is_slow:
            self._count_slow(loan, -1)
        account = loan.requester.account
        if account is None:
            return
        at = monotonic()
        seconds = at - loan.start
        if seconds > _COUNTED_SECONDS:
            self._used.put(account, (self._ended(account, at) + seconds, at), at)
        if seconds > SLICES_SECONDS[0]:
            self._slow.put(account, None, at)
        loans = self._loans[account]
        loans.remove(loan)
        if not loans:
            del self._loans[account]

    def may_pass_on(self, loan: Loan) -> bool:
        """Whether another loan of the same account may replace this one, which counts for nothing: it was
        short, and the account is not slow."""
        account = loan.requester.account
        if account is None or loan.is_slow:
            return False
        at = monotonic()
        return at - loan.start <= _COUNTED_SECONDS and not self._is_slow(account, self._loans[account], at)

    def pass_on(self, loan: Loan, new: Loan) -> None:
        loans = self._loans[loan.requester.account]
        loans.remove(loan)
        loans.append(new)

    @staticmethod
    def is_over(loan: Loan) -> bool:
        """Whether the time slice of the loan's attempt is over."""
        return monotonic() - loan.start > SLICES_SECONDS[loan.attempt]

    @property
    def was_used_long(self) -> bool:
        """Whether an account had a connection for over 10 ms in the last minute."""
        return monotonic() < self._used.end

    def held(self, account: Hashable) -> int:
        return len(self._loans.get(account, ()))

    def used(self, account: Hashable) -> float:
        """Seconds for which the account has had connections; those of 10 seconds ago count a third."""
        at = monotonic()
        running = sum(at - loan.start for loan in self._loans.get(account, ()))
        return running + self._ended(account, at)

    def _ended(self, account: Hashable, at: float) -> float:
        seconds, counted_at = self._used.get(account, at) or (0.0, at)
        return seconds * exp((counted_at - at) / _SLOW_SECONDS)

    def _has_repeated(self, attempt: int, instead_of: Loan | None) -> bool:
        last = ATTEMPTS[-1]
        returned = 0 if instead_of is None else instead_of.attempt
        if self._repeated - (returned > 0) >= self._half:
            return False
        return attempt < last or self._last - (returned == last) < self._fifth

    def _has_slow(self, account: Hashable, held: int, instead_of: Loan | None) -> bool:
        if held >= self._fifth:
            return False
        of_slow = self._of_slow - (instead_of is not None and instead_of.is_slow)
        return of_slow < self._most_slow or self._is_light(account)

    def _is_slow(self, account: Hashable, loans: Sequence[Loan] | None, at: float) -> bool:
        if loans and at - loans[0].start > SLICES_SECONDS[0]:
            return True
        return at < self._slow.end and self._slow.has(account, at)

    def _is_light(self, account: Hashable) -> bool:
        used = sum(map(self.used, self._loans))
        return self.used(account) * 2 * len(self._loans) < used

    def _count_slow(self, loan: Loan, change: int) -> None:
        self._of_slow += change
        self._repeated += change * (loan.attempt > 0)
        self._last += change * (loan.attempt == ATTEMPTS[-1])


class _Recent(Generic[Value]):
    """Values of accounts that are kept for some seconds. Faster than a `TTLCache`, which every statement
    would look into."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.end = 0.0
        """The time until which the newest value is kept."""
        self._values: dict[Hashable, tuple[float, Value]] = {}
        """The time until which each is kept, and the value; the oldest first."""

    def has(self, account: Hashable, at: float) -> bool:
        found = self._values.get(account)
        return found is not None and at < found[0]

    def get(self, account: Hashable, at: float) -> Value | None:
        found = self._values.get(account)
        return found[1] if found is not None and at < found[0] else None

    def put(self, account: Hashable, value: Value, at: float) -> None:
        self._values.pop(account, None)
        self.end = at + self._seconds
        self._values[account] = self.end, value
        for oldest in [*islice(self._values, 2)]:
            if self._values[oldest][0] <= at or len(self._values) > _MOST_ACCOUNTS:
                del self._values[oldest]
