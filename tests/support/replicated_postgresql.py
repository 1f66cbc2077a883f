"""PostgreSQL twice: a primary, and a standby that receives each commit before it is acknowledged."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import asyncpg

from embedded import folder as embedded_folder
from embedded import server as embedded
from models import migrate
from tests.support.beginnings import Tables
from tests.support.serving import free_port

DATABASE = "team_access"
_START_SECONDS = 60
_DEBIAN = Path("/usr/lib/postgresql")
_NEEDED = ("postgres", "initdb", "pg_basebackup")
# Ends PostgreSQL when the other end of standard input is closed, however the process that started it ends.
_KEEPER = """
exec 3<&0
"$@" 3<&- & server=$!
(read -r _ <&3; kill -QUIT $server) & watcher=$!
wait $server; status=$?
kill $watcher 2>/dev/null
exit $status
"""
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "150",
    "wal_level": "replica",
    "max_wal_size": "256MB",
    "wal_keep_size": "128MB",
    "wal_receiver_timeout": "5s",
    "wal_retrieve_retry_interval": "100ms",
    "hot_standby": "on",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}


def binaries() -> Path:
    """Those of the newest version that Debian has installed, or else the embedded ones."""
    versions = sorted((int(each.name), each) for each in _DEBIAN.glob("[0-9]*") if each.name.isdigit())
    for version, folder in reversed(versions):
        if 15 <= version <= 18 and all((folder / "bin" / name).exists() for name in _NEEDED):
            return folder / "bin"
    return embedded_folder.binaries()


class Node:
    """One PostgreSQL on a TCP port, with a Unix socket for the superuser."""

    def __init__(self, folder: Path, address: str = "127.0.0.1", prefix: Sequence[str] = ()) -> None:
        """`prefix` is a command that starts PostgreSQL, such as in another network."""
        self.folder, self.address, self.port = folder, address, free_port()
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def create(self) -> None:
        options = ("--username", embedded.SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C")
        self._run("initdb", "--no-sync", "--pgdata", str(self.data), *options)
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\nhost replication all 10.0.0.0/8 trust\n")

    def copy(self, primary: "Node") -> None:
        """Becomes a standby of the primary, whatever it was before."""
        shutil.rmtree(self.data, ignore_errors=True)
        source = f"host={primary.folder} port={primary.port} user={embedded.SUPERUSER}"
        self._run(
            *("pg_basebackup", "--no-sync", "--checkpoint=fast", "--write-recovery-conf"),
            *("--pgdata", str(self.data), "--dbname", source),
        )

    async def start(self) -> None:
        """Returns once it accepts connections."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            **_SETTINGS,
            "port": str(self.port),
            "listen_addresses": self.address,
            "unix_socket_directories": str(self.folder),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        postgres = [str(binaries() / "postgres"), "-D", str(self.data), *options]
        self._process = self._spawn(["/bin/sh", "-c", _KEEPER, "keeper", *postgres], self._prefix)
        async with asyncio.timeout(_START_SECONDS):
            while not self._is_ready():
                assert self._process is None or self._process.poll() is None, self.log
                await asyncio.sleep(0.02)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """All of its processes end at once, as when the machine fails."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        """No process of it runs, while the system keeps its connections open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def restart(self) -> None:
        """As by `pg_ctl restart --mode fast`."""
        os.kill(self._postmaster, signal.SIGINT)
        assert self._process is not None
        await asyncio.to_thread(self._process.wait, _START_SECONDS)
        await self.start()

    async def connect(self, database: str = DATABASE) -> asyncpg.Connection:
        """Connects as the superuser, through the Unix socket."""
        return await asyncpg.connect(
            self.url(embedded.SUPERUSER, database), server_settings={"session_replication_role": "replica"}
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        return f"postgresql://{role}@/{database}?host={quote(str(self.folder), safe='')}&port={self.port}"

    async def execute(self, *statements: str, database: str = "postgres") -> None:
        connection = await self.connect(database)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def _is_ready(self) -> bool:
        with suppress(FileNotFoundError):
            return (self.data / "postmaster.pid").read_text().rstrip().endswith("ready")
        return False

    def _signal(self, number: int) -> None:
        """To the postmaster, stopped first so that it starts no other process, and to its processes."""
        with suppress(FileNotFoundError, ProcessLookupError):
            postmaster = self._postmaster
            os.kill(postmaster, signal.SIGSTOP)
            children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
            for process in (*map(int, children), postmaster):
                with suppress(ProcessLookupError):
                    os.kill(process, number)

    @property
    def _postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def _run(self, program: str, *arguments: str) -> None:
        process = self._spawn([str(binaries() / program), *arguments])
        process.communicate(timeout=_START_SECONDS)
        assert process.returncode == 0, self.log

    def _spawn(self, command: Sequence[str], prefix: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        user = None if prefix else embedded_folder.user()
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*prefix, *command],
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user and user.pw_uid,
                group=user and user.pw_gid,
                extra_groups=[] if user else None,
            )


class ReplicatedPostgresql:
    """A primary and its standby. Commits wait until the standby has them."""

    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes
        """In the order in which URLs name them."""
        self.primary, self.standby = nodes

    async def begin(self) -> None:
        await asyncio.to_thread(self.primary.create)
        await self.primary.start()
        await self._create_database()
        await self.attach_standby()

    async def attach_standby(self) -> None:
        """Makes the standby anew from the primary."""
        self.standby.kill()
        await asyncio.to_thread(self.standby.copy, self.primary)
        await self.standby.start()
        await self.primary.execute(
            "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"
        )
        connection = await self.primary.connect()
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await connection.fetchval(  # noqa: ASYNC110
                    "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')"
                ):
                    await asyncio.sleep(0.02)
        finally:
            await connection.close()

    async def mend(self) -> None:
        """Starts what does not run: a primary that alone runs gets a new standby."""
        if not self.standby.is_running:
            await self.attach_standby()

    async def wipe(self) -> None:
        """Deletes all rows."""
        connection = await self.primary.connect()
        try:
            tables = await Tables.of(connection)
            await tables.wipe()
        finally:
            await connection.close()

    async def promote(self) -> None:
        """The standby becomes the primary. The other one must not run."""
        await self.standby.execute("SELECT pg_promote(true, 60)")
        self.primary, self.standby = self.standby, self.primary

    def url(self, role: str = embedded.APP_ROLE, **parameters: object) -> str:
        hosts = ",".join(f"{node.address}:{node.port}" for node in self.nodes)
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{role}@{hosts}/{DATABASE}" + (f"?{query}" if query else "")

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    async def _create_database(self) -> None:
        await self.primary.execute(
            f"CREATE ROLE {embedded.OWNER_ROLE} LOGIN",
            f"CREATE ROLE {embedded.APP_ROLE} LOGIN",
            f"CREATE DATABASE {DATABASE} OWNER {embedded.OWNER_ROLE}",
            f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {DATABASE} TO {embedded.APP_ROLE}",
        )
        url = self.primary.url(embedded.OWNER_ROLE)
        await asyncio.to_thread(migrate.upgrade, url, embedded.APP_ROLE)


@asynccontextmanager
async def replicated() -> AsyncIterator[ReplicatedPostgresql]:
    with node_folders() as folders:
        pair = ReplicatedPostgresql(*(Node(each) for each in folders))
        try:
            await pair.begin()
            yield pair
        finally:
            pair.kill()


@contextmanager
def node_folders() -> Iterator[list[Path]]:
    """Two folders that PostgreSQL's user can write to."""
    with tempfile.TemporaryDirectory(prefix="team-access-pair-") as folder:
        Path(folder).chmod(0o755)
        folders = [embedded_folder.make_private(Path(folder) / name) for name in ("one", "two")]
        yield folders
