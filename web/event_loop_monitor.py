"""Tells in the log what keeps the event loop from its other callbacks."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog

from engine.operation_cache import Prepared
from web.request_scope import Exchange

log = structlog.get_logger()

BLOCKED_SECONDS = 0.05
_PAUSE_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 60.0
_INNERMOST = 5


class LoopWatch:
    """Asks the event loop of the thread that starts it, ten times a second, for a callback, and logs
    `event_loop_blocked` where one turn of the loop takes 50 ms of its thread's CPU time: what a busy machine
    takes from the thread does not count. What is shorter than 150 ms is seen by chance."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._cpu_seconds = _cpu_clock(self._thread_id)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Does not wait for its thread, which may wait for this very loop."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            answered = threading.Event()
            begun, begun_cpu = time.monotonic(), self._cpu_seconds()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:
                return  # The loop is closed.
            if answered.wait(BLOCKED_SECONDS):
                continue
            what = _running(sys._current_frames().get(self._thread_id))
            answered.wait(_LONGEST_WAIT_SECONDS)
            cpu_seconds = self._cpu_seconds() - begun_cpu
            if cpu_seconds >= BLOCKED_SECONDS:
                milliseconds = round((time.monotonic() - begun) * 1000)
                log.warning("event_loop_blocked", ms=milliseconds, cpu_ms=round(cpu_seconds * 1000), **what)


def _running(frame: FrameType | None) -> dict[str, Any]:
    """The innermost calls, and which request and operation they are of, where that can be told."""
    if frame is None:
        return {}
    calls = traceback.extract_stack(frame)[-_INNERMOST:]
    what: dict[str, Any] = {"calls": [f"{each.filename}:{each.lineno} {each.name}" for each in calls]}
    outer: FrameType | None = frame
    while outer is not None:
        if outer.f_globals.get("__name__", "").startswith(("web.", "schema.")):
            exchange, prepared = outer.f_locals.get("exchange"), outer.f_locals.get("prepared")
            if isinstance(exchange, Exchange):
                what.setdefault("request_id", exchange.request_id)
            if isinstance(prepared, Prepared):
                what.setdefault("operation_sha256", prepared.document.sha256)
        outer = outer.f_back
    return what


def _cpu_clock(thread_id: int) -> Callable[[], float]:
    """Of the thread; of the wall, where the system has no such clock."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.monotonic
    clock = time.pthread_getcpuclockid(thread_id)
    return lambda: time.clock_gettime(clock)
