"""PostgreSQL with an archive of its write-ahead log, set up as in production."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from embedded.folder import binaries, make_private, user
from models import migrate
from tests.support.forked_commands import ROOT, outcome

SEGMENT = "SELECT pg_walfile_name(pg_current_wal_lsn())"
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
wal_level = replica
archive_mode = on
archive_command = 'cp "%p" "{folder}/archive/%f"'
"""


class ArchivingServer:
    """The folder has `data`, `archive` and what `deploy/backup` makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive, self.base, self.checkpoints = (
            folder / name for name in ("archive", "base", "checkpoints")
        )

    def url(self, role: str, database: str = "team_access") -> str:
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def team_access(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        return outcome(self.folder, *arguments, DATABASE_URL=self.url("team_access"), **settings)

    async def execute(self, *statements: str) -> str:
        """As a superuser without triggers. Returns the first value of the last statement."""
        connection = await asyncpg.connect(
            self.url("postgres"), server_settings={"session_replication_role": "replica"}
        )
        try:
            *first, last = statements
            for statement in first:
                await connection.execute(statement)
            return str(await connection.fetchval(last))
        finally:
            await connection.close()

    def run(self, command: list[str], **environment: str) -> "subprocess.CompletedProcess[str]":
        """A program of PostgreSQL, or a script that uses some, as PostgreSQL's user."""
        postgresql = user()
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.environment(), **environment},
            user=postgresql and postgresql.pw_uid,
            group=postgresql and postgresql.pw_gid,
            extra_groups=[] if postgresql else None,
        )

    def environment(self) -> dict[str, str]:
        path = f"{binaries()}:{os.environ.get('PATH', os.defpath)}"
        return {"PATH": path, "LC_ALL": "C.UTF-8", "PGHOST": str(self.folder), "PGUSER": "postgres"}


@contextmanager
def archiving(folder: Path) -> Iterator[ArchivingServer]:
    """A server with the database of `deploy/database.sql`, migrated."""
    server = ArchivingServer(make_private(folder))
    data = str(server.folder / "data")
    _done(server.run(["initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--no-sync"]))
    with (server.folder / "data" / "postgresql.conf").open("a") as file:
        file.write(_CONFIGURATION.format(folder=server.folder))
    _done(server.run(["mkdir", str(server.archive)]))
    log = str(server.folder / "log")
    _done(server.run(["pg_ctl", "--pgdata", data, "--log", log, "--silent", "--wait", "start"]))
    try:
        script = (ROOT / "deploy" / "database.sql").read_text()
        passwords = {"OWNER_PASSWORD": "o'wner", "APP_PASSWORD": 'a"pp'}
        shutil.copy(ROOT / "deploy" / "database.sql", server.folder)
        created = server.run(["psql", "--no-psqlrc", "--file", "database.sql", "postgres"], **passwords)
        _done(created)
        assert "CREATE DATABASE" in script
        migrate.upgrade(server.url("team_access_owner"), "team_access")
        yield server
    finally:
        server.run(["pg_ctl", "--pgdata", data, "--silent", "--mode", "immediate", "stop"])


def _done(result: "subprocess.CompletedProcess[str]") -> None:
    assert result.returncode == 0, f"{result.args}: {result.stdout}{result.stderr}"
