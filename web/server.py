"""The processes of `team-access serve`: they start and end together. A server process or a job worker that
ends by itself is started again; where PostgreSQL was started with them, its end is that of all."""

import contextlib
import errno
import gc
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from settings import Settings
from web.http_server import HttpServer
from web.job_worker import JobWorker, JobWorkerStatus, Work
from web.server_processes import ServerProcesses

_PORT_PATIENCE_SECONDS = 1.5  # The server processes of a killed start notice within milliseconds.
_STOP_TIMEOUT_SECONDS = 10
_OPEN_FILES = 65_536
_OBJECTS_BEFORE_COLLECTING = 20_000


class ServeError(Exception):
    """In one sentence, for the person who started the program."""


def serve(
    settings: Settings,
    load_server: Callable[[], HttpServer],
    job_worker: tuple[Work, JobWorkerStatus] | None,
    database_ends: Callable[[], None] | None,
    when_ready: Callable[[], Callable[[], None]],
) -> None:
    """Until SIGINT, SIGTERM or SIGHUP; raises ServeError where the server cannot go on before that.

    `load_server` and the job worker run in processes of their own, `database_ends` and `when_ready` in
    threads. `when_ready` prepares what is then done once requests are answered.
    """
    multiprocessing.set_start_method("fork" if may_fork() else "spawn", force=True)
    _raise_open_files()
    server = ServerProcesses(settings.workers, listener(settings), load_server)
    failures: list[str] = []

    def fail(sentence: str) -> None:
        if not server.is_ending:
            failures.append(sentence)
            server.end()

    def start_the_others() -> None:
        _in_thread(_announce, server, settings, when_ready, fail)
        if database_ends is not None:
            _in_thread(
                _fail_after, database_ends, fail, "PostgreSQL has ended: its log is in DATA_DIR/postgresql."
            )
        if worker is not None:
            worker.start()

    worker = JobWorker(*job_worker, lambda: server.is_ending, fail) if job_worker else None
    try:
        if not server.run(start_the_others, _STOP_TIMEOUT_SECONDS):
            failures.append("A server process has ended twice within seconds.")
    finally:
        if worker is not None:
            worker.stop(_STOP_TIMEOUT_SECONDS)
    if failures:
        raise ServeError(failures[0])


def may_fork() -> bool:
    """Whether the processes may share what this one has imported: it costs each a second and 100 MB else.

    Only on Linux, and only while this process has a single thread: others would be missing in a copy."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1


def end_with_parent() -> None:
    """For the other processes to call: whoever is killed cannot end its children, so they notice themselves.

    At once, since a parent that was killed has no time to wait: every change is one transaction. The parent's
    ways to take signals are not theirs."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end() -> None:
            parent.join()
            os._exit(1)

        _in_thread(end)


def collect_less() -> None:
    """For a server process to call once everything is loaded. A page of a hundred rows is thousands of
    objects, none of them in a circle, and each full collection would look through all that was loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, 5, 5)


def listener(settings: Settings) -> socket.socket:
    """Bound to HOST and PORT, and not listening yet. Raises ServeError where that cannot be."""
    host, port = settings.host, settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise ServeError(f"HOST: {host} is not an address of this machine.") from None
    deadline = time.monotonic() + _PORT_PATIENCE_SECONDS
    while True:
        bound = socket.socket(family)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            return bound
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE:
                reason = "needs more rights" if error.errno == errno.EACCES else "is not to be had"
                raise ServeError(f"Port {port} on {host} {reason}: set PORT or HOST to another.") from None
            if time.monotonic() > deadline:
                raise ServeError(
                    f"Port {port} is taken: end the program that listens on it, or set PORT to another."
                ) from None
            time.sleep(0.02)


def _raise_open_files() -> None:
    """Systems start at 256 or 1,024, which is fewer than the requests one process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _in_thread(task: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=task, args=arguments, daemon=True).start()


def _fail_after(ended: Callable[[], None], fail: Callable[[str], None], sentence: str) -> None:
    ended()
    fail(sentence)


def _announce(
    server: ServerProcesses,
    settings: Settings,
    when_ready: Callable[[], Callable[[], None]],
    fail: Callable[[str], None],
) -> None:
    try:
        # Not before: a process that is forked while a lock is held here would wait for that lock for good.
        _wait_until_listening(server, settings)
        announce = when_ready()
    except Exception as error:
        logging.getLogger(__name__).debug("not ready", exc_info=True)
        fail(str(error))
    else:
        announce()


def _wait_until_listening(server: ServerProcesses, settings: Settings) -> None:
    """They listen once they can answer."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    while not server.is_ending:
        with contextlib.suppress(OSError), socket.create_connection((host, settings.port), timeout=1):
            return
        time.sleep(0.02)
