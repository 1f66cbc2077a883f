"""Processes of `team-access serve`, which start and end together. A server process or job worker that ends
unexpectedly is restarted; if the embedded PostgreSQL ends, all of them end."""

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
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import cast

from settings import Settings
from web.background_process import Background, BackgroundProcess
from web.http_server import HttpServer
from web.server_processes import ServerProcesses

_PORT_RETRY_SECONDS = 1.5  # Processes of a killed server release the port within milliseconds.
_STOP_TIMEOUT_SECONDS = 15
"""Longer than a server process that shuts down waits: 2 s for subscriptions, 6 s for requests, and 5 s to
write what is in its memory."""
_BACKGROUND_STOP_TIMEOUT_SECONDS = 10
_OPEN_FILES = 65_536
_COLLECTION_THRESHOLD = 20_000


class ServeError(Exception):
    """Why the server cannot run, in one sentence for the person who started it."""


def serve(
    settings: Settings,
    load_server: Callable[[], HttpServer],
    background: Sequence[Background],
    database_ends: Callable[[], None] | None,
    when_ready: Callable[[], Callable[[], None]],
) -> None:
    """Runs the server until SIGINT, SIGTERM or SIGHUP. Raises ServeError where it ends before that.

    `load_server` and the `background` work run in their own processes. `database_ends`, which returns when
    PostgreSQL has ended, and `when_ready`, called once the server listens, run in threads.
    """
    multiprocessing.set_start_method("fork" if may_fork() else "spawn", force=True)
    _raise_open_files()
    server = ServerProcesses(settings.workers, listener(settings), load_server)
    failures: list[str] = []

    def fail(sentence: str) -> None:
        if not server.is_ending:
            failures.append(sentence)
            server.end()

    def start_other_tasks() -> None:
        _in_thread(_announce, server, settings, when_ready, fail)
        if database_ends is not None:
            _in_thread(
                _fail_after, database_ends, fail, "PostgreSQL has ended: its log is in DATA_DIR/postgresql."
            )
        for process in processes:
            process.start()

    processes = [
        BackgroundProcess(*each, is_ending=lambda: server.is_ending, cannot_start=fail) for each in background
    ]
    try:
        if not server.run(start_other_tasks, settings.shutdown_delay_seconds, _STOP_TIMEOUT_SECONDS):
            failures.append("A server process has ended twice within seconds.")
    finally:
        for process in processes:
            process.stop(_BACKGROUND_STOP_TIMEOUT_SECONDS)
    if failures:
        raise ServeError(failures[0])


def may_fork() -> bool:
    """Whether the server processes can be forked, and so share the imported modules: without it, each takes a
    second and 100 MB more.

    Only on Linux, and only while this process has a single thread: a fork would lack the others."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1


def end_with_parent() -> None:
    """Ends the calling child process when its parent ends: a killed parent cannot end its children.

    It ends at once, which is safe since every change is one transaction. Also resets the signal handlers that
    were inherited from the parent."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    parent = cast("BaseProcess", multiprocessing.parent_process())

    def end() -> None:
        parent.join()
        os._exit(1)

    _in_thread(end)


def collect_less() -> None:
    """Reduces garbage collection, after everything is loaded. A response of a hundred rows is thousands of
    objects without reference cycles, and each full collection would walk all loaded modules."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTION_THRESHOLD, 5, 5)


def listener(settings: Settings) -> socket.socket:
    """A socket bound to HOST and PORT, not yet listening. Raises ServeError where that fails."""
    return bound_socket(settings.host, settings.port)


def bound_socket(host: str, port: int, prefix: str = "") -> socket.socket:
    """A socket bound to an address, not yet listening. Raises ServeError, which names the settings HOST and
    PORT with the prefix."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise ServeError(f"{prefix}HOST: {host} is not an address of this machine.") from None
    deadline = time.monotonic() + _PORT_RETRY_SECONDS
    while True:
        bound = socket.socket(family)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            return bound
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE:
                reason = "requires more privileges" if error.errno == errno.EACCES else "is not available"
                raise ServeError(
                    f"Port {port} on {host} {reason}: set {prefix}PORT or {prefix}HOST to another."
                ) from None
            if time.monotonic() > deadline:
                raise ServeError(
                    f"Port {port} is in use: stop the program that listens on it,"
                    f" or set {prefix}PORT to another."
                ) from None
            time.sleep(0.02)


def _raise_open_files() -> None:
    """Raises the limit of open files: the default, 256 or 1,024, is less than the connections of a
    process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _in_thread(task: Callable[..., None], *arguments: object) -> None:
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
        # First: a process forked while this thread holds a lock would wait for that lock forever.
        _wait_until_listening(server, settings)
        announce = when_ready()
    except Exception as error:
        logging.getLogger(__name__).debug("not_ready", exc_info=True)
        fail(str(error))
    else:
        announce()


def _wait_until_listening(server: ServerProcesses, settings: Settings) -> None:
    """Server processes listen once they can respond."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    while not server.is_ending:
        with contextlib.suppress(OSError), socket.create_connection((host, settings.port), timeout=1):
            return
        time.sleep(0.02)
