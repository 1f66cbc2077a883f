"""Processes beside the server processes: job worker and metrics exporter. Each is restarted whenever it ends.
The other processes read its state in shared memory."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from multiprocessing.process import BaseProcess
from typing import NamedTuple, TypeAlias

import structlog

from models.shared_memory import SharedMemory

_FIRST_DELAY_SECONDS = 1
_LONGEST_DELAY_SECONDS = 60
_STEADY_SECONDS = 60
"""After running for this long, the next restart has the first delay again."""

_ENDING_TOGETHER_SECONDS = 0.1
"""Ctrl-C in a terminal ends all processes, in any order."""

log = structlog.get_logger()


class ProcessState(IntEnum):
    ELSEWHERE = 0
    """No such process belongs to this server, as with `serve --no-worker`."""
    STARTING = 1
    RUNNING = 2
    ENDED = 3
    """The process has ended and will be restarted."""


class ProcessStatus:
    """The state of a background process, in memory that all processes of a server share."""

    def __init__(self) -> None:
        self._shared_memory = SharedMemory(1)

    @property
    def state(self) -> ProcessState:
        return ProcessState(self._shared_memory.memory[0])

    @state.setter
    def state(self, state: ProcessState) -> None:
        self._shared_memory.memory[0] = state

    def started(self) -> None:
        """Called by the process once it works."""
        self.state = ProcessState.RUNNING


Work: TypeAlias = Callable[[], None]


class Background(NamedTuple):
    """Work of a background process. `name` is that in the log, such as job_worker."""

    name: str
    work: Work
    status: ProcessStatus


class BackgroundProcess:
    """A process that runs `work`, and a thread that restarts it when it has ended."""

    def __init__(
        self,
        name: str,
        work: Work,
        status: ProcessStatus,
        is_ending: Callable[[], bool],
        cannot_start: Callable[[str], None],
    ) -> None:
        """`is_ending` returns whether the server is ending. `cannot_start` is called where the first process
        fails before it works: the next one would fail as well."""
        self._name, self._work, self._status = name, work, status
        self._is_ending, self._cannot_start = is_ending, cannot_start
        self._process: BaseProcess | None = None
        self._is_stopping = threading.Event()
        self._starting = threading.Lock()
        self._watcher = threading.Thread(target=self._keep_running, daemon=True)

    def start(self) -> None:
        """Starts with the default method of this program: a fork where this process has a single thread."""
        self._start(multiprocessing.get_start_method())
        self._watcher.start()

    def stop(self, timeout_seconds: float) -> None:
        with self._starting:
            self._is_stopping.set()
        process = self._process
        if process is not None and process.is_alive():
            process.terminate()
            self._watcher.join(timeout_seconds)
            process.kill()

    def _start(self, method: str) -> None:
        with self._starting:
            if self._is_stopping.is_set():
                return
            self._status.state = ProcessState.STARTING
            context = multiprocessing.get_context(method)
            process = context.Process(target=self._work, name=self._name)  # type: ignore[attr-defined]
            process.start()
            self._process = process
        log.info(f"{self._name}_started", pid=process.pid)

    def _keep_running(self) -> None:
        started_at, delay_seconds = time.monotonic(), _FIRST_DELAY_SECONDS
        exit_code = self._exit_code()
        if exit_code > 0 and self._status.state is ProcessState.STARTING:
            self._cannot_start(f"The {self._name.replace('_', ' ')} cannot start.")
            return
        while not self._is_stopping.wait(_ENDING_TOGETHER_SECONDS) and not self._is_ending():
            self._status.state = ProcessState.ENDED
            if time.monotonic() - started_at >= _STEADY_SECONDS:
                delay_seconds = _FIRST_DELAY_SECONDS
            log.error(f"{self._name}_ended", reason=_reason(exit_code), restart_in_seconds=delay_seconds)
            if self._is_stopping.wait(delay_seconds):
                return
            started_at, delay_seconds = time.monotonic(), min(2 * delay_seconds, _LONGEST_DELAY_SECONDS)
            try:
                # Not forked: this process has threads by now, whose locks a fork could wait for forever.
                self._start("spawn")
            except OSError as error:
                log.error(f"{self._name}_not_started", error=repr(error))
                continue
            exit_code = self._exit_code()

    def _exit_code(self) -> int:
        """Waits for the process to end. The exit code is -N where signal N ended it."""
        if self._process is not None:
            self._process.join()
            return self._process.exitcode or 0
        return 0


def _reason(exit_code: int) -> str:
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"
