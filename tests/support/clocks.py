"""A clock that tests move, so that no time passes where the machine is busy."""

from dataclasses import dataclass
from time import monotonic_ns

import pytest

from permissions import rate_limits


@dataclass
class StoppedClock:
    nanoseconds: int

    def advance(self, seconds: float) -> None:
        self.nanoseconds += int(seconds * 1_000_000_000)


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """Buckets of this process fill when it is advanced."""
    clock = StoppedClock(monotonic_ns())
    monkeypatch.setattr(rate_limits, "monotonic_ns", lambda: clock.nanoseconds)
    return clock
