"""`serve` on a machine with fewer processes, open files or addresses than it needs."""

import multiprocessing
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from settings import Settings
from tests.support.serving import free_port
from web import background_process, server
from web.background_process import BackgroundProcess, ProcessState, ProcessStatus
from web.http_server import HttpServer
from web.server import ServeError, listener
from web.server_processes import ServerProcesses

WAIT_SECONDS = 10


def _end_at_once() -> None:
    """Work of a job worker."""


@contextmanager
def open_files(limit: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def until(is_met: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def worker() -> Iterator[BackgroundProcess]:
    worker = BackgroundProcess("job_worker", _end_at_once, ProcessStatus(), lambda: False, pytest.fail)
    yield worker
    worker.stop(WAIT_SECONDS)
    if worker._watcher.is_alive():
        worker._watcher.join(WAIT_SECONDS)
    assert not worker._watcher.is_alive()


def test_a_job_worker_that_cannot_be_started_again_is_tried_until_it_can(
    worker: BackgroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_process, "_FIRST_DELAY_SECONDS", 0.05)
    monkeypatch.setattr(background_process, "_STEADY_SECONDS", 0)

    with structlog.testing.capture_logs() as logs:
        worker.start()
        with open_files(3):
            until(lambda: [log["event"] for log in logs].count("job_worker_not_started") == 2)

    assert {log["error"] for log in logs if "error" in log} == {"OSError(24, 'Too many open files')"}
    # It ran for long enough each time.
    assert {log["restart_in_seconds"] for log in logs if log["event"] == "job_worker_ended"} == {0.05}


def test_a_server_ends_while_its_job_worker_waits_to_be_started_again(
    worker: BackgroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_process, "_FIRST_DELAY_SECONDS", 3_600)

    with structlog.testing.capture_logs() as logs:
        worker.start()
        until(lambda: [log for log in logs if log["event"] == "job_worker_ended"])
        worker.stop(WAIT_SECONDS)

    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["job_worker_ended"]
    assert multiprocessing.active_children() == []


def test_a_server_that_ends_at_once_starts_no_job_worker(worker: BackgroundProcess) -> None:
    worker.stop(WAIT_SECONDS)

    worker.start()

    assert multiprocessing.active_children() == []
    assert worker._status.state is ProcessState.ELSEWHERE


def test_a_host_that_is_no_address() -> None:
    with pytest.raises(ServeError, match=r"HOST: no-such-host\.invalid is not an address of this machine"):
        listener(Settings(_env_file=None, host="no-such-host.invalid"))


def test_the_limit_of_open_files_is_raised() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    with open_files(256):
        server._raise_open_files()
        raised, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert raised == min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536


def test_a_server_that_ends_before_it_listens_is_not_waited_for() -> None:
    def load() -> HttpServer:
        raise AssertionError("it is not started")

    processes = ServerProcesses(1, socket.socket(), load)
    processes.end()

    server._wait_until_listening(processes, Settings(_env_file=None, port=free_port()))
