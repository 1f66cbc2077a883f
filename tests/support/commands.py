"""The `team-access` command in a process of its own, with its child processes."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.forked_commands import ROOT, ForkedCommand
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.serving import free_port

START_TIMEOUT_SECONDS = 60
END_TIMEOUT_SECONDS = 20


class Command:
    """`team-access` with settings of its own, in a folder without a `.env` file."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder = folder
        self.port = int(settings.setdefault("PORT", str(free_port())))
        settings.setdefault("DATA_DIR", str(folder / "data"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
        self.process = self._start(arguments, environment)

    def _start(
        self, arguments: tuple[str, ...], environment: dict[str, str]
    ) -> "ForkedCommand | subprocess.Popen[str]":
        return ForkedCommand(self.folder, arguments, environment)

    def outcome(self) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=START_TIMEOUT_SECONDS)
        return self.process.wait(), out, err

    def get(self, path: str) -> httpx.Response:
        """Sends a GET request over a new connection, which any process of the server may accept."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, verify=NO_AUTHORITIES)

    def status(self) -> int:
        """Status of the first response."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(httpx.TransportError):
                return self.get("/health").status_code
            time.sleep(0.02)
        raise AssertionError(self.outcome())

    def processes(self) -> set[int]:
        """The process and all its descendants."""
        listing = subprocess.run(
            ["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        parents = {int(pid): int(parent) for pid, parent in map(str.split, listing.splitlines())}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder outside of pytest's folders, which other users cannot read; PostgreSQL may run as another
    user."""
    with tempfile.TemporaryDirectory(prefix="team-access-start-") as path:
        yield Path(path)


@contextmanager
def running(folder: Path, *arguments: str, **settings: str) -> Iterator[Command]:
    with ended(Command(folder, *arguments, **settings)) as command:
        yield command


@contextmanager
def ended(command: Command) -> Iterator[Command]:
    """Ends the process and its descendants after the block."""
    try:
        yield command
    finally:
        processes = command.processes()
        command.process.kill()
        command.process.communicate()
        wait_until_gone(processes)  # The processes write to the folder until they end.


def wait_until_gone(processes: set[int]) -> None:
    deadline = time.monotonic() + END_TIMEOUT_SECONDS
    while left := alive(processes):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.02)


def alive(processes: set[int]) -> set[int]:
    listing = subprocess.run(["ps", "-axo", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    states = dict(line.split(maxsplit=1) for line in listing.splitlines())
    return {pid for pid in processes if not states.get(str(pid), "Z").startswith("Z")}


def assert_one_sentence(err: str) -> None:
    assert "Traceback" not in err
    assert err.count("\n") == 1
    assert err.endswith(".\n")
