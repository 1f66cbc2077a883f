"""Commands of `team-access`, each in a process forked from one that has already imported the modules of the
commands.

They behave like commands that are started normally (`tests/processes/test_start.py` does so) and save the
imports, which take most of a command's time, and a second of each server's start.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from threading import Lock, Thread
from typing import Any, TextIO

ROOT = Path(__file__).parents[2]
_TIMEOUT_SECONDS = 60


def outcome(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """The exit code, what it printed and what it complained of."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(folder / "data"), **settings}
    process = ForkedCommand(folder, arguments, environment)
    try:
        out, err = process.communicate()
    finally:
        process.kill()
    return process.wait(), out, err


def running_code(code: str, *arguments: str) -> "ForkedCommand":
    """A process that runs Python code instead of `team-access`."""
    return ForkedCommand(ROOT, arguments, {**os.environ, "PYTHONPATH": str(ROOT)}, code)


class ForkedCommand:
    """The part of the interface of `subprocess.Popen` that tests need."""

    def __init__(
        self,
        folder: Path,
        arguments: tuple[str, ...],
        environment: dict[str, str],
        code: str = "",
        output: int | None = None,
    ) -> None:
        """`output` is a file for all that it prints, in place of the pipes."""
        request = {
            "folder": str(folder), "arguments": arguments, "environment": environment, "code": code
        }  # fmt: skip
        (out, its_out), (err, its_err), (status, its_status) = (os.pipe() for _ in range(3))
        with _LOCK:
            channel = _parent()
            files = [its_out, its_err] if output is None else [output, output]
            socket.send_fds(channel, [b"!"], [*files, its_status])
            channel.sendall(f"{json.dumps(request)}\n".encode())
            self.pid = int(channel.recv(20))
        for file in (its_out, its_err, its_status):
            os.close(file)
        self.returncode: int | None = None
        self.stdout, self.stderr = os.fdopen(out), os.fdopen(err)
        self._status = os.fdopen(status)

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("team-access", timeout or 0)
            with self._status:
                self.returncode = os.waitstatus_to_exitcode(int(self._status.read()))
        return self.returncode

    def communicate(self, timeout: float = _TIMEOUT_SECONDS) -> tuple[str, str]:
        """Further calls return empty output."""
        deadline = time.monotonic() + timeout
        read: dict[TextIO, str] = {}
        files = [file for file in (self.stdout, self.stderr) if not file.closed]
        readers = [Thread(target=_read, args=(file, read), daemon=True) for file in files]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        self.wait(max(0.0, deadline - time.monotonic()))
        return read.get(self.stdout, ""), read.get(self.stderr, "")

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _read(file: TextIO, into: dict[TextIO, str]) -> None:
    with file:
        into[file] = file.read()


_LOCK = Lock()


@cache
def _parent() -> socket.socket:
    """Channel to the process from which commands are forked. That process ends with the channel."""
    ours, its = socket.socketpair()
    with its:
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_commands", str(its.fileno())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
    return ours


def _serve(channel: socket.socket) -> None:
    """Forks a command for each request, and reports the exit status of each."""
    import typer.rich_utils  # noqa: F401

    import app  # noqa: F401
    import cli
    import worker  # noqa: F401
    from audit_proof import keys as audit_keys  # noqa: F401
    from demo import first_start  # noqa: F401
    from resolvers.billing import operator as operator_invoices  # noqa: F401
    from web import server  # noqa: F401

    gc.collect()
    gc.freeze()  # A collection would copy the shared pages.
    statuses: dict[int, int] = {}
    children, ended = os.pipe()
    os.set_blocking(ended, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(ended)
    while True:
        ready, _, _ = select.select([channel.fileno(), children], [], [])
        if children in ready:
            os.read(children, 1000)
            _tell_ended(statuses)
        if channel.fileno() in ready:
            begun, files, _, _ = socket.recv_fds(channel, 1, 3)
            if not begun:
                return
            request = json.loads(_line(channel))
            pid = os.fork()
            if pid == 0:
                _become(request, *files[:2])
                main = partial(exec, request["code"], {}) if request["code"] else cli.main
                os._exit(_code_of(main))  # Skips the clean-up of all modules.
            statuses[pid] = files.pop()
            for file in files:
                os.close(file)
            channel.sendall(b"%d" % pid)


def _tell_ended(statuses: dict[int, int]) -> None:
    while statuses:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with os.fdopen(statuses.pop(pid), "w") as file:
            file.write(str(status))


def _line(channel: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += channel.recv(65_536)
    return line


def _code_of(main: Callable[[], None]) -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _become(request: dict[str, Any], out: int, err: int) -> None:
    """Turns the forked process into the one that would have been started for the request."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, file in ((1, out), (2, err)):
        os.dup2(file, number)
    os.closerange(3, 1024)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        _serve(inherited)
