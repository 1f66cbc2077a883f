"""Delays between the attempts of a delivery, of emails and of audit streams alike."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Doubled after each failure, from the first delay to the longest, and varied by a quarter at random, so
    that deliveries that failed together are not attempted together."""

    first_seconds: float
    most_seconds: float

    def seconds(self, failures: int) -> float:
        """The delay after this many failures, at least one."""
        doubled = min(self.most_seconds, self.first_seconds * 2 ** min(failures - 1, 20))
        varied: float = doubled * random.uniform(0.75, 1.25)  # noqa: S311
        return min(self.most_seconds, max(self.first_seconds, varied))
