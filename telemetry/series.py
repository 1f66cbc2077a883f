"""Counters, histograms and gauges of one process: plain numbers in memory, without locks. They are counted in
the thread of the event loop only."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

OTHER = "(other)"
"""Value of each label of the series that has what exceeds the number of series."""
Increase = float | tuple[list[int], float]
"""Increase of a counter; of a histogram, that of each bucket and that of the sum."""


class Counter:
    """`value` may be increased directly, which takes 40 ns."""

    __slots__ = ("_reported", "is_new", "value")

    def __init__(self) -> None:
        self.value: float = 0
        self._reported: float = 0
        self.is_new = True
        """Whether it was never reported: a counter that is 0 is reported too, once."""

    @property
    def increase(self) -> float | None:
        """Increase since the last report; None where nothing is to be reported."""
        increase = self.value - self._reported
        return increase if increase or self.is_new else None

    def reported(self) -> None:
        self._reported, self.is_new = self.value, False


class Histogram:
    """Counts of observed values in buckets. A value equal to a bound is in the bucket below it."""

    __slots__ = ("_reported", "_reported_sum", "bounds", "counts", "is_new", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum: float = 0
        self._reported, self._reported_sum = list(self.counts), 0.0
        self.is_new = True

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def increase(self) -> tuple[list[int], float] | None:
        """Increase since the last report; None where nothing is to be reported."""
        if self.counts == self._reported and not self.is_new:
            return None
        counts = [now - before for now, before in zip(self.counts, self._reported, strict=True)]
        return counts, self.sum - self._reported_sum

    def reported(self) -> None:
        self._reported[:] = self.counts
        self._reported_sum, self.is_new = self.sum, False


Counted = TypeVar("Counted", Counter, Histogram)


class Family(Generic[Counted]):
    """Counters or histograms with one name, by the values of their labels."""

    def __init__(
        self, name: str, help: str, labels: Sequence[str], new: Callable[[], Counted], most: int
    ) -> None:
        self.name, self.help, self.label_names, self.most = name, help, tuple(labels), most
        self._new: Callable[[], Counted] = new
        self.series: dict[tuple[str, ...], Counted] = {}
        if not labels:
            self.labels()

    def labels(self, *values: str) -> Counted:
        """The series with these values of the labels, made at its first use. Beyond the maximum number of
        series, each label is OTHER."""
        series = self.series.get(values)
        if series is None:
            if len(self.series) >= self.most:
                values = (OTHER,) * len(values)
            series = self.series.setdefault(values, self._new())
        return series


class CounterFamily(Family[Counter]):
    def __init__(self, name: str, help: str, labels: Sequence[str] = (), most: int = 100) -> None:
        super().__init__(name, help, labels, Counter, most)


class HistogramFamily(Family[Histogram]):
    def __init__(
        self,
        name: str,
        help: str,
        bounds: Sequence[float],
        labels: Sequence[str] = (),
        most: int = 100,
    ) -> None:
        super().__init__(name, help, labels, lambda: Histogram(bounds), most)
        self.bounds = tuple(bounds)


@dataclass(eq=False)
class GaugeFamily:
    """Values that are measured when they are reported. The sum over the processes is shown."""

    name: str
    help: str
    label_names: tuple[str, ...] = ()
    sources: dict[tuple[str, ...], Callable[[], float]] = field(default_factory=dict)

    def measure(self, function: Callable[[], float], *labels: str) -> None:
        """Makes `function` the source of this process's value; a later one replaces it."""
        self.sources[labels] = function
