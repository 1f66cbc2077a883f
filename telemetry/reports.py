"""Reports of what the processes have counted, over a socket pair that all processes of a server share.

A datagram has the increases since the one before it. So nothing that a process reported is lost with the
process, and what is restarted counts on. What does not fit into the socket's buffer is reported later.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import TypeAlias

import orjson

from telemetry.families import FAMILIES
from telemetry.series import Counter, GaugeFamily, Histogram, Increase

INTERVAL_SECONDS = 1.0
_ROWS = 50
"""Rows of a datagram: some 10 kB, where systems allow 200 kB."""
_BUFFER_BYTES = 4 * 1024 * 1024

Row: TypeAlias = tuple[str, tuple[str, ...], Increase]
"""Name of a metric, values of its labels, and the increase; the value of a gauge."""


class ReportChannel:
    """Socket pair of the processes that count and the one that adds up. Spawned processes receive it by
    pickling, forked ones inherit it."""

    def __init__(self) -> None:
        self.receiver, self.sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for each in (self.receiver, self.sender):
            each.setblocking(False)
        self.sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)


class Reporter:
    """Reports what this process counts from now on: what was counted before a fork is its parent's."""

    def __init__(self, channel: ReportChannel, kind: str) -> None:
        """`kind` of the process: server or worker."""
        self._sender, self._kind = channel.sender, kind
        for _, _, series in _all_series():
            series.reported()
            series.is_new = True

    async def report_regularly(self) -> None:
        while True:
            self.report()
            await asyncio.sleep(INTERVAL_SECONDS)

    def report(self) -> None:
        with suppress(OSError):  # The buffer is full, or nobody receives: the next report has it.
            self._send(list(_measured()))
            counted = ((name, labels, series) for name, labels, series in _all_series())
            for rows in _batches(_increases(counted)):
                self._send([(name, labels, increase) for name, labels, increase, _ in rows])
                for *_, series in rows:
                    series.reported()

    def _send(self, rows: list[Row]) -> None:
        self._sender.send(orjson.dumps([os.getpid(), self._kind, rows]))


@asynccontextmanager
async def reporting(channel: ReportChannel | None, kind: str) -> AsyncIterator[None]:
    """Reports during the block what this process counts, and at its end for the last time."""
    if channel is None:
        yield
        return
    reporter = Reporter(channel, kind)
    task = asyncio.create_task(reporter.report_regularly())
    try:
        yield
    finally:
        task.cancel()
        reporter.report()


_Named: TypeAlias = tuple[str, tuple[str, ...], Counter | Histogram]
_Increased: TypeAlias = tuple[str, tuple[str, ...], Increase, Counter | Histogram]


def _all_series() -> Iterator[_Named]:
    for family in FAMILIES.values():
        if not isinstance(family, GaugeFamily):
            for labels, series in family.series.items():
                yield family.name, labels, series


def _increases(counted: Iterable[_Named]) -> Iterator[_Increased]:
    for name, labels, series in counted:
        increase = series.increase
        if increase is not None:
            yield name, labels, increase, series


def _measured() -> Iterator[Row]:
    for family in FAMILIES.values():
        if isinstance(family, GaugeFamily):
            for labels, measure in family.sources.items():
                yield family.name, labels, measure()


def _batches(increases: Iterator[_Increased]) -> Iterator[list[_Increased]]:
    while rows := list(islice(increases, _ROWS)):
        yield rows
