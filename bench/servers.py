"""Servers that are measured: how to start them, their addresses, memory, and how to stop them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.data import LICENSE_SIGNING_KEY
from bench.database import Database
from bench.operations import Operation

_ROOT = Path(__file__).parent.parent
_MERCURIUS = Path(__file__).with_name("mercurius")
_START_SECONDS, _STOP_SECONDS = 30, 15
COMMANDS = {
    "ours": [sys.executable, str(_ROOT / "cli.py"), "serve", "--no-worker"],
    "floor": [sys.executable, "-m", "bench.floor"],
    "mercurius": ["node", str(_MERCURIUS / "server.mjs")],
    "ordinary": [sys.executable, "-m", "bench.ordinary"],
}


class BenchError(Exception):
    """The benchmark cannot run. The message is one sentence for the person who started it."""


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    process: "subprocess.Popen[bytes]"

    def memory_bytes(self) -> int:
        """Memory of all its processes. Shared memory is counted once if the system reports it."""
        return sum(_memory_bytes(each) for each in _family(self.process.pid))


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server, or a variant of one. `path` may contain the operation's name."""

    name: str
    server: Server
    path: str = "/graphql"
    is_graphql: bool = True

    def url(self, operation: Operation) -> str:
        path = self.path.format(operation=operation.name)
        if operation.path and self.is_graphql:
            path = operation.path
        return f"http://127.0.0.1:{self.server.port}{path}"

    def answers(self, operation: Operation) -> bool:
        if operation.path:
            return self.name in ("ours", "floor, rows")
        return not operation.is_change or self.name == "ours"


def contestants(server: Server) -> list[Contestant]:
    if server.name == "floor":
        return [
            Contestant(f"floor, {way}", server, f"/{way}/{{operation}}", is_graphql=False)
            for way in ("json", "rows")
        ]
    return [Contestant(server.name, server)]


@contextmanager
def running(name: str, database: Database) -> Iterator[Server]:
    """Runs the server during the block. Raises BenchError if it does not start."""
    folder = database.folder / name
    folder.mkdir()
    if name == "mercurius":
        _install_mercurius()
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            COMMANDS[name],
            cwd=folder,  # A folder without a `.env` file.
            env=_environment(database, folder, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until_listening(name, process, port, folder / "log")
        yield Server(name, port, process)
    finally:
        stop(process)


def _environment(database: Database, folder: Path, port: int) -> dict[str, str]:
    """Environment without the settings of the person who runs the benchmark."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(_ROOT),
        "DATABASE_URL": database.url,
        "PORT": str(port),
        "WORKERS": "1",
        "RATE_LIMIT_PER_MINUTE": "1000000000",
        "LICENSE_CHECKS_PER_MINUTE": "1000000000",
        "LICENSE_SIGNING_KEY": LICENSE_SIGNING_KEY,
        "LOG_LEVEL": "warning",
        "DATA_DIR": str(folder),
        "NODE_ENV": "production",
        "PGHOST": database.host,
        "PGUSER": database.role,
        "PGDATABASE": database.name,
    }


def _install_mercurius() -> None:
    if (_MERCURIUS / "node_modules").exists():
        return
    if not (shutil.which("node") and shutil.which("npm")):
        raise BenchError(
            "Mercurius needs Node.js 20 and npm: install them (Debian: apt install nodejs npm), "
            "or leave it out: --servers ours,floor,ordinary,pgbench."
        )
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=_MERCURIUS, check=True)  # noqa: S603


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_until_listening(name: str, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise BenchError(f"{name} does not start: {log.read_text(errors='replace')[-2_000:].strip()}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends the process and its descendants, which are looked up before it ends."""
    family = _family(process.pid)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _family(pid: int) -> list[int]:
    """The process and all its descendants."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    family = [pid]
    for member in family:
        family.extend(child for child, parent in pairs if parent == member)
    return family


def _memory_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    listed = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S603, S607
    return int(listed.stdout.strip() or 0) * 1024
