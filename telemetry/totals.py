"""Sums of what the processes of a server have reported, in the text formats of Prometheus."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from time import monotonic
from typing import NamedTuple

import orjson
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from telemetry.families import FAMILIES, PROCESSES
from telemetry.series import OTHER, CounterFamily, GaugeFamily, HistogramFamily, Increase

SILENT_SECONDS = 10
"""A process that has reported nothing for this long has ended or is blocked. Its gauges are dropped."""
Labels = tuple[str, ...]


class _Process(NamedTuple):
    kind: str
    reported_at: float
    gauges: dict[tuple[str, Labels], float]


class Totals(Collector):
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._sums: dict[str, dict[Labels, Increase]] = {}
        self._processes: dict[int, _Process] = {}
        self.measured: Mapping[tuple[str, Labels], float] = {}
        """Gauges of the whole server, beside those of its processes."""

    def add(self, datagram: bytes) -> None:
        pid, kind, rows = orjson.loads(datagram)
        known = self._processes.get(pid)
        process = _Process(kind, self._clock(), known.gauges if known else {})
        self._processes[pid] = process
        for name, labels, increase in rows:
            family = FAMILIES[name]
            if isinstance(family, GaugeFamily):
                process.gauges[name, tuple(labels)] = increase
            else:
                self._add(family, tuple(labels), increase)

    def _add(self, family: CounterFamily | HistogramFamily, labels: Labels, increase: Increase) -> None:
        """Each process bounds the number of its series. So does their sum."""
        sums = self._sums.setdefault(family.name, {})
        if labels not in sums and len(sums) >= family.most:
            labels = (OTHER,) * len(labels)
        sums[labels] = _sum(sums.get(labels), increase)

    def text(self, accept: str) -> tuple[bytes, str]:
        """The body and its media type, of the formats that an Accept header names."""
        try:
            encoder, media_type = choose_encoder(accept)
        except ValueError:  # A version that is no number.
            encoder, media_type = choose_encoder("")
        return encoder(self), media_type

    def collect(self) -> Iterator[Metric]:
        """Called by the encoder."""
        sums = self._sums
        gauges = _by_name([*self._gauges().items(), *self.measured.items()])
        for family in FAMILIES.values():
            match family:
                case CounterFamily():
                    yield _counter(family, sums.get(family.name, {}))
                case HistogramFamily():
                    yield _histogram(family, sums.get(family.name, {}))
                case GaugeFamily():
                    yield _gauge(family, gauges.get(family.name, {}))

    def _gauges(self) -> dict[tuple[str, Labels], float]:
        """Sums over the processes that report."""
        since = self._clock() - SILENT_SECONDS
        self._processes = {pid: each for pid, each in self._processes.items() if each.reported_at >= since}
        sums: dict[tuple[str, Labels], float] = {}
        for process in self._processes.values():
            running = PROCESSES.name, (process.kind,)
            for key, value in [(running, 1.0), *process.gauges.items()]:
                sums[key] = sums.get(key, 0) + value
        return sums


def _sum(total: Increase | None, increase: Increase) -> Increase:
    if not isinstance(increase, list | tuple):
        return increase + total if isinstance(total, int | float) else increase
    counts, values = increase
    if isinstance(total, tuple):
        return [now + more for now, more in zip(total[0], counts, strict=True)], total[1] + values
    return counts, values


def _by_name(values: Iterable[tuple[tuple[str, Labels], float]]) -> dict[str, dict[Labels, float]]:
    found: dict[str, dict[Labels, float]] = {}
    for (name, labels), value in values:
        found.setdefault(name, {})[labels] = value
    return found


def _counter(family: CounterFamily, sums: Mapping[Labels, Increase]) -> Metric:
    metric = CounterMetricFamily(family.name, family.help, labels=family.label_names)
    for labels, value in sums.items():
        if not isinstance(value, tuple):
            metric.add_metric(labels, value)
    return metric


def _histogram(family: HistogramFamily, sums: Mapping[Labels, Increase]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.label_names)
    bounds = [*(f"{bound:g}" for bound in family.bounds), "+Inf"]
    for labels, value in sums.items():
        if isinstance(value, tuple):
            counts, sum_of_values = value
            metric.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), sum_of_values)
    return metric


def _gauge(family: GaugeFamily, values: Mapping[Labels, float]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.label_names)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric
