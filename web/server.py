"""The processes of `team-access serve`: they start and end together. A server process or a job worker that
ends by itself is started again; where PostgreSQL was started with them, its end is that of all."""

import asyncio
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
from collections.abc import Callable, Coroutine
from typing import Any

from granian import _signals as granian_signals
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer as Server

from settings import Settings
from web.job_worker import JobWorker, JobWorkerStatus, Work

_PORT_PATIENCE_SECONDS = 1.5  # The server processes of a killed start notice within milliseconds.
_STOP_TIMEOUT_SECONDS = 10
_CONCURRENT_REQUESTS = 4096  # In each server process, WebSockets among them; more wait to be accepted.
_OPEN_FILES = 65_536
_OBJECTS_BEFORE_COLLECTING = 20_000


class ServeError(Exception):
    """In one sentence, for the person who started the program."""


def serve(
    settings: Settings,
    load_app: Callable[[], Any],
    job_worker: tuple[Work, JobWorkerStatus] | None,
    database_ends: Callable[[], None] | None,
    when_ready: Callable[[], Callable[[], None]],
) -> None:
    """Until SIGINT, SIGTERM or SIGHUP; raises ServeError where the server cannot go on before that.

    `load_app` and the job worker run in processes of their own, `database_ends` and `when_ready` in threads.
    `when_ready` prepares what is then done once requests are answered.
    """
    multiprocessing.set_start_method("fork" if may_fork() else "spawn", force=True)
    _raise_open_files()
    server = _server(settings)
    failures: list[str] = []

    def fail(sentence: str) -> None:
        if not server.interrupt_signal:
            failures.append(sentence)
            server.signal_handler_interrupt()  # type: ignore[no-untyped-call]

    @server.on_startup
    def start_the_others() -> None:
        signal.signal(signal.SIGHUP, server.signal_handler_interrupt)
        _in_thread(_announce, server, settings, when_ready, fail)
        if database_ends is not None:
            _in_thread(
                _fail_after, database_ends, fail, "PostgreSQL has ended: its log is in DATA_DIR/postgresql."
            )
        if worker is not None:
            worker.start()

    worker = JobWorker(*job_worker, lambda: server.interrupt_signal, fail) if job_worker else None
    try:
        server.serve(target_loader=load_app, wrap_loader=False)
    except SystemExit:
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

    At once, since a parent that was killed has no time to wait: every change is one transaction."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end() -> None:
            parent.join()
            os._exit(1)

        _in_thread(end)


def before_ending(finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """For a server process to call before it serves: `finish` is run at a signal to end, and then it ends.

    Granian has no such hook, ends WebSockets without a word, and threads of it panic over that at times."""
    set_loop_signals = granian_signals.set_loop_signals
    finishing: set[asyncio.Task[None]] = set()

    def set_signals(loop: asyncio.AbstractEventLoop) -> Any:
        signalled = set_loop_signals(loop)  # type: ignore[no-untyped-call]

        def end() -> None:
            task = loop.create_task(finish())
            finishing.add(task)
            task.add_done_callback(lambda _task: signalled.set())

        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, end)
        return signalled

    granian_signals.set_loop_signals = set_signals


def collect_less() -> None:
    """For a server process to call once everything is loaded. A page of a hundred rows is thousands of
    objects, none of them in a circle, and each full collection would look through all that was loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, 5, 5)


def free_address(host: str, port: int) -> str:
    """The host's address, which nobody listens on. Asked here, as Linux lets two servers share a port."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise ServeError(f"HOST: {host} is not an address of this machine.") from None
    deadline = time.monotonic() + _PORT_PATIENCE_SECONDS
    while True:
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return str(address[0])
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = "needs more rights" if error.errno == errno.EACCES else "is not to be had"
                raise ServeError(f"Port {port} on {host} {reason}: set PORT or HOST to another.") from None
            if time.monotonic() > deadline:
                raise ServeError(
                    f"Port {port} is taken: end the program that listens on it, or set PORT to another."
                ) from None
            time.sleep(0.02)


def _server(settings: Settings) -> Server:
    handler = {"formatter": "generic", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
    return Server(
        "app:create_app",
        address=free_address(settings.host, settings.port),
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        backlog=_CONCURRENT_REQUESTS,
        backpressure=_CONCURRENT_REQUESTS,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_TIMEOUT_SECONDS,
        log_level=LogLevels(settings.log_level),
        log_dictconfig={"handlers": {"console": handler, "access": handler}},
    )


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
    server: Server,
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


def _wait_until_listening(server: Server, settings: Settings) -> None:
    """They listen once they can answer."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.bind_addr, server.bind_addr)  # noqa: S104
    while not server.main_loop_interrupt.wait(0.02):
        if len(server.wrks) < settings.workers:
            continue
        with contextlib.suppress(OSError), socket.create_connection((address, settings.port), timeout=1):
            return
