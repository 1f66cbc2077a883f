"""The embedded PostgreSQL: binaries from a wheel, data in one folder, connections through a Unix socket.

The wheel's Python wrapper is not used: it polls once per second, takes any process with the number in a
stale `postmaster.pid` for a running server, and leaves PostgreSQL running if its own process is killed.
Instead, two file locks, which the kernel releases however a process ends, show which processes are alive:

- `owner.lock` is held by the process that started PostgreSQL.
- `log` is held by PostgreSQL: by every process that writes to it, including `initdb`.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import asyncpg

from embedded.folder import (
    EmbeddedPostgresqlError,
    binaries,
    make_private,
    make_socket_folder,
    socket_folder,
    user,
)

DATABASE = "team_access"
APP_ROLE = "team_access"
OWNER_ROLE = "team_access_owner"
SUPERUSER = "postgres"

_START_TIMEOUT_SECONDS = 120  # After a crash, up to max_wal_size is replayed.
_STOP_TIMEOUT_SECONDS = 60

# Stops PostgreSQL (INT: roll back open transactions, then stop) when the other end of standard input is
# closed, which happens however the process that started it ends.
_KEEPER = """
exec 3<&0
"$@" 3<&- & server=$!
(read -r _ <&3; kill -INT $server) & watcher=$!
wait $server; status=$?
kill $watcher 2>/dev/null
[ -z "$DISCARD" ] || rm -rf "$DISCARD"
exit $status
"""

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
    # Without errors: the app reports refused statements, and the log would show their parameters.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
}
_CREATE_ROLE = """
DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""
_INITDB_OPTIONS = (
    *("--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"),
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
)
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class InUseError(EmbeddedPostgresqlError):
    """Another running process has started the PostgreSQL of this folder."""


class Server:
    """Running PostgreSQL. Its roles have no passwords: every process that can open the socket can be any
    role."""

    def __init__(self, folder: Path, keeper: "subprocess.Popen[bytes] | None") -> None:
        self._host = quote(str(socket_folder(folder)))
        self._keeper = keeper

    def url(self, role: str, database: str = DATABASE) -> str:
        return f"postgresql://{role}@/{database}?host={self._host}"

    @property
    def is_own(self) -> bool:
        """Whether this process has started it."""
        return self._keeper is not None

    def wait(self) -> None:
        """Waits until PostgreSQL has ended. Returns at once if another process has started it."""
        if self._keeper is not None:
            self._keeper.wait()

    async def connect(self, database: str = SUPERUSER) -> asyncpg.Connection:
        return await asyncpg.connect(self.url(SUPERUSER, database), timeout=10)

    async def has_database(self, name: str) -> bool:
        connection = await self.connect()
        try:
            found = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name)
        finally:
            await connection.close()
        return found is not None

    async def create_database(self, name: str, template: str = "template1") -> None:
        """Creates a database, replacing one of the same name. It belongs to the role that owns the tables."""
        await self._execute(
            *(_CREATE_ROLE.format(role=role) for role in (OWNER_ROLE, APP_ROLE)),
            f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
            f"CREATE DATABASE {name} OWNER {OWNER_ROLE} TEMPLATE {template}",
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}",
        )

    async def rename_database(self, name: str, new_name: str) -> None:
        await self._execute(f"ALTER DATABASE {name} RENAME TO {new_name}")

    async def drop_database(self, name: str) -> None:
        await self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _execute(self, *statements: str) -> None:
        connection = await self.connect()
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running(
    folder: Path, *, connections: int = 100, temporary: bool = False, patience_seconds: float = 2
) -> Iterator[Server]:
    """Starts PostgreSQL on the folder, which is created if it does not exist, and stops it at the end of the
    block.

    Raises InUseError if a running process has already started it; after a process was killed its lock remains
    until the kernel has removed the process. A PostgreSQL that such a process left running is stopped first.
    `temporary` is for tests: nothing is flushed to disk, and the folder is deleted afterwards, even if this
    process is killed.
    """
    folder = make_private(folder)
    with _owner_lock(folder, patience_seconds), _log(folder) as log:
        if not (folder / "data").exists():
            _initialise(folder, log)
        keeper = _spawn(folder, log, connections, temporary)
        try:
            _wait_until_ready(folder, keeper)
            yield Server(folder, keeper)
        finally:
            _stop(keeper)


@contextmanager
def attached(folder: Path) -> Iterator[Server]:
    """The PostgreSQL that another process has started; if there is none, one that runs for the duration of
    the block."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running(folder, patience_seconds=0))
        except InUseError:
            _wait_until_ready(folder.resolve(), None)
            server = Server(folder.resolve(), None)
        yield server


@contextmanager
def _owner_lock(folder: Path, patience_seconds: float) -> Iterator[None]:
    with (folder / "owner.lock").open("w") as lock:
        if not _acquire(lock.fileno(), patience_seconds):
            raise InUseError(
                f"Another process is using {folder.parent}: stop it, or set DATA_DIR to another folder."
            )
        yield


@contextmanager
def _log(folder: Path) -> Iterator[BinaryIO]:
    """The log file, emptied and locked once no process of an earlier PostgreSQL is alive."""
    with (folder / "log").open("ab") as log:
        if not _acquire(log.fileno(), 0):
            _interrupt_postmaster(folder)
            if not _acquire(log.fileno(), _STOP_TIMEOUT_SECONDS):
                raise EmbeddedPostgresqlError(
                    f"An earlier PostgreSQL in {folder} does not stop: stop its processes, then start again."
                )
        for stale in (folder / "data" / "postmaster.pid", socket_folder(folder) / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)
        shutil.rmtree(folder / "data.new", ignore_errors=True)
        log.truncate(0)
        yield log


def _acquire(lock: int, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def _interrupt_postmaster(folder: Path) -> None:
    """Called while another process holds the lock on the log, so that the number in `postmaster.pid` is not
    stale."""
    with suppress(OSError, ValueError, IndexError):
        os.kill(int((folder / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGINT)


def _initialise(folder: Path, log: BinaryIO) -> None:
    """Creates the data folder under another name until it is complete, so that an incomplete one is never
    used."""
    command = [str(binaries() / "initdb"), "--pgdata", str(folder / "data.new"), *_INITDB_OPTIONS]
    initdb = _run_as_postgresql(command, folder, log)
    try:
        initdb.communicate(timeout=_START_TIMEOUT_SECONDS)
    finally:
        initdb.kill()
        initdb.wait()
    if initdb.returncode != 0:
        raise EmbeddedPostgresqlError(_reason(folder))
    (folder / "data.new").rename(folder / "data")


def _spawn(folder: Path, log: BinaryIO, connections: int, temporary: bool) -> "subprocess.Popen[bytes]":
    settings = {
        **_SETTINGS,
        **(_NOT_DURABLE if temporary else {}),
        "max_connections": str(connections),
        "unix_socket_directories": str(make_socket_folder(folder)),
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    postgres = [str(binaries() / "postgres"), "-D", str(folder / "data"), *options]
    discard = {"DISCARD": str(folder) if temporary else ""}
    return _run_as_postgresql(["/bin/sh", "-c", _KEEPER, "keeper", *postgres], folder, log, discard)


def _run_as_postgresql(
    command: list[str], folder: Path, log: BinaryIO, environment: dict[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Starts a session of its own, so that a terminal's Ctrl-C does not reach PostgreSQL before this process
    stops it."""
    postgresql = user()
    return subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
        user=postgresql and postgresql.pw_uid,
        group=postgresql and postgresql.pw_gid,
        extra_groups=[] if postgresql else None,
    )


def _wait_until_ready(folder: Path, keeper: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not _is_ready(folder):
        if keeper is not None and keeper.poll() is not None:
            raise EmbeddedPostgresqlError(_reason(folder))
        if time.monotonic() > deadline:
            raise EmbeddedPostgresqlError(f"PostgreSQL takes too long to start: see {folder / 'log'}.")
        time.sleep(0.01)


def _is_ready(folder: Path) -> bool:
    with suppress(FileNotFoundError):
        return (folder / "data" / "postmaster.pid").read_text().rstrip().endswith("ready")
    return False


def _stop(keeper: "subprocess.Popen[bytes]") -> None:
    with suppress(subprocess.TimeoutExpired):
        keeper.communicate(timeout=_STOP_TIMEOUT_SECONDS)  # Closes its input, which makes it stop PostgreSQL.


def _reason(folder: Path) -> str:
    log = (folder / "log").read_text(errors="replace")
    found = re.findall(r"^.*(?:FATAL|PANIC|error): +(.+)$", log, re.MULTILINE)
    said = found[-1] if found else "it says nothing"
    return f"PostgreSQL does not start in {folder}: {said.rstrip('.')}."
