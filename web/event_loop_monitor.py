"""Monitor that logs which code blocks the event loop."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import structlog

from engine.operation_cache import PreparedOperation
from web.request_scope import RequestScope

log = structlog.get_logger()

BLOCKED_SECONDS = 0.05
_PAUSE_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 60.0
_INNERMOST = 5


class LoopWatch:
    """Thread that schedules a callback on the event loop ten times a second, and logs `event_loop_blocked`
    where it was delayed and the loop's thread used 50 ms of CPU time meanwhile: time in which a busy machine
    runs other threads does not count. Blocks shorter than 150 ms are only sometimes detected."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._cpu_seconds = _cpu_clock(self._thread_id)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Does not join the thread, which may be waiting for this event loop."""
        self._stopped.set()

    def _watch(self) -> None:
        with suppress(RuntimeError, OSError, KeyError):  # The loop is closed, or its thread has ended.
            while not self._stopped.wait(_PAUSE_SECONDS):
                self._look()

    def _look(self) -> None:
        answered = threading.Event()
        started, started_cpu = time.monotonic(), self._cpu_seconds()
        self._loop.call_soon_threadsafe(answered.set)
        if answered.wait(BLOCKED_SECONDS):
            return
        fields: dict[str, object] = {}
        # The thread goes on while its stack is read: a frame that has ended may then lack attributes.
        with suppress(AttributeError):
            fields = _running(sys._current_frames()[self._thread_id])
        answered.wait(_LONGEST_WAIT_SECONDS)
        cpu_seconds = self._cpu_seconds() - started_cpu
        if cpu_seconds >= BLOCKED_SECONDS and not self._stopped.is_set():
            milliseconds = round((time.monotonic() - started) * 1000)
            log.warning("event_loop_blocked", ms=milliseconds, cpu_ms=round(cpu_seconds * 1000), **fields)


def _running(frame: FrameType) -> dict[str, object]:
    """The innermost calls, with the request ID and the operation's hash where the stack shows them."""
    calls = traceback.extract_stack(frame)[-_INNERMOST:]
    fields: dict[str, object] = {"calls": [f"{each.filename}:{each.lineno} {each.name}" for each in calls]}
    outer: FrameType | None = frame
    while outer is not None:
        if outer.f_globals.get("__name__", "").startswith(("web.", "schema.")):
            scope, prepared = outer.f_locals.get("scope"), outer.f_locals.get("prepared")
            if isinstance(scope, RequestScope):
                fields.setdefault("request_id", scope.request_id)
            if isinstance(prepared, PreparedOperation):
                fields.setdefault("operation_sha256", prepared.document.sha256)
        outer = outer.f_back
    return fields


def _cpu_clock(thread_id: int) -> Callable[[], float]:
    """CPU time of the thread; wall-clock time where the system has no such clock."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.monotonic
    clock = time.pthread_getcpuclockid(thread_id)
    return lambda: time.clock_gettime(clock)
