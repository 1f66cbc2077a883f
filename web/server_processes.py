"""Server processes that listen on one socket. A process that ends unexpectedly is restarted."""

import asyncio
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from types import FrameType
from typing import TYPE_CHECKING

import uvloop

from web.http_server import HttpServer, serve_until_signal
from web.listening_sockets import stop_admitting

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_REPEATED_END_SECONDS = 3.5


class ServerProcesses:
    def __init__(self, count: int, listener: socket.socket, load_server: Callable[[], HttpServer]) -> None:
        self._count, self._listener, self._load_server = count, listener, load_server
        self._processes: list[BaseProcess] = []
        self._restarted_at: list[float] = [0.0] * count
        self._wake_writer, self._wake_reader = socket.socketpair()
        self.is_ending = self._has_delay = False

    def run(
        self, when_started: Callable[[], None], shutdown_delay_seconds: float, stop_timeout_seconds: float
    ) -> bool:
        """Runs the processes until SIGINT, SIGTERM, SIGHUP or `end`. Returns False where a process ended
        unexpectedly twice within seconds. `when_started` is called once all processes were started.

        After SIGTERM or SIGHUP they still listen for `shutdown_delay_seconds`, unless another signal
        follows. They are killed `stop_timeout_seconds` after that."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, self._end_by_signal)
        try:
            self._processes = [self._start() for _ in range(self._count)]
            when_started()
            while not self.is_ending:
                if self._wake_reader in wait(
                    [self._wake_reader, *(each.sentinel for each in self._processes)]
                ):
                    self._wake_reader.recv(1)
                if not self.is_ending and not self._restart_ended():
                    return False
            return True
        finally:
            self._stop(shutdown_delay_seconds, stop_timeout_seconds)

    def end(self) -> None:
        """Ends `run`. May be called in any thread."""
        self.is_ending = True
        self._wake_writer.send(b"\0")

    def _end_by_signal(self, number: int, _frame: FrameType | None) -> None:
        self._has_delay = number != signal.SIGINT and not self.is_ending
        if self.is_ending:
            self._send(signal.SIGINT)
        self.end()

    def _start(self) -> "BaseProcess":
        process = multiprocessing.Process(target=_serve, args=(self._listener, self._load_server))
        process.start()
        return process

    def _restart_ended(self) -> bool:
        for number, process in enumerate(self._processes):
            if process.is_alive():
                continue
            now = time.monotonic()
            if self._restarted_at[number] and now - self._restarted_at[number] < _REPEATED_END_SECONDS:
                return False
            self._restarted_at[number] = now
            self._processes[number] = self._start()
        return True

    def _stop(self, delay_seconds: float, timeout_seconds: float) -> None:
        self.is_ending = True
        self._send(signal.SIGTERM if self._has_delay else signal.SIGINT)
        if self._has_delay and delay_seconds:
            self._wait_for_delay(delay_seconds)
            stop_admitting(self._listener)
        self._listener.close()  # New connections would wait for a process that no longer accepts them.
        self._join(timeout_seconds)
        for process in self._processes:
            process.kill()

    def _wait_for_delay(self, seconds: float) -> None:
        """Waits until the delay is over, another signal has ended it, or all processes have ended."""
        deadline = time.monotonic() + seconds
        while self._has_delay and (left := deadline - time.monotonic()) > 0:
            running = [each.sentinel for each in self._processes if each.is_alive()]
            if not running:
                return
            if self._wake_reader in wait([self._wake_reader, *running], left):
                self._wake_reader.recv(1)

    def _send(self, number: signal.Signals) -> None:
        for process in self._processes:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)

    def _join(self, timeout_seconds: float) -> None:
        """Waits until all processes have ended."""
        deadline = time.monotonic() + timeout_seconds
        for process in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))


def _serve(listener: socket.socket, load_server: Callable[[], HttpServer]) -> None:
    """Runs in each server process."""
    server = load_server()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_signal(server, listener))
